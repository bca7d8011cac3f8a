#include "redis/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum { KEY_FILE_MAX = 32 * 1024, READ_AHEAD = 64 * 1024 };

/* --- the authorities ---------------------------------------------------------------- */

static int cannot_read(const char *path, seg_error *error)
{
	return seg_fail(error, SEG_EINVAL, "%s cannot be read: %s", path, strerror(errno));
}

/* OpenSSL would wait for a pipe's writer. */
static int check_file(const char *path, seg_error *error)
{
	struct stat status;
	if (access(path, R_OK) || stat(path, &status))
		return cannot_read(path, error);
	if (!S_ISREG(status.st_mode))
		return seg_fail(error, SEG_EINVAL, "%s is not a regular file; name a PEM file", path);
	return 0;
}

static int trust_file(SSL_CTX *context, const char *path, seg_error *error)
{
	int status = check_file(path, error);
	if (status)
		return status;
	if (SSL_CTX_load_verify_file(context, path) != 1)
		return seg_fail(error, SEG_EINVAL, "%s holds no certificate; name a PEM file", path);
	return 0;
}

static int trust_directory(SSL_CTX *context, const char *path, seg_error *error)
{
	struct stat status;
	if (stat(path, &status))
		return cannot_read(path, error);
	if (!S_ISDIR(status.st_mode))
		return seg_fail(error, SEG_EINVAL, "%s is not a directory", path);
	if (access(path, R_OK | X_OK))
		return cannot_read(path, error);
	if (SSL_CTX_load_verify_dir(context, path) != 1)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	return 0;
}

static int trust(SSL_CTX *context, const seg_tls_settings *settings, const char **option, seg_error *error)
{
	int status = 0;
	if (settings->ca_file) {
		*option = "ca_file";
		status = trust_file(context, settings->ca_file, error);
	}
	if (status == 0 && settings->ca_directory) {
		*option = "ca_directory";
		status = trust_directory(context, settings->ca_directory, error);
	}
	if (!settings->ca_file && !settings->ca_directory && settings->verify)
		SSL_CTX_set_default_verify_paths(context);
	return status;
}

/* --- the client's certificate ------------------------------------------------------------ */

static int use_certificate(SSL *ssl, const char *path, seg_error *error)
{
	int status = check_file(path, error);
	if (status)
		return status;
	if (SSL_use_certificate_chain_file(ssl, path) != 1)
		return seg_fail(error, SEG_EINVAL, "%s holds no certificate; name a PEM file", path);
	return 0;
}

/* Into a buffer that the caller wipes. Returns the length, or -1 with errno. */
static ssize_t read_key_file(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t length = 0;
	ssize_t n = fd < 0 ? -1 : 1;
	while (n > 0 && length < size) {
		n = read(fd, buffer + length, size - length);
		length += n > 0 ? (size_t)n : 0;
	}
	int failure = errno;
	if (fd >= 0)
		close(fd);
	errno = failure;
	return n < 0 ? -1 : (ssize_t)length;
}

/* OpenSSL's own would ask on the terminal. */
static int no_password(char *buffer, int size, int writing, void *arg)
{
	(void)buffer, (void)size, (void)writing;
	*(bool *)arg = true;
	return -1;
}

static int use_key(SSL *ssl, const char *path, const char *cert_file, seg_error *error)
{
	char text[KEY_FILE_MAX];
	bool encrypted = false;
	int status = check_file(path, error);
	if (status)
		return status;
	ssize_t length = read_key_file(path, text, sizeof(text));
	if (length < 0)
		return cannot_read(path, error);
	BIO *bio = BIO_new_mem_buf(text, (int)length);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted) : NULL;
	OPENSSL_cleanse(text, (size_t)length);
	if (!bio)
		status = seg_fail(error, SEG_ENOMEM, "out of memory");
	else if (encrypted)
		status = seg_fail(
			error, SEG_EINVAL,
			"%s is encrypted; name a key without a passphrase, which only this user may read",
			path);
	else if (!key)
		status = seg_fail(error, SEG_EINVAL, "%s holds no private key; name a PEM file", path);
	else if (SSL_use_PrivateKey(ssl, key) != 1 || SSL_check_private_key(ssl) != 1)
		status = seg_fail(error, SEG_EINVAL, "%s is not the key of the certificate in %s", path,
				  cert_file);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return status;
}

static int use_pair(SSL *ssl, const seg_tls_settings *settings, const char **option, seg_error *error)
{
	const char *cert_file = settings->cert_file, *key_file = settings->key_file;
	if (!cert_file && !key_file)
		return 0;
	*option = cert_file ? "cert_file" : "key_file";
	if (!key_file)
		return seg_fail(error, SEG_EINVAL, "there is no key for it; set tls_key_file, too");
	if (!cert_file)
		return seg_fail(error, SEG_EINVAL, "there is no certificate for it; set tls_cert_file, too");
	int status = use_certificate(ssl, cert_file, error);
	if (status)
		return status;
	*option = "key_file";
	return use_key(ssl, key_file, cert_file, error);
}

/* --- all of them ------------------------------------------------------------------------- */

static pthread_once_t initialised = PTHREAD_ONCE_INIT;

/* Threads may use TLS while the process exits, so OpenSSL must not be torn down before them. */
static void initialise(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

static SSL_CTX *create_context(void)
{
	pthread_once(&initialised, initialise);
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return NULL;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Otherwise each record takes two reads: its head and its rest. */
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
	return context;
}

SSL *seg_tls_files_open(const seg_tls_settings *settings, const char **option, seg_error *error)
{
	SSL_CTX *context = create_context();
	SSL *ssl = NULL;
	*option = NULL;
	int status = context ? trust(context, settings, option, error)
			     : seg_fail(error, SEG_ENOMEM, "out of memory for TLS");
	if (status == 0) {
		/* The key belongs to the SSL and not to its context, so that it can be dropped. */
		ssl = SSL_new(context);
		status = ssl ? use_pair(ssl, settings, option, error)
			     : seg_fail(error, SEG_ENOMEM, "out of memory for TLS");
	}
	ERR_clear_error();
	SSL_CTX_free(context);
	if (status == 0)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

int seg_tls_files_check(const seg_tls_settings *settings, const char **option, seg_error *error)
{
	seg_error why = {0};
	SSL *ssl = seg_tls_files_open(settings, option, &why);
	SSL_free(ssl);
	return ssl ? 0 : seg_fail(error, why.status, "%s", why.text);
}

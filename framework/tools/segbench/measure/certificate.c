#include "measure/certificate.h"

#include <err.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>

enum { AN_HOUR = 60 * 60, A_DAY = 24 * AN_HOUR };

void bench_certificate_path(const char *directory, const char *name, char path[CERTIFICATE_PATH_MAX])
{
	snprintf(path, CERTIFICATE_PATH_MAX, "%s/%s", directory, name);
}

static bool add_extension(X509 *certificate, int kind, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool fill(X509 *certificate, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	return X509_set_version(certificate, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -AN_HOUR) &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), A_DAY) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"segbench", -1, -1,
					  0) == 1 &&
	       X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
	       add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
	       add_extension(certificate, NID_subject_alt_name, "IP:127.0.0.1") &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

static FILE *create(const char *directory, const char *name)
{
	char path[CERTIFICATE_PATH_MAX];
	bench_certificate_path(directory, name, path);
	FILE *file = fopen(path, "w");
	if (!file || fchmod(fileno(file), 0600))
		err(EX_CANTCREAT, "cannot write %s", path);
	return file;
}

void bench_certificate_make(const char *directory)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	if (!key || !certificate || !fill(certificate, key))
		errx(EX_SOFTWARE, "OpenSSL cannot make a certificate");
	FILE *file = create(directory, CERTIFICATE_FILE), *key_file = create(directory, CERTIFICATE_KEY);
	bool written = PEM_write_X509(file, certificate) == 1 &&
		       PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1;
	if (fclose(file) || fclose(key_file) || !written)
		err(EX_IOERR, "cannot write the certificate of redis-server into %s", directory);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

#include "harness/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SERVER_NAMES "DNS:localhost,IP:127.0.0.1"

/* What `openssl ca` wants to know. Only this command takes a time of validity from all versions of openssl. */
static const char configuration[] = "[ca]\n"
				    "default_ca = test\n"
				    "[test]\n"
				    "database = index\n"
				    "new_certs_dir = .\n"
				    "rand_serial = yes\n"
				    "unique_subject = no\n"
				    "default_md = sha256\n"
				    "policy = names\n"
				    "copy_extensions = copy\n"
				    "[names]\n"
				    "commonName = supplied\n";

static void run(const test_certificates *certificates, const char *format, ...)
{
	char what[512], command[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(command, sizeof(command), "cd '%s' && { openssl %s; } >>log 2>&1 </dev/null",
		 certificates->directory, what);
	if (system(command) != 0)
		fail_msg("openssl %s failed; see %s/log", what, certificates->directory);
}

static void authority(const test_certificates *certificates, const char *name, const char *subject)
{
	run(certificates,
	    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=%s' "
	    "-keyout %s.key -out %s.pem",
	    subject, name, name);
}

typedef struct {
	const char *name, *authority, *subject, *names; /* names: subjectAltName */
	const char *first, *last;                       /* NULL: valid for ten years from now on */
} request;

static const request requests[] = {
	{"server", "ca", "localhost", SERVER_NAMES, NULL, NULL},
	{"client", "ca", "segmenter test client", "DNS:client.example", NULL, NULL},
	{"renewed", "ca", "localhost", SERVER_NAMES, NULL, NULL},
	{"expired", "ca", "localhost", SERVER_NAMES, "20200101000000Z", "20210101000000Z"},
	{"early", "ca", "localhost", SERVER_NAMES, "20990101000000Z", "21000101000000Z"},
	{"other-name", "ca", "other.example", "DNS:other.example", NULL, NULL},
	{"stranger", "other-ca", "localhost", SERVER_NAMES, NULL, NULL},
};

static void sign(const test_certificates *certificates, const request *r)
{
	char validity[96] = "-days 3650";
	run(certificates,
	    "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=%s' "
	    "-addext subjectAltName=%s -keyout %s.key -out %s.csr",
	    r->subject, r->names, r->name, r->name);
	if (r->first)
		snprintf(validity, sizeof(validity), "-startdate %s -enddate %s", r->first, r->last);
	run(certificates,
	    "ca -batch -notext -config ca.conf -cert %s.pem -keyfile %s.key %s -in %s.csr -out %s.pem",
	    r->authority, r->authority, validity, r->name, r->name);
}

static void write_file(const test_certificates *certificates, const char *name, const char *text)
{
	FILE *file = fopen(test_certificates_path(certificates, name), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

test_certificates *test_certificates_make(void)
{
	test_certificates *certificates = calloc(1, sizeof(*certificates));
	assert_non_null(certificates);
	test_directory_make(certificates->directory);
	write_file(certificates, "ca.conf", configuration);
	write_file(certificates, "index", "");
	authority(certificates, "ca", "segmenter test CA");
	authority(certificates, "other-ca", "another CA");
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		sign(certificates, &requests[i]);
	return certificates;
}

void test_certificates_remove(test_certificates *certificates)
{
	if (!certificates)
		return;
	test_directory_remove(certificates->directory);
	free(certificates);
}

const char *test_certificates_path(const test_certificates *certificates, const char *file)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", certificates->directory, file);
	return path;
}

const char *test_certificates_arguments(const test_certificates *certificates, const char *name,
					bool client_certificates)
{
	static char arguments[512];
	const char *directory = certificates->directory;
	snprintf(arguments, sizeof(arguments),
		 "--tls-ca-cert-file %s/ca.pem --tls-cert-file %s/%s.pem --tls-key-file %s/%s.key "
		 "--tls-auth-clients %s",
		 directory, directory, name, directory, name, client_certificates ? "yes" : "no");
	return arguments;
}

test_server *test_certificates_start_server(const test_certificates *certificates, bool client_certificates,
					    const char *arguments)
{
	char all[1024];
	snprintf(all, sizeof(all), "%s %s",
		 test_certificates_arguments(certificates, "server", client_certificates),
		 arguments ? arguments : "");
	return test_server_start_with(&(test_server_options){.arguments = all, .tls = true});
}

void test_certificates_swap(const test_certificates *certificates, const test_server *server,
			    const char *name)
{
	const char *directory = certificates->directory;
	test_server_tell(server, "CONFIG SET tls-cert-file %s/%s.pem tls-key-file %s/%s.key", directory, name,
			 directory, name);
}

/*
 * test_config_tls.c - TLS in a configuration: its files are looked at when the configuration is loaded, and each
 * mistake names its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/compare.h"
#include "config/config.h"
#include "harness/certificates.h"
#include "redis/tls_files.h"

#define CONSUMER "[consumer c]\nstream=s\ngroup=g\nplugin=p\n"
#define TLS "[redis]\naddress = rediss://h\n"

static test_certificates *certificates;

static int make_certificates(void **state)
{
	(void)state;
	certificates = test_certificates_make();
	return 0;
}

static int remove_certificates(void **state)
{
	(void)state;
	test_certificates_remove(certificates);
	return 0;
}

static seg_config *config;
static seg_config_errors errors;

static int load(const char *text)
{
	const char *path = test_certificates_path(certificates, "c.ini");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	seg_config_errors_fini(&errors);
	return seg_config_load(path, &config, &errors);
}

static int unload(void **state)
{
	(void)state;
	seg_config_free(config);
	config = NULL;
	seg_config_errors_fini(&errors);
	return 0;
}

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
	char command[512];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

/* This line of the file has the only problem. */
static void reports(unsigned line, const char *what)
{
	char place[32];
	assert_int_equal(errors.count, 1);
	snprintf(place, sizeof(place), "c.ini:%u: ", line);
	assert_non_null(strstr(errors.list[0].text, place));
	if (!strstr(errors.list[0].text, what))
		fail_msg("\"%s\" does not say \"%s\"", errors.list[0].text, what);
}

static void a_rediss_address_alone_verifies_by_the_systems_authorities(void **state)
{
	(void)state;
	assert_int_equal(load(TLS CONSUMER), 0);
	assert_int_equal(errors.count, 0);
	assert_true(config->redis.tls_verify);
	assert_null(config->redis.tls_ca_file);
	assert_null(config->redis.tls_ca_directory);
	assert_null(config->redis.tls_server_name);
}

static void files_that_belong_together_are_good_and_relative_to_their_configuration(void **state)
{
	(void)state;
	assert_int_equal(load(TLS "tls_ca_file = ca.pem\ntls_ca_directory = .\ntls_cert_file = client.pem\n"
				  "tls_key_file = client.key\ntls_server_name = redis.internal\n" CONSUMER),
			 0);
	assert_int_equal(errors.count, 0);
	assert_string_equal(config->redis.tls_ca_file, test_certificates_path(certificates, "ca.pem"));
	assert_string_equal(config->redis.tls_cert_file, test_certificates_path(certificates, "client.pem"));
	assert_string_equal(config->redis.tls_key_file, test_certificates_path(certificates, "client.key"));
	assert_string_equal(config->redis.tls_server_name, "redis.internal");
}

static void a_key_of_another_certificate_is_refused_at_its_line(void **state)
{
	(void)state;
	assert_int_equal(load(TLS "tls_cert_file = client.pem\ntls_key_file = server.key\n" CONSUMER),
			 SEG_EINVAL);
	reports(4, "server.key is not the key of the certificate in ");
}

static void a_file_of_the_wrong_kind_is_refused_at_its_line(void **state)
{
	(void)state;
	assert_int_equal(load(TLS "tls_cert_file = client.key\ntls_key_file = client.key\n" CONSUMER),
			 SEG_EINVAL);
	reports(3, "client.key holds no certificate; name a PEM file");
	run("chmod 600 %s", test_certificates_path(certificates, "client.pem"));
	assert_int_equal(load(TLS "tls_cert_file = client.pem\ntls_key_file = client.pem\n" CONSUMER),
			 SEG_EINVAL);
	reports(4, "client.pem holds no private key; name a PEM file");
}

static void a_key_with_a_passphrase_is_refused_and_no_terminal_asked(void **state)
{
	(void)state;
	run("cd %s && openssl pkey -in client.key -aes128 -passout pass:secret -out encrypted.key && "
	    "chmod 600 encrypted.key",
	    certificates->directory);
	assert_int_equal(load(TLS "tls_cert_file = client.pem\ntls_key_file = encrypted.key\n" CONSUMER),
			 SEG_EINVAL);
	reports(4, "encrypted.key is encrypted; name a key without a passphrase");
}

static void a_pipe_is_never_waited_for(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(test_certificates_path(certificates, "pipe"), 0600), 0);
	assert_int_equal(load(TLS "tls_ca_file = pipe\n" CONSUMER), SEG_EINVAL);
	reports(3, "pipe is not a regular file");
	assert_int_equal(load(TLS "tls_cert_file = pipe\ntls_key_file = pipe\n" CONSUMER), SEG_EINVAL);
	reports(3, "pipe is not a regular file");
	assert_int_equal(load(TLS "tls_cert_file = client.pem\ntls_key_file = pipe\n" CONSUMER), SEG_EINVAL);
	reports(4, "pipe is not a regular file");
}

static void a_key_that_others_may_read_is_warned_of(void **state)
{
	(void)state;
	run("cd %s && cp client.key open.key", certificates->directory);
	assert_int_equal(chmod(test_certificates_path(certificates, "open.key"), 0644), 0);
	assert_int_equal(load(TLS "tls_cert_file = client.pem\ntls_key_file = open.key\n" CONSUMER), 0);
	reports(4, "tls_key_file: other users may read or write ");
}

static void to_verify_nothing_is_warned_of(void **state)
{
	(void)state;
	assert_int_equal(load(TLS "tls_verify = no\n" CONSUMER), 0);
	assert_false(config->redis.tls_verify);
	reports(3, "tls_verify = no: anyone on the way to Redis can read and change everything");
}

static void the_certificate_of_admin_must_belong_to_its_key(void **state)
{
	(void)state;
	assert_int_equal(load("[runner]\nadmin = 127.0.0.1:0\nadmin_tls_cert_file = server.pem\n"
			      "admin_tls_key_file = server.key\n" CONSUMER),
			 0);
	assert_int_equal(errors.count, 0);
	assert_string_equal(config->runner.admin_tls_cert_file,
			    test_certificates_path(certificates, "server.pem"));
	seg_config_free(config);
	assert_int_equal(load("[runner]\nadmin = 127.0.0.1:0\nadmin_tls_cert_file = server.pem\n"
			      "admin_tls_key_file = client.key\n" CONSUMER),
			 SEG_EINVAL);
	reports(4, "admin_tls_key_file: ");
	assert_int_equal(load("[runner]\nadmin = 127.0.0.1:0\nadmin_tls_cert_file = server.pem\n" CONSUMER),
			 SEG_EINVAL);
	reports(3, "admin_tls_cert_file is set without admin_tls_key_file; add admin_tls_key_file = PATH");
}

static void other_pages_link_to_an_address_that_others_reach(void **state)
{
	(void)state;
	static const struct {
		const char *lines, *page; /* NULL: none */
	} cases[] = {
		{"admin = 127.0.0.1:9464\n", NULL},
		{"admin = [::1]:9464\n", NULL},
		{"admin = 127.0.0.1:9464\nadmin_url = https://proxy.example/one/\n",
		 "https://proxy.example/one/"},
		{"admin = 192.0.2.1:9464\n", "http://192.0.2.1:9464/"},
		{"admin = [2001:db8::1]:9464\n", "http://[2001:db8::1]:9464/"},
		{"admin = 192.0.2.1:0\n", NULL},
		{"admin = off\n", NULL},
	};
	run("echo token > '%s'; chmod 600 '%s'", test_certificates_path(certificates, "token"),
	    test_certificates_path(certificates, "token"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		bool off = strstr(cases[i].lines, "off");
		snprintf(text, sizeof(text), "[runner]\n%s%s" CONSUMER, cases[i].lines,
			 off ? "" : "admin_token_file = token\n");
		assert_int_equal(load(text), 0);
		if (cases[i].page)
			assert_string_equal(config->runner.admin_page, cases[i].page);
		else
			assert_null(config->runner.admin_page);
		unload(NULL);
	}
	/* On all addresses: by this host's name. */
	assert_int_equal(load("[runner]\nadmin = 0.0.0.0:9464\nadmin_token_file = token\n" CONSUMER), 0);
	char host[256] = "", page[300];
	gethostname(host, sizeof(host) - 1);
	snprintf(page, sizeof(page), "http://%s:9464/", host);
	assert_string_equal(config->runner.admin_page, page);
	unload(NULL);
	assert_int_equal(load("[runner]\nadmin = 127.0.0.1:9464\nadmin_url = javascript:alert(1)\n" CONSUMER),
			 SEG_EINVAL);
	reports(3, "admin_url: \"javascript:alert(1)\" is not the URL of a page");
}

/* SIGHUP must say so, and not apply half of it. */
static void another_tls_file_needs_a_restart_and_another_content_does_not(void **state)
{
	(void)state;
	char text[128];
	seg_config *before;
	assert_int_equal(load(TLS "tls_ca_file = ca.pem\n" CONSUMER), 0);
	before = config;
	assert_int_equal(load(TLS "tls_ca_file = other-ca.pem\n" CONSUMER), 0);
	assert_string_equal(seg_config_needs_restart(before, config, text, sizeof(text)),
			    "[redis] tls_ca_file");
	seg_config_free(before);
}

/* Also what a library's user gives, who has no configuration. */
static void half_a_pair_names_the_other_half(void **state)
{
	(void)state;
	const char *option;
	seg_error error;
	seg_tls_settings settings = {.cert_file = test_certificates_path(certificates, "client.pem")};
	assert_int_equal(seg_tls_files_check(&settings, &option, &error), SEG_EINVAL);
	assert_string_equal(option, "cert_file");
	assert_non_null(strstr(error.text, "set tls_key_file, too"));
	settings = (seg_tls_settings){.key_file = test_certificates_path(certificates, "client.key")};
	assert_int_equal(seg_tls_files_check(&settings, &option, &error), SEG_EINVAL);
	assert_string_equal(option, "key_file");
	assert_non_null(strstr(error.text, "set tls_cert_file, too"));
}

#define TEST(name) cmocka_unit_test_teardown(name, unload)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rediss_address_alone_verifies_by_the_systems_authorities),
		TEST(files_that_belong_together_are_good_and_relative_to_their_configuration),
		TEST(a_key_of_another_certificate_is_refused_at_its_line),
		TEST(a_file_of_the_wrong_kind_is_refused_at_its_line),
		TEST(a_key_with_a_passphrase_is_refused_and_no_terminal_asked),
		TEST(a_pipe_is_never_waited_for),
		TEST(a_key_that_others_may_read_is_warned_of),
		TEST(to_verify_nothing_is_warned_of),
		TEST(the_certificate_of_admin_must_belong_to_its_key),
		TEST(other_pages_link_to_an_address_that_others_reach),
		TEST(another_tls_file_needs_a_restart_and_another_content_does_not),
		TEST(half_a_pair_names_the_other_half),
	};
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}

/*
 * test_tls_programs.c - TLS of segctl, segrunner and its admin server: where the files are named, certificates that change while all
 * runs, and what each refusal says.
 */
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/group.h"
#include "harness/http.h"
#include "harness/load.h"
#include "harness/port.h"
#include "harness/segctl.h"
#include "test_tls.h"

/* --- segctl ------------------------------------------------------------------------------------- */

static void segctl_takes_tls_from_the_command_line_or_the_environment(void **state)
{
	(void)state;
	start_server("server", true);
	test_segctl_good(
		rig.server->url,
		"stream create s --partitions 1 --tls-ca-file %s --tls-cert-file %s --tls-key-file %s",
		file("ca.pem"), file("client.pem"), file("client.key"));
	setenv("SEGMENTER_TLS_CA_FILE", file("ca.pem"), 1);
	setenv("SEGMENTER_TLS_CERT_FILE", file("client.pem"), 1);
	setenv("SEGMENTER_TLS_KEY_FILE", file("client.key"), 1);
	test_expect_text(test_segctl_good(rig.server->url, "stream list"), "s ");
	const test_segctl *answer =
		test_segctl_do(rig.server->url, "stream list --tls-ca-file %s", file("other-ca.pem"));
	assert_int_equal(answer->exit_code, EX_NOPERM);
	test_expect_text(answer->errors, "is not trusted (CN=segmenter test CA); set tls_ca_file");
	test_segctl_good(rig.server->url, "stream list --tls-ca-file %s --tls-verify no",
			 file("other-ca.pem"));
	setenv("SEGMENTER_TLS_VERIFY", "maybe", 1);
	answer = test_segctl_do(rig.server->url, "stream list");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "SEGMENTER_TLS_VERIFY is \"maybe\"; write yes or no");
	unsetenv("SEGMENTER_TLS_VERIFY");
	/* What the environment says of TLS does not disturb an address without it. */
	test_segctl_good(rig.server->address, "stream list");
	unsetenv("SEGMENTER_TLS_CA_FILE");
	unsetenv("SEGMENTER_TLS_CERT_FILE");
	unsetenv("SEGMENTER_TLS_KEY_FILE");
}

/* A third of the session is the time for an answer: on a busy machine, a shorter one breaks good connections. */
static void make_runner(const char *more_redis, const char *more_runner)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/deliveries", rig.directory);
	rig.runner = test_runner_make(
		"[redis]\naddress = %s\ntls_ca_file = %s\ntls_cert_file = %s/client.pem\n"
		"tls_key_file = %s/client.key\nconnect_timeout = 1s\n%s\n[runner]\nname = only\n%s\n"
		"[consumer c]\nstream = s\ngroup = g\npartitions = 4\nsession_timeout = 15s\n"
		"plugin = %s/tests/plugins/record.so\noption.path = %s\n",
		rig.server->url, file("ca.pem"), rig.directory, rig.directory, more_redis, more_runner,
		test_build_directory(), path);
}

/* The runner's client certificate, in the test's directory. */
static void put_certificate(const char *name)
{
	char command[512];
	snprintf(command, sizeof(command),
		 "cd %s && cp %s/%s.pem new.pem && cp %s/%s.key new.key && mv new.pem client.pem && "
		 "mv new.key client.key",
		 rig.directory, certificates->directory, name, certificates->directory, name);
	assert_int_equal(system(command), 0);
}

static void segctl_takes_tls_from_a_configuration(void **state)
{
	(void)state;
	start_server("server", true);
	put_certificate("client");
	make_runner("", "");
	test_segctl_good(NULL, "-c %s stream create s --partitions 4", rig.runner->config);
	test_expect_text(test_segctl_good(NULL, "-c %s stream list", rig.runner->config), "s ");
	/* They belong to the address in the configuration. */
	test_segctl_good(NULL, "-c %s -a %s stream list", rig.runner->config, rig.server->address);
}

/* --- segrunner ----------------------------------------------------------------------------------- */

/* Clients reconnect, with what the files hold by then. */
static void cut_all(void)
{
	test_server_tell(rig.server, "CLIENT KILL TYPE normal SKIPME yes");
}

static void certificates_change_while_all_runs_and_nothing_is_lost(void **state)
{
	(void)state;
	enum { KEYS = 8 };
	char path[96];
	snprintf(path, sizeof(path), "%s/deliveries", rig.directory);
	start_server("server", true);
	put_certificate("client");
	make_runner("", "");
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	test_load *load = test_load_start(rig.server->address, "s", 4, KEYS, 100);
	test_load_reach(load, 50);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);

	/* A new certificate drops no connection, and neither does SIGHUP. */
	put_certificate("renewed");
	test_certificates_swap(certificates, rig.server, "renewed");
	kill(rig.runner->pid, SIGHUP);
	test_load_go_on(load, 50);
	assert_false(test_runner_has_said(rig.runner, "reconnecting"));

	/* Later connections have it. */
	cut_all();
	test_deliveries_go_on(path, 4);
	test_load_go_on(load, 50);

	/* A certificate that is not good stops new connections, and the log says why; its successor mends that. */
	test_certificates_swap(certificates, rig.server, "expired");
	cut_all();
	test_runner_says(rig.runner, "expired on 2021-");
	test_certificates_swap(certificates, rig.server, "server");
	test_deliveries_go_on(path, 4);

	int numbers = test_load_end(load);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), 0);
	test_deliveries deliveries = test_deliveries_read(path);
	test_deliveries_check(&deliveries, KEYS, numbers, 0);
	test_deliveries_free(&deliveries);
}

static void a_runner_ends_with_77_where_the_certificate_is_not_trusted(void **state)
{
	(void)state;
	start_server("stranger", false);
	put_certificate("client");
	make_runner("", "");
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(rig.runner), EX_NOPERM);
	test_runner_says(rig.runner, "is not trusted (CN=another CA); set tls_ca_file");
}

static void a_check_names_the_line_of_a_key_that_does_not_fit(void **state)
{
	(void)state;
	char command[256];
	start_server("server", false);
	put_certificate("client");
	snprintf(command, sizeof(command), "cp %s %s/client.key", file("server.key"), rig.directory);
	assert_int_equal(system(command), 0);
	make_runner("", "");
	test_runner_start(rig.runner, (const char *const[]){"--check", "CONFIG", NULL});
	assert_int_equal(test_runner_wait(rig.runner), EX_CONFIG);
	test_runner_says(rig.runner, ".ini:5: tls_key_file: ");
	test_runner_says(rig.runner, "client.key is not the key of the certificate in ");
}

/* --- admin ----------------------------------------------------------------------------------------- */

/* The answer to a GET over TLS, verified with ca for 127.0.0.1; the caller frees it. NULL: no handshake. */
static char *get(int port, const char *path)
{
	enum { ANSWER_MAX = 1 << 20 };
	char request[256];
	char *text = NULL;
	int fd = test_http_connect(port), n, length = 0;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_load_verify_file(context, file("ca.pem")), 1);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL *ssl = SSL_new(context);
	X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1");
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) == 1) {
		n = snprintf(request, sizeof(request),
			     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
		assert_int_equal(SSL_write(ssl, request, n), n);
		text = calloc(1, ANSWER_MAX);
		while ((n = SSL_read(ssl, text + length, ANSWER_MAX - 1 - length)) > 0)
			length += n;
	}
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	return text;
}

static void shows(int port, const char *path, const char *part)
{
	char *text = get(port, path);
	if (!text)
		fail_msg("no TLS on the admin server");
	test_expect_text(text, part);
	free(text);
}

static void admin_speaks_tls_only_and_reads_its_certificate_at_sighup(void **state)
{
	(void)state;
	char lines[256];
	int port = test_port_free();
	start_server("server", true);
	put_certificate("renewed");
	snprintf(lines, sizeof(lines),
		 "admin = 127.0.0.1:%d\nadmin_tls_cert_file = %s/client.pem\nadmin_tls_key_file = "
		 "%s/client.key",
		 port, rig.directory, rig.directory);
	make_runner("", lines);
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	test_runner_says(rig.runner, "admin: listening on https://127.0.0.1:");
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	shows(port, "/livez", "HTTP/1.1 200");
	shows(port, "/metrics", "segmenter_");
	shows(port, "/", "<html");
	shows(port, "/api/v1/events?after=0", "joined");
	int fd = test_http_connect(port);
	assert_int_equal(write(fd, "GET /livez HTTP/1.1\r\n\r\n", 23), 23);
	char byte[8];
	ssize_t n = read(fd, byte, sizeof(byte));
	assert_true(n <= 0 || byte[0] != 'H');
	close(fd);
	put_certificate("client"); /* for no host */
	kill(rig.runner->pid, SIGHUP);
	test_runner_says_times(rig.runner, "admin: listening on https://", 2);
	char *text = get(port, "/livez");
	assert_null(text);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up_directory, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segctl_takes_tls_from_the_command_line_or_the_environment),
		TEST(segctl_takes_tls_from_a_configuration),
		TEST(certificates_change_while_all_runs_and_nothing_is_lost),
		TEST(a_runner_ends_with_77_where_the_certificate_is_not_trusted),
		TEST(a_check_names_the_line_of_a_key_that_does_not_fit),
		TEST(admin_speaks_tls_only_and_reads_its_certificate_at_sighup),
	};
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}

/*
 * test_tls.c - TLS between the library and a real redis-server: who is accepted, what each refusal says, and much data.
 */
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>
#include <segmenter/segmenter.h>

#include "test_tls.h"

enum { PATIENCE_MS = 20000, TIMEOUT_MS = 10000, SLACK_MS = 10000, TLS_RECORD = 1 << 14, HUGE = 20 << 20 };

static seg_error error;

/* --- helpers ------------------------------------------------------------------------------ */

static seg_client_options options_for(const char *address)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = address;
	options.timeout_ms = TIMEOUT_MS;
	options.connect_timeout_ms = TIMEOUT_MS / 2;
	options.tls_ca_file = strncmp(address, "rediss", 6) == 0 ? file("ca.pem") : NULL;
	options.max_message_bytes = 32 << 20;
	return options;
}

static void open_client(const seg_client_options *options)
{
	if (seg_client_open(options, &rig.client, &error))
		fail_msg("%s", error.text);
}

/* The client must not open, in time, and the error must say this. */
static void refuses(const seg_client_options *options, int status, const char *says)
{
	long long began = test_now_ms();
	assert_null(rig.client);
	int opened = seg_client_open(options, &rig.client, &error);
	assert_null(rig.client);
	if (opened != status || !strstr(error.text, says))
		fail_msg("%s: \"%s\" instead of %s: \"%s\"", seg_status_name(opened), error.text,
			 seg_status_name(status), says);
	assert_true(test_now_ms() - began < TIMEOUT_MS + SLACK_MS);
}

/* The text with the server's port in the place of the '#'. One of four buffers. */
static const char *with_port(const char *text)
{
	static char buffers[4][256];
	static unsigned next;
	char *buffer = buffers[next++ % 4];
	const char *mark = strchr(text, '#');
	assert_non_null(mark);
	snprintf(buffer, sizeof(buffers[0]), "%.*s%d%s", (int)(mark - text), text, rig.server->port,
		 mark + 1);
	return buffer;
}

static seg_stream *register_stream(const char *name, uint32_t partitions, seg_packing packing)
{
	seg_stream *stream;
	seg_stream_shape shape = {partitions, 100000, SEG_OVERFLOW_REJECT, packing};
	if (seg_stream_register(rig.client, name, &shape, &stream, &error))
		fail_msg("%s", error.text);
	return stream;
}

static seg_consumer *join(const char *stream)
{
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_consumer_options_init(&options);
	options.group = "g";
	options.in_flight_bytes = 64 << 20;
	if (seg_consumer_open(rig.client, stream, &options, &consumer, &error))
		fail_msg("%s", error.text);
	return consumer;
}

/* What a message must hold, by the number of its predecessors. */
typedef void (*check_fn)(const seg_message *message, size_t number);

static void is_the_number(const seg_message *message, size_t number)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%zu", number);
	assert_int_equal(message->data_length, length);
	assert_memory_equal(message->data, text, (size_t)length);
}

static void take(seg_consumer *consumer, size_t count, check_fn check)
{
	long long deadline = test_now_ms() + PATIENCE_MS;
	for (size_t taken = 0; taken < count;) {
		const seg_batch *batch = NULL;
		if (test_now_ms() > deadline)
			fail_msg("only %zu of %zu messages came", taken, count);
		if (seg_consumer_poll(consumer, 1000, &batch, &error) != 1)
			continue;
		for (size_t i = 0; i < batch->count; i++)
			check(&batch->messages[i], taken++);
		assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, &error), 0);
		seg_consumer_release(consumer, batch);
	}
}

/* --- the library ----------------------------------------------------------------------------- */

static void send_numbers(seg_stream *stream, size_t count)
{
	seg_producer_options options;
	seg_producer *producer;
	char number[32];
	seg_producer_options_init(&options);
	if (seg_producer_open(stream, &options, &producer, &error))
		fail_msg("%s", error.text);
	for (size_t i = 0; i < count; i++) {
		seg_record record = {"k",  1, number, (size_t)snprintf(number, sizeof(number), "%zu", i),
				     NULL, 0};
		assert_int_equal(seg_producer_send(producer, &record, NULL, &error), 0);
	}
	assert_int_equal(seg_producer_close(producer, PATIENCE_MS, &error), 0);
}

static void client_producer_and_consumer_work_and_the_order_is_kept(void **state)
{
	(void)state;
	start_server("server", false);
	seg_client_options options = options_for(rig.server->url);
	open_client(&options);
	seg_stream *stream = register_stream("s", 1, SEG_PACKING_OFF);
	send_numbers(stream, 50000);
	seg_consumer *consumer = join("s");
	take(consumer, 50000, is_the_number);
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, &error), 0);
	seg_stream_close(stream);
}

static void send_bytes(seg_stream *stream, size_t length)
{
	static char bytes[HUGE];
	memset(bytes, 'x', sizeof(bytes));
	seg_record record = {"k", 1, bytes, length, NULL, 0};
	if (seg_stream_send(stream, &record, NULL, &error))
		fail_msg("%s", error.text);
}

static void is_huge(const seg_message *message, size_t number)
{
	(void)number;
	assert_int_equal(message->data_length, HUGE);
	assert_int_equal(((const char *)message->data)[HUGE - 1], 'x');
}

/* More than a record of TLS, than the socket's buffers, and than one turn of the connection reads. */
static void messages_of_20_megabytes_go_through(void **state)
{
	(void)state;
	start_server("server", false);
	seg_client_options options = options_for(rig.server->url);
	options.timeout_ms = PATIENCE_MS;
	open_client(&options);
	seg_stream *stream = register_stream("s", 1, SEG_PACKING_OFF);
	send_bytes(stream, HUGE);
	send_bytes(stream, HUGE);
	seg_consumer *consumer = join("s");
	take(consumer, 2, is_huge);
	seg_consumer_close(consumer, PATIENCE_MS, &error);
	seg_stream_close(stream);
}

/* The lengths go down in steps, from four records of TLS and a little. */
static size_t length_of(size_t number)
{
	return 4 * TLS_RECORD + 100 - number * 117;
}

static void has_its_length(const seg_message *message, size_t number)
{
	assert_int_equal(message->data_length, length_of(number));
}

static void messages_of_every_length_around_a_tls_record_go_through(void **state)
{
	(void)state;
	start_server("server", false);
	seg_client_options options = options_for(rig.server->url);
	open_client(&options);
	seg_stream *stream = register_stream("s", 1, SEG_PACKING_OFF);
	seg_consumer *consumer = join("s");
	for (size_t i = 0; i < 500; i++)
		send_bytes(stream, length_of(i));
	take(consumer, 500, has_its_length);
	seg_consumer_close(consumer, PATIENCE_MS, &error);
	seg_stream_close(stream);
}

/* This process has SIGPIPE's default, which would end it. */
static void a_server_that_dies_raises_no_signal_and_comes_back(void **state)
{
	(void)state;
	start_server("server", false);
	seg_client_options options = options_for(rig.server->url);
	open_client(&options);
	seg_stream *stream = register_stream("s", 1, SEG_PACKING_OFF);
	seg_record record = {"k", 1, "0", 1, NULL, 0};
	test_server_kill(rig.server);
	assert_int_not_equal(seg_stream_send(stream, &record, NULL, &error), 0);
	assert_int_not_equal(seg_stream_send(stream, &record, NULL, &error), 0);
	test_server_restart(rig.server);
	seg_stream_close(stream);
	stream = register_stream("again", 1, SEG_PACKING_OFF);
	assert_int_equal(seg_stream_send(stream, &record, NULL, &error), 0);
	seg_stream_close(stream);
	struct sigaction action;
	assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
	assert_ptr_equal(action.sa_handler, SIG_DFL);
}

/* --- who is refused ------------------------------------------------------------------------------ */

static void a_server_of_an_unknown_authority_is_refused(void **state)
{
	(void)state;
	start_server("server", false);
	seg_client_options options = options_for(rig.server->url);
	options.tls_ca_file = file("other-ca.pem");
	refuses(&options, SEG_EAUTH,
		with_port("the certificate of 127.0.0.1:# (CN=localhost) is signed by an authority that is "
			  "not trusted (CN=segmenter test CA); set tls_ca_file"));
	options.tls_ca_file = NULL;
	refuses(&options, SEG_EAUTH, "is not trusted");
	options.tls_verify = 0;
	open_client(&options);
}

static void a_directory_of_authorities_is_as_good_as_a_file(void **state)
{
	(void)state;
	char command[256];
	snprintf(command, sizeof(command), "cp %s %s && openssl rehash %s", file("ca.pem"), rig.directory,
		 rig.directory);
	assert_int_equal(system(command), 0);
	start_server("server", false);
	seg_client_options options = options_for(rig.server->url);
	options.tls_ca_file = NULL;
	options.tls_ca_directory = rig.directory;
	open_client(&options);
}

static void a_certificate_for_another_host_is_refused_and_its_name_told(void **state)
{
	(void)state;
	start_server("other-name", false);
	seg_client_options options = options_for(rig.server->url);
	refuses(&options, SEG_EAUTH,
		with_port("the certificate of 127.0.0.1:# (CN=other.example) is not for 127.0.0.1; set "
			  "tls_server_name = other.example, or connect by that name"));
	char by_name[64];
	snprintf(by_name, sizeof(by_name), "rediss://localhost:%d", rig.server->port);
	options.address = by_name;
	refuses(&options, SEG_EAUTH, "is not for localhost; set tls_server_name = other.example");
	options.tls_server_name = "third.example";
	refuses(&options, SEG_EAUTH, "is not for third.example, which tls_server_name requires");
	options.tls_server_name = "other.example";
	open_client(&options);
}

static void a_host_is_verified_by_its_name_as_well_as_by_its_address(void **state)
{
	(void)state;
	start_server("server", false);
	seg_client_options options = options_for(with_port("rediss://localhost:#"));
	open_client(&options);
	test_rig_close_client();
	options.tls_server_name = "localhost.";
	open_client(&options);
	test_rig_close_client();
	options = options_for(with_port("rediss://localhost:#"));
	options.tls_server_name = "127.0.0.1";
	open_client(&options);
}

static void a_certificate_out_of_its_time_is_refused_with_that_time(void **state)
{
	(void)state;
	start_server("expired", false);
	seg_client_options options = options_for(rig.server->url);
	refuses(&options, SEG_EAUTH, " (CN=localhost) expired on 2021-");
	test_server_stop(rig.server);
	start_server("early", false);
	options = options_for(rig.server->url);
	refuses(&options, SEG_EAUTH, " (CN=localhost) is valid only from 2099-01-01 00:00:00 UTC");
}

static void a_server_that_requires_a_certificate_says_so_and_takes_one(void **state)
{
	(void)state;
	start_server("server", true);
	seg_client_options options = options_for(rig.server->url);
	refuses(&options, SEG_EAUTH,
		with_port("Redis at 127.0.0.1:# requires a client certificate; set tls_cert_file and "
			  "tls_key_file"));
	options.tls_cert_file = file("stranger.pem");
	options.tls_key_file = file("stranger.key");
	refuses(&options, SEG_EAUTH, "refuses the certificate in tls_cert_file");
	options.tls_cert_file = file("client.pem");
	options.tls_key_file = file("client.key");
	open_client(&options);
}

static void tls_1_2_is_spoken_too_and_what_is_older_is_not(void **state)
{
	(void)state;
	char arguments[700];
	snprintf(arguments, sizeof(arguments), "%s --tls-protocols TLSv1.2",
		 test_certificates_arguments(certificates, "server", true));
	rig.server = test_server_start_with(&(test_server_options){.arguments = arguments, .tls = true});
	seg_client_options options = options_for(rig.server->url);
	refuses(&options, SEG_EAUTH, "requires a client certificate");
	options.tls_cert_file = file("client.pem");
	options.tls_key_file = file("client.key");
	open_client(&options);
	test_rig_close_client();
	test_server_stop(rig.server);
	snprintf(arguments, sizeof(arguments), "%s --tls-protocols TLSv1.1 --tls-ciphers DEFAULT@SECLEVEL=0",
		 test_certificates_arguments(certificates, "server", false));
	rig.server = test_server_start_with(&(test_server_options){.arguments = arguments, .tls = true});
	options = options_for(rig.server->url);
	refuses(&options, SEG_EPROTOCOL, "TLS 1.2 or later must be on there");
}

static void files_that_cannot_be_used_are_named_at_once(void **state)
{
	(void)state;
	start_server("server", false);
	seg_client_options options = options_for(rig.server->url);
	options.tls_ca_file = "/nonexistent";
	refuses(&options, SEG_EINVAL, "tls_ca_file: /nonexistent cannot be read: No such file or directory");
	options = options_for(rig.server->url);
	options.tls_cert_file = file("client.pem");
	options.tls_key_file = file("server.key");
	refuses(&options, SEG_EINVAL, "server.key is not the key of the certificate in ");
	options.tls_verify = 2;
	refuses(&options, SEG_EINVAL, "tls_verify");
}

/* --- TLS on one side only ---------------------------------------------------------------------- */

static void a_plain_address_at_a_tls_port_is_told_to_write_rediss(void **state)
{
	(void)state;
	start_server("server", false);
	seg_client_options options = options_for(with_port("redis://127.0.0.1:#"));
	refuses(&options, SEG_EUNREACHABLE, "if it is a TLS port, write rediss://");
	assert_non_null(strstr(error.text, with_port("127.0.0.1:#")));
}

/* Redis waits for the rest of what it takes for a command, in silence. */
static void a_tls_address_at_a_plain_port_is_told_to_write_redis(void **state)
{
	(void)state;
	rig.server = test_server_start_tcp(NULL);
	seg_client_options options = options_for(with_port("rediss://127.0.0.1:#"));
	options.timeout_ms = 2000;
	options.connect_timeout_ms = 1000;
	refuses(&options, SEG_EUNREACHABLE, "if it is not a TLS port, write redis://");
	assert_non_null(strstr(error.text, with_port("127.0.0.1:#")));
	options.timeout_ms = 500;
	refuses(&options, SEG_EUNREACHABLE, "if it is not a TLS port, write redis://");
}

/* One that answers the first bytes with an error, as an HTTP server does, or a Redis that has too many clients. */
static void a_server_that_answers_without_tls_is_refused_at_once(void **state)
{
	(void)state;
	rig.server = test_server_start_tcp("--maxclients 1");
	redisContext *only = test_server_connect(rig.server);
	seg_client_options options = options_for(with_port("rediss://127.0.0.1:#"));
	refuses(&options, SEG_EPROTOCOL,
		with_port("the server at 127.0.0.1:# does not speak TLS; write redis://"));
	redisFree(only);
}

static void settings_for_tls_on_a_plain_address_are_a_mistake(void **state)
{
	(void)state;
	seg_client_options options = options_for("redis://127.0.0.1:1");
	options.tls_ca_file = file("ca.pem");
	refuses(&options, SEG_EINVAL, "tls_ca_file is set, but the address is without TLS; write rediss://");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_rig_set_up_directory, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(client_producer_and_consumer_work_and_the_order_is_kept),
		TEST(messages_of_20_megabytes_go_through),
		TEST(messages_of_every_length_around_a_tls_record_go_through),
		TEST(a_server_that_dies_raises_no_signal_and_comes_back),
		TEST(a_server_of_an_unknown_authority_is_refused),
		TEST(a_directory_of_authorities_is_as_good_as_a_file),
		TEST(a_certificate_for_another_host_is_refused_and_its_name_told),
		TEST(a_host_is_verified_by_its_name_as_well_as_by_its_address),
		TEST(a_certificate_out_of_its_time_is_refused_with_that_time),
		TEST(a_server_that_requires_a_certificate_says_so_and_takes_one),
		TEST(tls_1_2_is_spoken_too_and_what_is_older_is_not),
		TEST(files_that_cannot_be_used_are_named_at_once),
		TEST(a_plain_address_at_a_tls_port_is_told_to_write_rediss),
		TEST(a_tls_address_at_a_plain_port_is_told_to_write_redis),
		TEST(a_server_that_answers_without_tls_is_refused_at_once),
		TEST(settings_for_tls_on_a_plain_address_are_a_mistake),
	};
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}

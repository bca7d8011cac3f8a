/*
 * test_transport.c - a transport with TLS, and at its other end a server that does what a Redis does not: it
 * renegotiates, changes keys, sends records in pieces, and says nothing. One thread runs both ends in turns.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness/certificates.h"
#include "redis/connection.h"
#include "redis/transport.h"

enum { PATIENCE_MS = 10000, MUCH = 4 << 20, SMALL = 1000 };

static test_certificates *certificates;
static seg_transport *transport;
static seg_error error;
static char name[32];
static seg_endpoint endpoint = {.host = name};
static seg_tls_settings settings;

static struct {
	int listener, fd;
	SSL_CTX *context;
	SSL *ssl;
	size_t got;
} peer;

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

/* --- both ends ------------------------------------------------------------------------------ */

static void listen_with(int version)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(peer.listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(peer.listener, 1), 0);
	assert_int_equal(getsockname(peer.listener, (struct sockaddr *)&address, &length), 0);
	peer.context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_max_proto_version(peer.context, version);
	const char *certificate = test_certificates_path(certificates, "server.pem");
	const char *key = test_certificates_path(certificates, "server.key");
	assert_int_equal(SSL_CTX_use_certificate_chain_file(peer.context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(peer.context, key, SSL_FILETYPE_PEM), 1);
	endpoint.port = ntohs(address.sin_port);
	snprintf(name, sizeof(name), "127.0.0.1");
	settings =
		(seg_tls_settings){.ca_file = test_certificates_path(certificates, "ca.pem"), .verify = true};
}

static void accept_client(void)
{
	const int on = 1;
	peer.fd = accept(peer.listener, NULL, NULL);
	assert_true(peer.fd >= 0);
	assert_int_equal(fcntl(peer.fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	peer.ssl = SSL_new(peer.context);
	SSL_set_fd(peer.ssl, peer.fd);
	SSL_set_accept_state(peer.ssl);
}

static const seg_peer peer_of_test = {"Redis", "redis://", "rediss://",
				      "; if it is not a TLS port, write redis://"};

static void connect_with(int version)
{
	listen_with(version);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(endpoint.port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct addrinfo to = {.ai_family = AF_INET,
			      .ai_addr = (struct sockaddr *)&address,
			      .ai_addrlen = sizeof(address)};
	transport = seg_transport_open_tcp(&to, &endpoint, &settings, &peer_of_test, "the test", &error);
	assert_non_null(transport);
	accept_client();
}

/* Polls the transport for what it asks for; returns what came within so many ms. */
static short wait_for(bool writing, int ms)
{
	struct pollfd poller = {.fd = seg_transport_fd(transport),
				.events = seg_transport_events(transport, writing)};
	return poll(&poller, 1, ms) > 0 ? poller.revents : 0;
}

static void shake_hands(void)
{
	long long deadline = test_now_ms() + PATIENCE_MS;
	int opened = 0, accepted = 0;
	while (opened == 0 || accepted != 1) {
		if (opened == 0)
			opened = seg_transport_opened(transport, &error);
		if (opened < 0 || test_now_ms() > deadline)
			fail_msg("no handshake: %s", error.text);
		if (accepted != 1)
			accepted = SSL_do_handshake(peer.ssl);
	}
}

static void open_with(int version)
{
	connect_with(version);
	shake_hands();
}

static int close_all(void **state)
{
	(void)state;
	seg_transport_close(transport);
	transport = NULL;
	SSL_free(peer.ssl);
	SSL_CTX_free(peer.context);
	close(peer.fd);
	close(peer.listener);
	memset(&peer, 0, sizeof(peer));
	error = (seg_error){0};
	return 0;
}

/* The peer reads what there is. */
static void peer_reads(void)
{
	static char bytes[1 << 16];
	int n;
	while ((n = SSL_read(peer.ssl, bytes, sizeof(bytes))) > 0)
		peer.got += (size_t)n;
}

/*
 * Writes MUCH to the peer, which reads only in its turns. Before each turn, `turn` may do something. The transport must
 * not be told again and again that it can write what it cannot: that would take all of a CPU.
 */
static void write_much(void (*turn)(int number))
{
	/* The output buffer of a connection moves when it grows, and so does what is tried again. */
	static char places[2][MUCH];
	long long deadline = test_now_ms() + PATIENCE_MS;
	size_t written = 0;
	int idle = 0;
	for (int number = 0; written < MUCH || peer.got < MUCH || SSL_renegotiate_pending(peer.ssl);
	     number++) {
		ssize_t n = 0;
		char byte;
		while (written < MUCH &&
		       (n = seg_transport_write(transport, places[number % 2] + written, MUCH - written)) > 0)
			written += (size_t)n;
		if (n < 0 && errno != EAGAIN)
			fail_msg("%s", seg_transport_error(transport)->text);
		idle += n < 0 && wait_for(true, 0) != 0;
		if (turn)
			turn(number);
		peer_reads();
		/* As a connection does: reads in each round. */
		if (seg_transport_read(transport, &byte, 1) < 0)
			assert_int_equal(errno, EAGAIN);
		assert_true(test_now_ms() < deadline);
	}
	assert_true(idle < 20);
}

/* --- tests --------------------------------------------------------------------------------------- */

static void much_is_written_while_the_peer_reads(void **state)
{
	(void)state;
	open_with(TLS1_3_VERSION);
	write_much(NULL);
	close_all(state);
	open_with(TLS1_2_VERSION);
	write_much(NULL);
}

static void renegotiate(int number)
{
	if (number != 1)
		return;
	assert_int_equal(SSL_renegotiate(peer.ssl), 1);
	assert_int_equal(SSL_do_handshake(peer.ssl), 1); /* asks for it; the rest is read among the data */
}

static void a_peer_may_renegotiate_in_the_middle_of_a_write(void **state)
{
	(void)state;
	open_with(TLS1_2_VERSION);
	long before = SSL_num_renegotiations(peer.ssl);
	write_much(renegotiate);
	assert_true(SSL_num_renegotiations(peer.ssl) > before);
	assert_false(SSL_renegotiate_pending(peer.ssl));
}

static void a_write_waits_for_the_peer_while_it_renegotiates(void **state)
{
	(void)state;
	char byte;
	open_with(TLS1_2_VERSION);
	assert_int_equal(SSL_renegotiate(peer.ssl), 1);
	assert_int_equal(SSL_do_handshake(peer.ssl), 1);
	assert_int_equal(wait_for(true, PATIENCE_MS) & POLLIN, POLLIN);
	assert_int_equal(seg_transport_read(transport, &byte, 1), -1);
	assert_int_equal(seg_transport_write(transport, "x", 1), -1);
	assert_int_equal(errno, EAGAIN);
	/* The socket has room, which does not help. */
	assert_int_equal(seg_transport_events(transport, true), POLLIN);
	assert_int_equal(wait_for(true, 0), 0);
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (seg_transport_write(transport, "x", 1) != 1) {
		assert_int_equal(errno, EAGAIN);
		peer_reads();
		assert_true(test_now_ms() < deadline);
	}
	assert_int_equal(seg_transport_events(transport, true), POLLIN | POLLOUT);
}

static void change_keys(int number)
{
	if (number < 5)
		assert_int_equal(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	SSL_do_handshake(peer.ssl);
}

static void a_peer_may_change_its_keys_in_the_middle_of_a_write(void **state)
{
	(void)state;
	open_with(TLS1_3_VERSION);
	write_much(change_keys);
}

static size_t read_once(void)
{
	char bytes[SMALL];
	ssize_t n = seg_transport_read(transport, bytes, sizeof(bytes));
	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	return n > 0 ? (size_t)n : 0;
}

/* What has been taken off the socket is not reported by a poll any more: the transport must say that it is there. */
static void bytes_that_no_poll_reports_are_told_of(void **state)
{
	(void)state;
	static char bytes[10 * SMALL];
	open_with(TLS1_3_VERSION);
	while (seg_transport_pending(transport))
		assert_int_equal(read_once(), 0);
	assert_int_equal(SSL_write(peer.ssl, bytes, sizeof(bytes)), (int)sizeof(bytes));
	assert_int_equal(wait_for(false, PATIENCE_MS), POLLIN);
	assert_int_equal(read_once(), SMALL);
	size_t got = SMALL;
	while (got < sizeof(bytes)) {
		assert_int_equal(wait_for(false, 0), 0);
		assert_true(seg_transport_pending(transport));
		got += read_once();
	}
	assert_int_equal(read_once(), 0);
	assert_false(seg_transport_pending(transport));
}

/* A read fills its buffer from as many records as have come. */
static void one_read_takes_many_records(void **state)
{
	(void)state;
	static char bytes[1 << 18];
	open_with(TLS1_3_VERSION);
	for (int i = 0; i < 100; i++)
		assert_int_equal(SSL_write(peer.ssl, "0123456789", 10), 10);
	assert_int_equal(wait_for(false, PATIENCE_MS) & POLLIN, POLLIN);
	assert_int_equal(seg_transport_read(transport, bytes, sizeof(bytes)), 1000);
}

/* A record of which a part has come wakes nobody until the rest is there. */
static void half_a_record_is_no_reason_to_read_again_and_again(void **state)
{
	(void)state;
	BIO *memory = BIO_new(BIO_s_mem());
	char *record;
	open_with(TLS1_3_VERSION);
	while (seg_transport_pending(transport))
		assert_int_equal(read_once(), 0);
	SSL_set0_wbio(peer.ssl, memory);
	assert_int_equal(SSL_write(peer.ssl, "0123456789", 10), 10);
	long length = BIO_get_mem_data(memory, &record);
	for (long i = 0; i < length; i++) {
		assert_int_equal(write(peer.fd, record + i, 1), 1);
		assert_int_equal(wait_for(false, PATIENCE_MS), POLLIN);
		size_t got = read_once();
		assert_int_equal(got, i == length - 1 ? 10 : 0);
		assert_false(seg_transport_pending(transport) && got == 0);
		if (i < length - 1)
			assert_int_equal(wait_for(false, 0), 0);
	}
}

static void the_end_of_a_connection_is_told_whether_polite_or_not(void **state)
{
	(void)state;
	char byte;
	for (int polite = 0; polite < 2; polite++) {
		open_with(TLS1_3_VERSION);
		if (polite)
			SSL_shutdown(peer.ssl);
		shutdown(peer.fd, SHUT_RDWR);
		assert_true(wait_for(false, PATIENCE_MS) != 0);
		assert_int_equal(seg_transport_read(transport, &byte, 1), -1);
		assert_int_not_equal(errno, EAGAIN);
		assert_int_equal(seg_transport_error(transport)->status, SEG_EUNREACHABLE);
		assert_non_null(strstr(seg_transport_error(transport)->text, " closed the connection"));
		close_all(state);
	}
}

static void a_peer_that_says_nothing_leaves_a_hint_and_no_work(void **state)
{
	(void)state;
	connect_with(TLS1_3_VERSION);
	assert_string_equal(seg_transport_hint(transport), "");
	while (!*seg_transport_hint(transport))
		assert_int_equal(seg_transport_opened(transport, &error), 0);
	assert_string_equal(seg_transport_hint(transport), "; if it is not a TLS port, write redis://");
	assert_int_equal(seg_transport_events(transport, false), POLLIN);
	assert_int_equal(wait_for(false, 0), 0);
}

/* Keys and certificates may be exchanged just then: the next attempt may find them whole. */
static void files_that_are_missing_at_a_connect_pass(void **state)
{
	(void)state;
	connect_with(TLS1_3_VERSION);
	settings.ca_file = "/nonexistent";
	int opened = 0;
	while (opened == 0)
		opened = seg_transport_opened(transport, &error);
	assert_int_equal(opened, -1);
	assert_int_equal(error.status, SEG_EUNREACHABLE);
	assert_string_equal(error.text,
			    "tls_ca_file: /nonexistent cannot be read: No such file or directory");
}

/* --- in a connection ------------------------------------------------------------------------------ */

/* One round as its owner has it. */
static void tick(seg_connection *connection)
{
	struct pollfd poller = seg_connection_polled(connection);
	bool readable = poll(&poller, 1, 1) > 0 && (poller.revents & POLLIN);
	seg_connection_tick(connection, seg_now(), readable);
}

/* OpenSSL reads it together with the end of the handshake, so that no poll reports it. */
static void an_answer_that_comes_along_with_the_handshake_is_read_at_once(void **state)
{
	(void)state;
	/* The answer to the login. */
	const char denial[] = "-DENIED the test says so\r\n";
	const int on = 1, off = 0;
	char text[64];
	seg_address address;
	listen_with(TLS1_2_VERSION);
	snprintf(text, sizeof(text), "rediss://:pw@127.0.0.1:%u", endpoint.port);
	assert_int_equal(seg_address_parse(text, &address, &error), 0);
	assert_int_equal(seg_address_set_tls(&address, &settings, &error), 0);
	seg_connection *connection = seg_connection_create(
		&(seg_connection_options){.address = &address, .connect_timeout = 20 * SEG_SECOND});
	long long began = test_now_ms();
	tick(connection);
	accept_client();
	assert_int_equal(setsockopt(peer.fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)), 0);
	while (SSL_do_handshake(peer.ssl) != 1)
		tick(connection);
	assert_int_equal(SSL_write(peer.ssl, denial, sizeof(denial) - 1), (int)sizeof(denial) - 1);
	assert_int_equal(setsockopt(peer.fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off)), 0);
	struct pollfd poller = seg_connection_polled(connection);
	assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
	/* As an owner ticks a second time in one round: the handshake ends there. */
	seg_connection_tick(connection, seg_now(), false);
	while (!seg_connection_error(connection)->status && test_now_ms() - began < PATIENCE_MS)
		tick(connection);
	assert_non_null(strstr(seg_connection_error(connection)->text, "DENIED the test says so"));
	seg_connection_destroy(connection);
	seg_address_fini(&address);
}

#define TEST(test) cmocka_unit_test_teardown(test, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(much_is_written_while_the_peer_reads),
		TEST(a_peer_may_renegotiate_in_the_middle_of_a_write),
		TEST(a_write_waits_for_the_peer_while_it_renegotiates),
		TEST(a_peer_may_change_its_keys_in_the_middle_of_a_write),
		TEST(bytes_that_no_poll_reports_are_told_of),
		TEST(one_read_takes_many_records),
		TEST(half_a_record_is_no_reason_to_read_again_and_again),
		TEST(the_end_of_a_connection_is_told_whether_polite_or_not),
		TEST(a_peer_that_says_nothing_leaves_a_hint_and_no_work),
		TEST(files_that_are_missing_at_a_connect_pass),
		TEST(an_answer_that_comes_along_with_the_handshake_is_read_at_once),
	};
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}

/*
 * A dial with several servers and several addresses of a host: a dead one takes a short time from the others, and every
 * attempt begins with the next one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
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
#include "harness/server.h"
#include "redis/dial.h"

/* A busy machine may take until SLOW_MS for what is quick; a dead server that is not given up takes longer. */
enum { PATIENCE_MS = 10000, SLOW_MS = 2000, FILLERS = 4 };

/* --- places ------------------------------------------------------------------------------- */

typedef struct {
	int listener;
	int fillers[FILLERS];
	uint16_t port;
} place;

static place places[3]; /* 0 listens, 1 drops what comes, 2 refuses */

static struct sockaddr_in address_of(const char *ip, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	inet_pton(AF_INET, ip, &to.sin_addr);
	return to;
}

static void listen_at(place *p, const char *ip, uint16_t port, int backlog)
{
	struct sockaddr_in name = address_of(ip, port);
	socklen_t length = sizeof(name);
	int on = 1;
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(p->listener, (struct sockaddr *)&name, length), 0);
	assert_int_equal(listen(p->listener, backlog), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&name, &length), 0);
	p->port = ntohs(name.sin_port);
}

/* A full queue: the kernel drops each further connect. */
static void fill(place *p, const char *ip)
{
	struct sockaddr_in to = address_of(ip, p->port);
	for (int i = 0; i < FILLERS; i++) {
		p->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(p->fillers[i], (struct sockaddr *)&to, sizeof(to));
	}
}

static int start(void **state)
{
	(void)state;
	listen_at(&places[0], "127.0.0.1", 0, 64);
	listen_at(&places[1], "127.0.0.2", places[0].port, 0);
	fill(&places[1], "127.0.0.2");
	listen_at(&places[2], "127.0.0.1", 0, 1);
	close(places[2].listener);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (int i = 0; i < FILLERS; i++)
		close(places[1].fillers[i]);
	close(places[0].listener);
	close(places[1].listener);
	return 0;
}

/* The test's own resolver: "two" has the address that drops and then the one that listens. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	static struct sockaddr_in names[2];
	static struct addrinfo found[2];
	static const char *const ips[] = {"127.0.0.2", "127.0.0.1"};
	struct in_addr numeric;
	bool is_numeric = inet_pton(AF_INET, host, &numeric) == 1;
	if (!is_numeric && ((hints->ai_flags & AI_NUMERICHOST) || strcmp(host, "two") != 0))
		return EAI_NONAME;
	for (int i = 0; i < 2; i++) {
		names[i] = address_of(is_numeric ? host : ips[i], (uint16_t)atoi(service));
		found[i] = (struct addrinfo){.ai_family = AF_INET,
					     .ai_socktype = SOCK_STREAM,
					     .ai_addr = (struct sockaddr *)&names[i],
					     .ai_addrlen = sizeof(names[i]),
					     .ai_next = i == 0 && !is_numeric ? &found[1] : NULL};
	}
	*list = found;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

/* --- dialing --------------------------------------------------------------------------------- */

static seg_address address;
static seg_dial *dial;
static seg_error error;

static int tear_down(void **state)
{
	(void)state;
	seg_dial_destroy(dial);
	dial = NULL;
	seg_address_fini(&address);
	return 0;
}

__attribute__((format(printf, 1, 2))) static void make_dial(const char *format, ...);

static void make_dial(const char *format, ...)
{
	char text[128];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_int_equal(seg_address_parse(text, &address, &error), 0);
	dial = seg_dial_create(&address, NULL, NULL);
	assert_non_null(dial);
}

/* One attempt. Returns how long it took, in ms. */
static long long attempt(seg_dial_outcome wanted)
{
	long long begin = test_now_ms();
	seg_dial_outcome outcome;
	seg_dial_begin(dial);
	while ((outcome = seg_dial_step(dial, &error)) == SEG_DIAL_DUE) {
		assert_true(test_now_ms() - begin < PATIENCE_MS);
		struct pollfd poller = {.fd = seg_dial_fd(dial), .events = seg_dial_events(dial)};
		poll(&poller, 1, seg_poll_timeout(seg_dial_timer(dial), seg_now()));
	}
	assert_int_equal(outcome, wanted);
	if (outcome == SEG_DIAL_OPEN)
		seg_transport_close(seg_dial_take(dial));
	return test_now_ms() - begin;
}

static void a_server_that_refuses_is_passed_over_in_the_same_attempt(void **state)
{
	/* Less than the time for a server; a busy machine may need several tries for that. */
	enum { TRIES = 3, QUICK_MS = 200 };
	long long took = PATIENCE_MS;
	for (int i = 0; i < TRIES && took >= QUICK_MS; i++) {
		if (i > 0)
			tear_down(state);
		make_dial("redis://127.0.0.1:%u,127.0.0.1:%u", places[2].port, places[0].port);
		took = attempt(SEG_DIAL_OPEN);
	}
	assert_true(took < QUICK_MS);
}

static void a_server_that_drops_packets_takes_a_quarter_of_a_second(void **state)
{
	(void)state;
	make_dial("redis://127.0.0.2:%u,127.0.0.1:%u", places[1].port, places[0].port);
	assert_in_range(attempt(SEG_DIAL_OPEN), 240, SLOW_MS);
	char where[64];
	snprintf(where, sizeof(where), "127.0.0.1:%u", places[0].port);
	assert_string_equal(seg_dial_where(dial), where);
}

static void a_dead_address_of_a_name_takes_a_quarter_of_a_second(void **state)
{
	(void)state;
	make_dial("redis://two:%u", places[0].port);
	assert_in_range(attempt(SEG_DIAL_OPEN), 240, SLOW_MS);
}

static void the_next_attempt_begins_with_the_next_server_and_address(void **state)
{
	(void)state;
	make_dial("redis://127.0.0.1:%u,127.0.0.1:%u", places[0].port, places[2].port);
	attempt(SEG_DIAL_OPEN);
	char first[64];
	snprintf(first, sizeof(first), "%s", seg_dial_where(dial));
	attempt(SEG_DIAL_OPEN);
	assert_string_equal(seg_dial_where(dial), first);
	seg_dial_begin(dial);
	assert_string_not_equal(seg_dial_where(dial), first);
}

static void an_attempt_that_finds_all_dead_says_why_and_the_next_one_waits_longer(void **state)
{
	(void)state;
	make_dial("redis://127.0.0.2:%u,nowhere:1", places[1].port);
	assert_in_range(attempt(SEG_DIAL_FAILED), 240, SLOW_MS);
	assert_non_null(strstr(error.text, "cannot find the host of ***: "));
	assert_in_range(attempt(SEG_DIAL_FAILED), 490, SLOW_MS);
}

/* "redis://password" instead of "redis://:password@host". */
static void a_word_that_may_be_a_password_is_not_repeated(void **state)
{
	(void)state;
	make_dial("redis://%s", "s3cretword");
	attempt(SEG_DIAL_FAILED);
	assert_null(strstr(error.text, "s3cret"));
	assert_non_null(strstr(error.text, "if that is a password, write redis://:password@host"));
}

/* --- the master that Sentinels name --------------------------------------------------------------- */

static void a_dial_for_a_master_waits_until_it_is_known_and_follows_it(void **state)
{
	(void)state;
	seg_master *master = NULL;
	assert_int_equal(seg_master_create(&master, NULL), 0);
	assert_int_equal(seg_address_parse("redis+sentinel://sentinel/m", &address, &error), 0);
	dial = seg_dial_create(&address, NULL, master);
	seg_dial_begin(dial);
	assert_int_equal(seg_dial_step(dial, &error), SEG_DIAL_DUE);
	assert_true(seg_dial_timer(dial) < seg_now() + SEG_SECOND);
	assert_false(seg_dial_is_stale(dial));
	assert_true(seg_master_found(master, "127.0.0.1", places[0].port));
	attempt(SEG_DIAL_OPEN);
	char where[64];
	snprintf(where, sizeof(where), "127.0.0.1:%u (m)", places[0].port);
	assert_string_equal(seg_dial_where(dial), where);
	assert_false(seg_master_found(master, "127.0.0.1", places[0].port));
	assert_false(seg_dial_is_stale(dial));
	assert_true(seg_master_found(master, "127.0.0.1", places[2].port));
	assert_true(seg_dial_is_stale(dial));
	attempt(SEG_DIAL_FAILED);
	assert_false(seg_master_take_doubt(master));
	seg_dial_doubt(dial);
	assert_true(seg_master_take_doubt(master));
	assert_false(seg_master_take_doubt(master));
	seg_dial_destroy(dial);
	dial = NULL;
	seg_master_destroy(master);
}

static void why_no_master_is_known_is_why_a_dial_fails(void **state)
{
	(void)state;
	seg_master *master = NULL;
	assert_int_equal(seg_master_create(&master, NULL), 0);
	const seg_error why = {SEG_ENOTFOUND, "no such master"};
	assert_int_equal(seg_address_parse("redis+sentinel://sentinel/m", &address, &error), 0);
	dial = seg_dial_create(&address, NULL, master);
	seg_master_missing(master, &why);
	attempt(SEG_DIAL_FAILED);
	assert_int_equal(error.status, SEG_ENOTFOUND);
	assert_string_equal(error.text, "no such master");
	/* Once a master is known, Sentinels that are away do not matter. */
	seg_master_found(master, "127.0.0.1", places[0].port);
	seg_master_missing(master, &why);
	attempt(SEG_DIAL_OPEN);
	seg_dial_destroy(dial);
	dial = NULL;
	seg_master_destroy(master);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_refuses_is_passed_over_in_the_same_attempt),
		TEST(a_server_that_drops_packets_takes_a_quarter_of_a_second),
		TEST(a_dead_address_of_a_name_takes_a_quarter_of_a_second),
		TEST(the_next_attempt_begins_with_the_next_server_and_address),
		TEST(an_attempt_that_finds_all_dead_says_why_and_the_next_one_waits_longer),
		TEST(a_word_that_may_be_a_password_is_not_repeated),
		TEST(a_dial_for_a_master_waits_until_it_is_known_and_follows_it),
		TEST(why_no_master_is_known_is_why_a_dial_fails),
	};
	return cmocka_run_group_tests(tests, start, stop);
}

/* test_connections.c - slow clients hold the admin server's connections neither for long nor against new clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "admin/connections.h"

enum { MOST = 4, PAIRS = 6 };

/* Clients, numbered in the order of their arrival. */
typedef struct clients {
	seg_connections *connections;
	int ends[PAIRS][2]; /* the server's, and the client's */
	seg_connection *list[PAIRS];
	int count;
} clients;

static int set_up(void **state)
{
	clients *c = calloc(1, sizeof(*c));
	*state = c;
	c->connections = seg_connections_create(MOST);
	return c->connections ? 0 : -1;
}

static int tear_down(void **state)
{
	clients *c = *state;
	for (int i = 0; i < c->count; i++) {
		seg_connections_remove(c->connections, c->list[i]);
		close(c->ends[i][0]);
		close(c->ends[i][1]);
	}
	seg_connections_destroy(c->connections);
	free(c);
	return 0;
}

static void come(clients *c, const char *address)
{
	struct sockaddr_in peer = {.sin_family = AF_INET};
	int i = c->count++;
	inet_pton(AF_INET, address, &peer.sin_addr);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, c->ends[i]), 0);
	c->list[i] = seg_connections_add(c->connections, c->ends[i][0], (struct sockaddr *)&peer);
	assert_non_null(c->list[i]);
}

/* Whether the server has ended the client's connection. */
static bool is_ended(const clients *c, int i)
{
	struct pollfd end = {.fd = c->ends[i][1], .events = POLLIN};
	return poll(&end, 1, 0) == 1;
}

static void a_new_client_ends_the_connection_that_has_been_silent_longest(void **state)
{
	clients *c = *state;
	for (int i = 0; i < MOST; i++)
		come(c, "10.0.0.1");
	seg_connections_asked(c->connections, c->list[0]);
	seg_connections_answered(c->connections, c->list[0]);
	come(c, "10.0.0.1");
	assert_false(is_ended(c, 0));
	assert_true(is_ended(c, 1));
	assert_false(is_ended(c, 2));
	assert_false(is_ended(c, MOST));
}

static void the_address_that_holds_the_most_connections_pays(void **state)
{
	clients *c = *state;
	come(c, "10.0.0.2");
	for (int i = 1; i < MOST; i++)
		come(c, "10.0.0.1");
	come(c, "10.0.0.1");
	come(c, "10.0.0.3");
	assert_false(is_ended(c, 0));
	assert_true(is_ended(c, 1));
	assert_true(is_ended(c, 2));
	assert_false(is_ended(c, 3));
	assert_false(is_ended(c, 5));
}

static void a_request_has_a_deadline_and_so_has_the_taking_of_its_answer(void **state)
{
	clients *c = *state;
	come(c, "10.0.0.1");
	come(c, "10.0.0.1");
	int64_t now = seg_now();
	seg_connections_asked(c->connections, c->list[1]);
	seg_connections_expire(c->connections, now + SEG_CONNECTION_ASK_TIMEOUT - SEG_SECOND);
	assert_false(is_ended(c, 0));
	seg_connections_expire(c->connections, now + SEG_CONNECTION_ASK_TIMEOUT + SEG_SECOND);
	assert_true(is_ended(c, 0));
	assert_false(is_ended(c, 1));
	seg_connections_expire(c->connections, now + SEG_CONNECTION_ANSWER_TIMEOUT + SEG_SECOND);
	assert_true(is_ended(c, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_new_client_ends_the_connection_that_has_been_silent_longest),
		TEST(the_address_that_holds_the_most_connections_pays),
		TEST(a_request_has_a_deadline_and_so_has_the_taking_of_its_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * fake_server.h - a server that answers as Redis does, until it breaks a reply.
 *
 * It listens on a Unix socket of its own, passes commands on to a real redis-server and the replies back, and
 * breaks some of the replies as its plan says. The same plan breaks the same replies in the same way. It has
 * a thread; any thread may read its counters.
 */
#ifndef TEST_HARNESS_FAKE_SERVER_H
#define TEST_HARNESS_FAKE_SERVER_H

#include <stdint.h>

#include "harness/server.h"

typedef enum test_fault {
	TEST_FAULT_NONE,
	TEST_FAULT_NOISE,      /* random bytes instead of the reply */
	TEST_FAULT_CUT,        /* part of the reply; then the connection is closed */
	TEST_FAULT_HALF,       /* part of the reply, and nothing after it */
	TEST_FAULT_HUGE,       /* announces a text or an array of up to 2^63, and sends a few bytes of it */
	TEST_FAULT_NEGATIVE,   /* lengths below 0 */
	TEST_FAULT_DEEP,       /* arrays in arrays, up to 10,000 deep */
	TEST_FAULT_WRONG_TYPE, /* a well-formed reply to another question */
	TEST_FAULT_NIL,        /* an immediate nil, whatever the command */
	TEST_FAULT_MISSING,    /* no reply to this command; later commands are answered */
	TEST_FAULT_TWICE,      /* the reply, twice */
	TEST_FAULT_SILENCE,    /* no more bytes on this connection */
	TEST_FAULT_DRIP,       /* one byte a millisecond from here on */
	TEST_FAULTS,
	TEST_FAULT_GIVEN = TEST_FAULTS /* sends the plan's `given`; never drawn */
} test_fault;

const char *test_fault_name(test_fault fault);

typedef struct test_fake_plan {
	test_fault fault;
	uint64_t seed;   /* draws whatever the fault leaves open */
	unsigned at;     /* the number of the reply to break, counted over all connections since arming */
	unsigned period; /* then breaks every such-th reply; 0: no other */
	unsigned
		keep; /* CUT and HALF: how many bytes of the reply are sent, if the reply is longer; 0: drawn */
	const char *given; /* GIVEN: the bytes that replace the reply */
} test_fake_plan;

typedef struct test_fake_server test_fake_server;

/*
 * Starts it in front of `real`, which outlives it. It breaks nothing until it is armed. Ends the program if
 * the system refuses.
 */
test_fake_server *test_fake_server_start(const test_server *real);

/* unix://<socket>, as a client takes it; valid until test_fake_server_stop. */
const char *test_fake_server_address(const test_fake_server *server);

/* Breaks replies from now on, counting replies from 0 again. */
void test_fake_server_arm(test_fake_server *server, const test_fake_plan *plan);

/* Counts since the start: accepted connections, received commands, broken replies. */
unsigned long test_fake_server_connections(const test_fake_server *server);
unsigned long test_fake_server_commands(const test_fake_server *server);
unsigned long test_fake_server_broken(const test_fake_server *server);

/* Closes all connections and frees the server. NULL is allowed. */
void test_fake_server_stop(test_fake_server *server);

#endif

/*
 * fake_server.h - a server that answers as Redis does, until it answers wrongly.
 *
 * It passes commands on to a real redis-server and the replies back, on a Unix socket of its own, and breaks
 * some of the replies in one way. The same plan breaks them the same way. It has a thread; its counters may
 * be read by any.
 */
#ifndef TEST_HARNESS_FAKE_SERVER_H
#define TEST_HARNESS_FAKE_SERVER_H

#include <stdint.h>

#include "harness/server.h"

typedef enum test_fault {
	TEST_FAULT_NONE,
	TEST_FAULT_NOISE,      /* random bytes instead of the reply */
	TEST_FAULT_CUT,        /* a part of it, and the connection is closed */
	TEST_FAULT_HALF,       /* a part of it, and nothing after */
	TEST_FAULT_HUGE,       /* announces a text or an array of up to 2^63, and sends a few bytes of it */
	TEST_FAULT_NEGATIVE,   /* lengths below 0 */
	TEST_FAULT_DEEP,       /* arrays in arrays, up to 10,000 deep */
	TEST_FAULT_WRONG_TYPE, /* a good reply, but to another question */
	TEST_FAULT_NIL,        /* "nothing", and at once, to whatever was asked */
	TEST_FAULT_MISSING,    /* no reply; those to later commands come */
	TEST_FAULT_TWICE,      /* the reply, two times */
	TEST_FAULT_SILENCE,    /* nothing any more on this connection */
	TEST_FAULT_DRIP,       /* a byte a millisecond from here on */
	TEST_FAULTS,
	TEST_FAULT_GIVEN = TEST_FAULTS /* the plan's `given`; never drawn */
} test_fault;

const char *test_fault_name(test_fault fault);

typedef struct test_fake_plan {
	test_fault fault;
	uint64_t seed;     /* draws what the fault leaves open */
	unsigned at;       /* the reply that is broken, counted over all connections from arming on */
	unsigned period;   /* and each so many replies after it; 0: no other */
	unsigned keep;     /* of CUT and HALF: so many bytes of the reply, where it has more; 0: drawn */
	const char *given; /* of GIVEN: the bytes that are sent instead of the reply */
} test_fake_plan;

typedef struct test_fake_server test_fake_server;

/* In front of `real`, which outlives it. It breaks nothing yet. Ends the program where the system refuses. */
test_fake_server *test_fake_server_start(const test_server *real);

/* unix://<socket>, as a client takes it; valid until the stop. */
const char *test_fake_server_address(const test_fake_server *server);

/* From now on; replies are counted from 0 again. */
void test_fake_server_arm(test_fake_server *server, const test_fake_plan *plan);

/* Since the start: connections that were accepted, commands that came, replies that were broken. */
unsigned long test_fake_server_connections(const test_fake_server *server);
unsigned long test_fake_server_commands(const test_fake_server *server);
unsigned long test_fake_server_broken(const test_fake_server *server);

/* Closes all connections, and frees. NULL is allowed. */
void test_fake_server_stop(test_fake_server *server);

#endif

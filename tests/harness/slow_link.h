/*
 * slow_link.h - a slow network link to a server on a Unix socket: all connections through it share the speed of each direction,
 * piece by piece in turn. A thread of its own.
 */
#ifndef TEST_HARNESS_SLOW_LINK_H
#define TEST_HARNESS_SLOW_LINK_H

typedef struct test_slow_link test_slow_link;

/* Listens beside the server's socket `path`. Fails the test if it cannot. */
test_slow_link *test_slow_link_start(const char *path, unsigned bytes_per_second);

/* "unix://...": as a client takes it. */
const char *test_slow_link_address(const test_slow_link *link);

/* Cuts the connections, ends the thread, frees. NULL is allowed. */
void test_slow_link_stop(test_slow_link *link);

#endif

/*
 * fake_embedded.h - stands in for the embedded redis-server of a data directory, and gives every command the
 * same answer.
 *
 * Like a real server, it holds the directory's server.lock while it lives, and listens on redis.sock there.
 * It has a thread.
 */
#ifndef TEST_HARNESS_FAKE_EMBEDDED_H
#define TEST_HARNESS_FAKE_EMBEDDED_H

typedef struct test_fake_embedded test_fake_embedded;

/*
 * Takes the place of the directory's server; the directory must have no live server. `answer` is RESP
 * ("+PONG\r\n") and outlives the fake; NULL: the fake stays silent. Fails the test if the system refuses.
 */
test_fake_embedded *test_fake_embedded_start(const char *directory, const char *answer);

/* Frees the lock and the socket. NULL is allowed. */
void test_fake_embedded_stop(test_fake_embedded *server);

#endif

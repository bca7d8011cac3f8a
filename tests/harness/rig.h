/*
 * rig.h - the rig on which most tests run: a directory, a server with a connection to it, a client with a stream, and runners.
 *
 * A test program uses test_rig_set_up and test_rig_tear_down as the fixtures of each test or of all tests; or it has a set-up of its
 * own, which calls test_rig_set_up or test_rig_set_up_directory first, and then what else it needs. The tear-down ends all that the
 * rig has. Every function fails the test if something goes wrong.
 */
#ifndef TEST_HARNESS_RIG_H
#define TEST_HARNESS_RIG_H

#include <segmenter/segmenter.h>

#include "harness/runner.h"
#include "harness/server.h"

enum { TEST_RIG_RUNNERS = 4 };

/* What a test does not have is NULL. */
extern struct test_rig {
	char directory[64];
	char deliveries[96]; /* the file in the directory in which runners record: option.path */
	char block[96];      /* the file in the directory that blocks their handlers: option.block_file */
	test_server *server;
	redisContext *redis; /* a connection to the server */
	seg_client *client;
	seg_stream *stream;
	test_runner *runner, *other;            /* a runner, and one beside it */
	test_runner *runners[TEST_RIG_RUNNERS]; /* for tests that number them */
} rig;

/* Makes the directory, starts the server, and connects to it. _directory: only makes the directory. */
int test_rig_set_up(void **state);
int test_rig_set_up_directory(void **state);

/* Closes the client, kills the runners and the server, and removes the directory. */
int test_rig_tear_down(void **state);

/* Starts the server with these arguments or options, instead of an older one, and connects. */
void test_rig_start(const char *arguments);
void test_rig_start_with(const test_server_options *options);

/* Sends a command over the connection, and fails the test if the reply is an error. */
void test_rig_tell(const char *format, ...);

/* The path of a file in the directory: one of the newest eight. */
const char *test_rig_path(const char *name);

/* Writes a file in the directory, for its owner only, with this text (printf), and returns its path. */
__attribute__((format(printf, 2, 3))) const char *test_rig_write(const char *name, const char *format, ...);

/* A client of the server, which the caller closes, or keeps as rig.client. options: all but the address; NULL: the defaults. */
seg_client *test_rig_client(const seg_client_options *options);

/* Registers a stream, and opens it instead of an older one. Opens rig.client if there is none. */
void test_rig_register(const char *name, const seg_stream_shape *shape);

/* Closes rig.stream and rig.client. */
void test_rig_close_client(void);

/* Sends to the stream, and returns the message's id. */
seg_id test_rig_send(const char *key, const char *data);

/* A key of this partition, if the stream has so many; valid until the next call. */
const char *test_rig_key(uint32_t partition, uint32_t partitions);

#endif

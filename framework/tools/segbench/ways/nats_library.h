/*
 * nats_library.h - the functions of libnats that segbench calls. segbench loads the library while it runs, so that neither
 * the build nor segbench without --peers needs it. Therefore these are only functions of pointers and numbers: nothing here
 * depends on the layout of a struct of libnats, which differs between its versions.
 *
 * A status is 0 for success.
 */
#ifndef SEGBENCH_WAYS_NATS_LIBRARY_H
#define SEGBENCH_WAYS_NATS_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bench_nats_library {
	int (*connect)(void **connection, const char *url);
	void (*disconnect)(void *connection);
	int (*flush)(void *connection);
	int (*request)(void **reply, void *connection, const char *subject, const char *text,
		       int64_t timeout_ms);
	int (*publish)(void *connection, const char *subject, const char *text);
	int (*publish_request)(void *connection, const char *subject, const char *reply, const char *text);
	int (*subscribe)(void **subscription, void *connection, const char *subject);
	void (*unsubscribe)(void *subscription);
	int (*next)(void **message, void *subscription, int64_t timeout_ms);
	const char *(*subject)(const void *message);
	const char *(*reply)(const void *message);
	const char *(*data)(const void *message);
	int (*data_length)(const void *message);
	void (*release)(void *message);
	int (*jetstream)(void **jetstream, void *connection, void *options);
	void (*jetstream_free)(void *jetstream);
	int (*add)(void *jetstream, const char *subject, const void *data, int length, void *options);
	int (*added)(void *jetstream, void *options); /* waits until the server has added all messages */
	const char *(*text)(int status);
} bench_nats_library;

/* Whether the library is installed; then `library` has all its functions. */
bool bench_nats_library_load(bench_nats_library *library);

#endif

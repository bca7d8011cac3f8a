/*
 * servers.h - how Redis is: one server, or each master of a cluster. What the server does not tell, because the user may
 * not ask (INFO), is not known.
 */
#ifndef SEG_LOOK_SERVERS_H
#define SEG_LOOK_SERVERS_H

#include <stddef.h>

#include "stream/exchange.h"

enum { SEG_SERVERS_MAX = 64 };

/* Numbers: -1 where they are not known. Texts: "". */
typedef struct seg_server_look {
	char node[SEG_NODE_TEXT_MAX]; /* "host:port"; "" on a single server */
	bool answers;
	double round_trip; /* seconds, of one TIME */
	char refusal[160]; /* what Redis answers to INFO, if the user may not ask */
	char version[32], role[16];
	int64_t uptime;                        /* seconds */
	int64_t used_memory, max_memory;       /* bytes; max_memory 0: no limit */
	int64_t clients, max_clients, evicted; /* evicted: keys, since the start */
	int64_t replicas;                      /* connected */
	int64_t replicas_behind;               /* bytes, of the one that is farthest behind */
	int64_t appends, append_fails,
		append_fsync; /* an append-only file; its last write failed; fsync delays, ever */
	/* A snapshot is due after some changes; Unix time of the last one, 0: none since Redis started; the last one failed */
	int64_t plans_snapshots, saved_at, save_fails;
	int64_t unsaved; /* changes since then */
	int64_t loading;
} seg_server_look;

typedef struct seg_servers {
	seg_server_look *list;
	size_t count;
	bool cluster;
} seg_servers;

/*
 * Asks all. `deadline`: seg_now() by which the call ends. 0, or a status with an error. Free the servers in any case.
 */
int seg_servers_look(seg_client *client, int64_t deadline, seg_servers *servers, seg_error *error);

/* Leaves none. */
void seg_servers_free(seg_servers *servers);

#endif

/*
 * sentinel.h - asks the Sentinels where the master is, and keeps a seg_master up to date.
 *
 * It has a thread, with a connection to one Sentinel. After each connect it asks for the master, and subscribes to
 * +switch-master. When the Sentinel is silent, does not know the master, or named a server that a connection doubts,
 * it asks the next one.
 */
#ifndef SEG_REDIS_SENTINEL_H
#define SEG_REDIS_SENTINEL_H

#include "redis/connection.h"

typedef struct seg_sentinel seg_sentinel;

typedef struct seg_sentinel_options {
	const seg_address *address; /* with the Sentinels and the master's name; copied */
	const char *user;           /* the login at the Sentinels; NULL: default, or none; copied */
	const char *password_file;  /* or NULL; copied */
	int64_t connect_timeout;    /* ns, for one Sentinel */
	seg_master *master;         /* borrowed; outlives the sentinel */
	seg_logger logger;
} seg_sentinel_options;

/* Starts the thread. 0, or a status with an error: SEG_EINVAL, SEG_ENOMEM or SEG_ESYSTEM. */
int seg_sentinel_start(const seg_sentinel_options *options, seg_sentinel **sentinel, seg_error *error);

/* Ends the thread, without waiting for a Sentinel, and frees. NULL is allowed. */
void seg_sentinel_stop(seg_sentinel *sentinel);

#endif

/*
 * preparation.h - the commands that make a fresh connection usable: log in, select the database, name the
 * client, ask for the client id, and load the scripts.
 *
 * Its callbacks only note what came; the connection looks at the outcome after each reply, and acts. One
 * thread.
 */
#ifndef SEG_REDIS_PREPARATION_H
#define SEG_REDIS_PREPARATION_H

#include "redis/address.h"
#include "redis/pipeline.h"

typedef enum seg_preparation_outcome {
	SEG_PREPARATION_DUE,   /* answers are due */
	SEG_PREPARATION_DONE,  /* the connection is ready */
	SEG_PREPARATION_FAILED /* `error` says why: break the connection */
} seg_preparation_outcome;

typedef struct seg_preparation {
	/* Set by the owner, constant: */
	seg_pipeline *pipeline;
	const seg_address *address;
	const char *client_name; /* "": the client stays unnamed */
	bool login_only;         /* neither name the client, nor load scripts */
	const char *where;       /* the server, for messages; set before each start */

	/* Read by the owner: */
	seg_preparation_outcome outcome;
	seg_error error;   /* valid with SEG_PREPARATION_FAILED */
	int64_t client_id; /* Redis's answer to CLIENT ID, -1: not known */

	/* Its own: */
	unsigned due;       /* answers of the preparation */
	unsigned reloading; /* answers of scripts that are loaded again */
} seg_preparation;

/* Issues the commands. False if out of memory: then break the connection, some may have been issued. */
bool seg_preparation_start(seg_preparation *preparation);

/*
 * Loads the scripts again after a NOSCRIPT: Redis has forgotten them (SCRIPT FLUSH, a failover). While they
 * are being loaded, further calls do nothing: all commands that are under way are refused with the same
 * NOSCRIPT.
 */
void seg_preparation_reload_scripts(seg_preparation *preparation);

#endif

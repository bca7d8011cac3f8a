/*
 * preparation.h - the commands that make a fresh connection usable: log in, check that the server is a master, select
 * the database, name the client, ask for the client id, and load the scripts.
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
	bool is_sentinel;        /* log in only: a Sentinel has no database and no scripts */
	bool check_role;         /* refuse a replica */
	const char *where;       /* the server, for messages; set before each start */

	/* Read by the owner: */
	seg_preparation_outcome outcome;
	seg_error error;   /* valid with SEG_PREPARATION_FAILED */
	int64_t client_id; /* Redis's answer to CLIENT ID, -1: not known */
	bool role_unknown; /* check_role: the user may not ask for it */

	/* Its own: */
	unsigned due;       /* answers of the preparation */
	unsigned script;    /* whose answer is due next */
	unsigned reloading; /* answers of scripts that are loaded again */
} seg_preparation;

/*
 * Issues the commands, with the password of the password file as it is now. The outcome may be a failure already.
 * False if out of memory: then break the connection, some may have been issued.
 */
bool seg_preparation_start(seg_preparation *preparation);

/*
 * Loads the scripts again after a NOSCRIPT: Redis has forgotten them (SCRIPT FLUSH, a failover). While they
 * are being loaded, further calls do nothing: all commands that are under way are refused with the same
 * NOSCRIPT.
 */
void seg_preparation_reload_scripts(seg_preparation *preparation);

#endif

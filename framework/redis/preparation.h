/*
 * preparation.h - the commands that make a fresh connection usable: log in, check that the server is a master, select
 * the database, name the client, ask for the client id and the slots of a cluster, and load the scripts.
 *
 * Many connections use only a few of the scripts. With scripts_at_use, one is loaded to see whether Redis allows that, and each other one right
 * before its first use, in the same write.
 *
 * Redis may deny all but the login and the database. HELLO, which needs no right, also names the client and tells
 * its id. Scripts that cannot be loaded are sent by their text, once on each connection: EVAL loads them, too.
 *
 * Its callbacks only note what came; the connection looks at the outcome after each reply, and acts. One
 * thread.
 */
#ifndef SEG_REDIS_PREPARATION_H
#define SEG_REDIS_PREPARATION_H

#include "redis/address.h"
#include "redis/denial.h"
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
	bool login_only;         /* neither name the client, nor load scripts */
	bool without_scripts;
	bool scripts_at_use;   /* see above */
	bool check_role;       /* refuse a replica */
	seg_reply_fn on_slots; /* or NULL: gets the answer to CLUSTER SLOTS, with arg */
	void *arg;
	const char *where;        /* the server, for messages; set before each start */
	seg_denials *denials;     /* what was told of denied commands */
	const seg_logger *logger; /* for warnings about denied commands */

	/* Read by the owner: */
	seg_preparation_outcome outcome;
	seg_error error;   /* valid with SEG_PREPARATION_FAILED */
	int64_t client_id; /* Redis's answer to CLIENT ID, -1: not known */
	bool role_unknown; /* check_role: the user may not ask for it */

	/* Its own: */
	bool is_cluster;        /* CLUSTER SLOTS has said so */
	unsigned due;           /* answers of the preparation */
	unsigned loading;       /* the script whose answer comes next */
	unsigned reloading;     /* answers of scripts that are loaded later, or again */
	bool said_hello;        /* HELLO was issued, because CLIENT is denied */
	bool by_text;           /* SCRIPT LOAD is denied */
	bool meets_sentinel;    /* though the address names none */
	char load_refusal[128]; /* by_text: how SCRIPT LOAD was denied, cut to this length */
	unsigned
		known; /* by_text, scripts_at_use: a bit for each script whose text the connection has sent */
} seg_preparation;

/*
 * Issues the commands, with the password of the password file as it is now. The outcome may be a failure already.
 * False if out of memory: then break the connection, some may have been issued.
 */
bool seg_preparation_start(seg_preparation *preparation);

/*
 * Whether the next call of the script must carry the script's text. If so, later calls need not: call it only
 * to issue the script. With scripts_at_use, it loads the script if that has not been done.
 */
bool seg_preparation_takes_text(seg_preparation *preparation, seg_script script);

/* A call of the script will follow soon. With scripts_at_use, it loads the script now, if that has not been done. */
void seg_preparation_expect(seg_preparation *preparation, seg_script script);

/*
 * Loads the scripts again after a NOSCRIPT: Redis has forgotten them (SCRIPT FLUSH, a failover). While they
 * are being loaded, further calls do nothing: all commands that are under way are refused with the same
 * NOSCRIPT. If Redis denies loading, the next calls carry the text again. With scripts_at_use, the next calls load them.
 */
void seg_preparation_reload_scripts(seg_preparation *preparation);

#endif

/*
 * server_check.h - judges by the replies to INFO and CONFIG GET whether the library can rely on a server.
 * Pure; any thread.
 */
#ifndef SEG_REDIS_SERVER_CHECK_H
#define SEG_REDIS_SERVER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "base/log.h"
#include "redis/reply.h"

/* The oldest major version that the library works with. */
#define SEG_SERVER_MAJOR 7

/* What a server says about itself. A text is "" and a number 0 if it does not say. */
typedef struct seg_server_facts {
	char version[32];        /* redis_version, also Valkey's */
	char valkey_version[32]; /* "" on Redis */
	char run_id[48];         /* changes at a restart */
	char replication_id[48]; /* master_replid: changes at a failover */
	char mode[16];           /* standalone, cluster, sentinel; Valkey's server_mode, too */
	char role[16];           /* master, slave */
	char master_host[256];   /* of a replica */
	char master_port[8];
	char policy[32];       /* maxmemory_policy */
	uint64_t max_memory;   /* bytes; 0: no limit */
	bool append_only;      /* aof_enabled */
	char save[256];        /* CONFIG's save; with config_known, "" means no snapshots */
	char append_fsync[16]; /* CONFIG's appendfsync */
	bool config_known;     /* CONFIG GET was answered */
} seg_server_facts;

/* Reads the text of INFO; ignores unknown lines. */
void seg_server_facts_read(seg_server_facts *facts, const char *info, size_t length);

/*
 * Reads the answer to HELLO, which says the version, the mode and the role, and needs no right: for a user that
 * may not run INFO. Ignores a reply of another type.
 */
void seg_server_facts_read_hello(seg_server_facts *facts, const seg_reply *reply);

/* Reads the names and values of CONFIG GET; ignores a reply of another type. */
void seg_server_facts_read_config(seg_server_facts *facts, const seg_reply *reply);

/*
 * Judges a server: 0, SEG_EPROTOCOL if it is not Redis, or SEG_ESERVER, with a sentence that says how to fix
 * it. Logs risks that do not prevent its use as warnings. where: the server's address, for the sentences.
 */
int seg_server_check(const seg_server_facts *facts, bool allow_eviction, const char *where,
		     const seg_logger *logger, seg_error *error);

/* Says that the server is a Sentinel, and how to write the address; returns SEG_ESERVER. */
int seg_server_is_sentinel(const char *where, seg_error *error);

/*
 * Judges a server after a reconnect, by its reply to INFO, or to HELLO where INFO is denied, and
 * without warnings. Fills `facts`, whose run_id and replication_id the caller compares with those it knows;
 * HELLO does not say them. If the reply is an error or NULL, returns 0 with empty facts; a reply of another type
 * is SEG_EPROTOCOL.
 */
int seg_server_check_reply(const seg_reply *reply, bool allow_eviction, const char *where,
			   seg_server_facts *facts, seg_error *error);

#endif

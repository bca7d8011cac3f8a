/*
 * server_check.h - whether a Redis is one that can be relied on, judged by what INFO and CONFIG GET say.
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

/* The oldest version served: 7.0. */
#define SEG_SERVER_MAJOR 7

/* What a server says of itself; a text is "" and a number 0 where it says nothing. */
typedef struct seg_server_facts {
	char version[32];        /* redis_version, also Valkey's */
	char valkey_version[32]; /* "" on Redis */
	char run_id[48];         /* another one after a restart */
	char replication_id[48]; /* master_replid: another one after a failover */
	char mode[16];           /* standalone, cluster, sentinel */
	char role[16];           /* master, slave */
	char master_host[256];   /* of a replica */
	char master_port[8];
	char policy[32];       /* maxmemory_policy */
	uint64_t max_memory;   /* bytes; 0: no limit */
	bool append_only;      /* aof_enabled */
	char save[256];        /* CONFIG's save; "" means no snapshots if config_known */
	char append_fsync[16]; /* CONFIG's appendfsync */
	bool config_known;
} seg_server_facts;

/* Reads the text of INFO; unknown lines are skipped. */
void seg_server_facts_read(seg_server_facts *facts, const char *info, size_t length);

/* Reads CONFIG GET's names and values; what is no such reply is left unread. */
void seg_server_facts_read_config(seg_server_facts *facts, const seg_reply *reply);

/*
 * Judges: 0, or SEG_EPROTOCOL (it is no Redis) or SEG_ESERVER, with a sentence that says how to mend it.
 * What is only unwise goes to the logger. where: its address, for the sentences.
 */
int seg_server_check(const seg_server_facts *facts, bool allow_eviction, const char *where,
		     const seg_logger *logger, seg_error *error);

/*
 * For a connection that came back: judges an INFO reply alone, without warnings, and fills `facts` for
 * comparing run_id and replication_id with those known. A reply that is an error (a right is missing)
 * is no fault: 0, with empty facts.
 */
int seg_server_check_reply(const seg_reply *info, bool allow_eviction, const char *where,
			   seg_server_facts *facts, seg_error *error);

#endif

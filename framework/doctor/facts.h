/*
 * facts.h - what one server says about itself, for the judgements (judge.h), which need nothing else. Asking for them
 * changes nothing in Redis. One thread.
 */
#ifndef SEG_DOCTOR_FACTS_H
#define SEG_DOCTOR_FACTS_H

#include "doctor/link.h"
#include "redis/values.h"

typedef struct seg_facts {
	/* How the server shall be used: */
	uint64_t max_message_bytes;
	bool allow_eviction;
	uint32_t ack_replicas;

	double round_trip; /* seconds, the median of some */
	bool clock_known;
	double clock_offset; /* seconds by which Redis's clock is ahead of this machine's */
	double clock_doubt;  /* seconds by which the offset may be wrong: half a round trip */

	seg_values info, config;
	seg_values hello;   /* asked only where INFO is refused */
	seg_values cluster; /* CLUSTER INFO, asked only of a cluster */
} seg_facts;

/*
 * Asks the server. 0, or SEG_EUNREACHABLE, SEG_EAUTH (it wants a login) or SEG_EPROTOCOL (it is not Redis) with an error.
 * Free with seg_facts_free in any case.
 */
int seg_facts_ask(seg_link *link, seg_facts *facts, seg_error *error);
void seg_facts_free(seg_facts *facts);

/* "standalone", "cluster" or "sentinel"; "" if the server does not say. */
const char *seg_facts_mode(const seg_facts *facts, char mode[SEG_VALUE_MAX]);

/* "master", "slave" or "sentinel"; "" if the server does not say. */
const char *seg_facts_role(const seg_facts *facts, char role[SEG_VALUE_MAX]);

#endif

/*
 * acks.h - with ack_replicas: asks the replicas of a node whether they have what was written (WAIT), and remembers of each partition
 * since when they have not confirmed its commits. I/O thread.
 */
#ifndef SEG_GROUP_ACKS_H
#define SEG_GROUP_ACKS_H

#include "group/state.h"

/* How many replicas must have what is written; 0: none is asked. */
static inline uint32_t seg_acks_wanted(const seg_member *member)
{
	return member->stream->client->ack_replicas;
}

/* Issues WAIT on the connection. False: it does not take the command. */
bool seg_acks_ask(seg_member *member, seg_connection *connection, seg_reply_fn fn, void *arg);

/* Whether enough replicas have what was written. */
bool seg_acks_suffice(const seg_member *member, const seg_reply *reply);

/* Writes "0 of 1 replicas (ack_replicas) confirmed WHAT within 333 ms", or what Redis says if it refused WAIT. Returns text. */
char *seg_acks_explain(const seg_member *member, const seg_reply *reply, const char *what,
		       char text[SEG_ACKS_TEXT_MAX]);

/* The partition's commit, or its dead letter, was asked for: seg_acks_suffice. Remembers that, and logs the first time that they do
 * not suffice. */
bool seg_acks_heard(seg_partition *partition, const seg_reply *reply);

/* A new ownership begins. */
void seg_acks_begin(seg_partition *partition);

#endif

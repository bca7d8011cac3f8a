/*
 * slot.h - the hash slots of a Redis Cluster: which slot a key has, and what a server says about the slots'
 * masters. Pure; any thread.
 */
#ifndef SEG_REDIS_SLOT_H
#define SEG_REDIS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis/reply.h"

#define SEG_SLOT_COUNT 16384

/*
 * The slot of a NUL-terminated key: CRC16 (XMODEM) of its hash tag, or of the whole key without one, modulo
 * 16384 (Redis Cluster specification, "Key distribution model").
 */
uint16_t seg_slot_of(const char *key);

/* A range of slots and their master, of an answer to CLUSTER SLOTS. */
typedef struct seg_slot_range {
	uint16_t first, last;
	char host[256]; /* "": the host that was asked */
	uint16_t port;
} seg_slot_range;

/* Reads range i of an answer to CLUSTER SLOTS. False if the element is not one. */
bool seg_slot_range_read(const seg_reply *slots, size_t i, seg_slot_range *range);

typedef enum seg_redirection_kind {
	SEG_REDIRECT_NOT,
	SEG_REDIRECT_MOVED,
	SEG_REDIRECT_ASK
} seg_redirection_kind;

/*
 * Which redirections a command follows by itself. ASK names where one key is while its slot migrates, with all that was written. MOVED
 * names another master, which may lack the newest writes of the last one.
 */
typedef enum seg_follow { SEG_FOLLOW_NONE, SEG_FOLLOW_ASK, SEG_FOLLOW_ALL } seg_follow;

/* An error MOVED or ASK: the range holds the one slot, and the node that has it. */
seg_redirection_kind seg_redirection_read(const seg_reply *error, seg_slot_range *range);

#endif

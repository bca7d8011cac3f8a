/*
 * chain.h - what the handler chaos_transform keeps of each key: how many messages it has done, and a hash of them in their order.
 * The handler and the checker make the same chain of the same messages. And the data of the records that it writes. No threads.
 */
#ifndef CHAOS_CHAIN_H
#define CHAOS_CHAIN_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct chaos_chain {
	uint64_t count, hash;
} chaos_chain;

enum { CHAOS_CHAIN_TEXT = 48 };

/* FNV-1a, byte by byte. */
static inline uint64_t chaos_chain_mix(uint64_t hash, uint64_t number)
{
	for (int i = 0; i < 8; i++)
		hash = (hash ^ ((number >> (8 * i)) & 0xff)) * 0x100000001b3u;
	return hash;
}

/* The message with this id and number is done. */
static inline void chaos_chain_add(chaos_chain *chain, uint64_t ms, uint64_t seq, uint32_t number)
{
	chain->hash = chaos_chain_mix(chaos_chain_mix(chaos_chain_mix(chain->hash, ms), seq), number);
	chain->count++;
}

static inline int chaos_chain_write(const chaos_chain *chain, char text[CHAOS_CHAIN_TEXT])
{
	return snprintf(text, CHAOS_CHAIN_TEXT, "%" PRIu64 " %" PRIx64, chain->count, chain->hash);
}

/* False: it is none. `text` ends with a NUL. */
static inline bool chaos_chain_parse(const char *text, chaos_chain *chain)
{
	return sscanf(text, "%" SCNu64 " %" SCNx64, &chain->count, &chain->hash) == 2;
}

/* How many records chaos_transform emits for the message with this number; they are numbered from 0. */
enum { CHAOS_PARTS_MOST = 4 };

static inline uint32_t chaos_parts_of(uint32_t number)
{
	return number % 8 == 7 ? 3 : 1;
}

enum { CHAOS_PART_TEXT = 160 };

/*
 * The data of record `part` of the message with this number, partition and id: "NUMBER * 4 + PART" as its number, "-" as its action, then
 * the partition and the id of the message, and the chain with it: "COUNT HASH", or "0 0" where no values are kept. Returns its length.
 */
static inline int chaos_part_write(char text[CHAOS_PART_TEXT], uint32_t part, uint32_t number,
				   uint32_t partition, uint64_t ms, uint64_t seq, const chaos_chain *chain)
{
	char chain_text[CHAOS_CHAIN_TEXT];
	chaos_chain_write(chain, chain_text);
	return snprintf(text, CHAOS_PART_TEXT, "%" PRIu32 " - %" PRIu32 " %" PRIu64 "-%" PRIu64 " %s",
			number * CHAOS_PARTS_MOST + part, partition, ms, seq, chain_text);
}

#endif

/*
 * arena.h - memory that is taken piece by piece and given back all at once.
 *
 * Made for batches: after the first few, a reset arena already has the blocks it needs, and nothing is
 * allocated any more. One thread at a time.
 */
#ifndef SEG_BASE_ARENA_H
#define SEG_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct seg_arena_block;

typedef struct seg_arena {
	struct seg_arena_block *first;
	struct seg_arena_block *current;
	char *next; /* free memory of the current block */
	char *end;
	size_t block_size;
	size_t held; /* bytes in all blocks */
	size_t used; /* bytes handed out since the reset */
} seg_arena;

/* block_size: bytes per block, at least 256; a larger piece gets a block of its own. Allocates nothing yet. */
void seg_arena_init(seg_arena *arena, size_t block_size);
void seg_arena_fini(seg_arena *arena);

/* A piece aligned for any object, or NULL. */
void *seg_arena_alloc_slow(seg_arena *arena, size_t size);

static inline void *seg_arena_alloc(seg_arena *arena, size_t size)
{
	size_t rounded = ((size ? size : 1) + 15) & ~(size_t)15;
	/* Before the first block, next and end are NULL: nothing fits. */
	if (rounded < size || rounded > (size_t)(arena->end - arena->next))
		return seg_arena_alloc_slow(arena, size);
	void *piece = arena->next;
	arena->next += rounded;
	arena->used += rounded;
	return piece;
}

/* Forgets all pieces. Keeps blocks of up to `keep` bytes in all for the next use. */
void seg_arena_reset(seg_arena *arena, size_t keep);

#endif

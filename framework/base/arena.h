/*
 * arena.h - memory that is allocated piece by piece and freed all at once.
 *
 * It is made for batches: a reset arena keeps its blocks, so after the first few batches nothing is
 * allocated. One thread at a time.
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
	size_t used; /* bytes allocated since the reset */
} seg_arena;

/* block_size: bytes per block, at least 256; a larger piece gets a block of its own. Does not allocate. */
void seg_arena_init(seg_arena *arena, size_t block_size);
void seg_arena_fini(seg_arena *arena);

/* For seg_arena_alloc, when the current block is full. */
void *seg_arena_alloc_slow(seg_arena *arena, size_t size);

/* A piece aligned for any object; NULL if out of memory. */
static inline void *seg_arena_alloc(seg_arena *arena, size_t size)
{
	size_t rounded = ((size ? size : 1) + 15) & ~(size_t)15;
	/* Without a block, next and end are NULL, and nothing fits. */
	if (rounded < size || rounded > (size_t)(arena->end - arena->next))
		return seg_arena_alloc_slow(arena, size);
	void *piece = arena->next;
	arena->next += rounded;
	arena->used += rounded;
	return piece;
}

/* Frees the blocks behind the newest piece, but for `spare` bytes of them. */
void seg_arena_trim(seg_arena *arena, size_t spare);

/* Frees all pieces. Keeps blocks of at most `keep` bytes together for the next use. */
void seg_arena_reset(seg_arena *arena, size_t keep);

#endif

/*
 * stock.h - the memory of batches that no read needs now, for all partitions of a member.
 *
 * The memory that came back last is taken first: it is still in the caches. With memory of its own, each of many partitions would read
 * into memory that has left them. The I/O thread's.
 */
#ifndef SEG_PARTITION_STOCK_H
#define SEG_PARTITION_STOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "base/arena.h"

/* The memory of one batch (fetched.h). */
typedef struct seg_room {
	seg_message *messages; /* NULL: no memory */
	uint8_t *faults;
	size_t capacity; /* of both arrays, in messages */
	seg_arena arena;
} seg_room;

typedef struct seg_stock {
	seg_room *rooms; /* the newest last */
	size_t count, capacity;
	size_t bytes; /* of all rooms; at most SEG_STOCK_MOST */
} seg_stock;

/* 180 batches of 512 messages of 100 bytes. What comes back beyond it is freed. */
#define SEG_STOCK_MOST ((size_t)32 << 20)

/* Frees all memory. The stock is empty then: all zero, as at first. */
void seg_stock_fini(seg_stock *stock);

/* False: the stock is empty. */
bool seg_stock_take(seg_stock *stock, seg_room *room);

/* The room has memory, and its arena holds nothing. It is void then. */
void seg_stock_give(seg_stock *stock, seg_room *room);

/* Frees the memory; the arena may be used again. */
void seg_room_free(seg_room *room);

#endif

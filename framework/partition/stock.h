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
	seg_message *messages;
	uint8_t *faults; /* a seg_fault for each message */
	size_t capacity; /* of both arrays, in messages; 0: no memory */
	seg_arena arena; /* of the texts and headers */
} seg_room;

typedef struct seg_stock {
	seg_room *rooms; /* the newest last */
	size_t count, capacity;
	size_t bytes; /* of all rooms; at most SEG_STOCK_MOST */
} seg_stock;

/* 180 batches of 512 messages of 100 bytes. What comes back beyond it is freed. */
#define SEG_STOCK_MOST ((size_t)32 << 20)

/* No memory. */
void seg_room_init(seg_room *room);

/* Frees the memory: the room is as at first. */
void seg_room_free(seg_room *room);

/* Makes room for `capacity` messages. False: out of memory; all that the room has stays. */
bool seg_room_grow(seg_room *room, size_t capacity);

/* Frees all memory, because there is too little of it, or at the end. The stock is empty then, and takes more as at first. */
void seg_stock_free(seg_stock *stock);

/* The room has no memory. False: it gets none; the stock is empty. */
bool seg_stock_take(seg_stock *stock, seg_room *room);

/* The room has memory, and its arena holds nothing. It has no memory then. */
void seg_stock_give(seg_stock *stock, seg_room *room);

#endif

#include "partition/stock.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 16, ARENA_BLOCK = 64 * 1024 };

void seg_room_init(seg_room *room)
{
	*room = (seg_room){0};
	seg_arena_init(&room->arena, ARENA_BLOCK);
}

void seg_room_free(seg_room *room)
{
	seg_arena_fini(&room->arena);
	free(room->messages);
	free(room->faults);
	seg_room_init(room);
}

bool seg_room_grow(seg_room *room, size_t capacity)
{
	seg_message *messages = realloc(room->messages, capacity * sizeof(*messages));
	if (messages)
		room->messages = messages;
	uint8_t *faults = realloc(room->faults, capacity * sizeof(*faults));
	if (faults)
		room->faults = faults;
	if (!messages || !faults)
		return false;
	room->capacity = capacity;
	return true;
}

static size_t bytes_of(const seg_room *room)
{
	return room->arena.held + room->capacity * (sizeof(*room->messages) + sizeof(*room->faults));
}

void seg_stock_free(seg_stock *stock)
{
	while (stock->count)
		seg_room_free(&stock->rooms[--stock->count]);
	free(stock->rooms);
	*stock = (seg_stock){0};
}

bool seg_stock_take(seg_stock *stock, seg_room *room)
{
	if (stock->count == 0)
		return false;
	*room = stock->rooms[--stock->count];
	stock->bytes -= bytes_of(room);
	return true;
}

static bool has_place(seg_stock *stock)
{
	if (stock->count < stock->capacity)
		return true;
	size_t capacity = stock->capacity ? 2 * stock->capacity : CAPACITY_FIRST;
	seg_room *rooms = realloc(stock->rooms, capacity * sizeof(*rooms));
	if (!rooms)
		return false;
	stock->rooms = rooms;
	stock->capacity = capacity;
	return true;
}

void seg_stock_give(seg_stock *stock, seg_room *room)
{
	size_t bytes = bytes_of(room);
	if (bytes > SEG_STOCK_MOST - stock->bytes || !has_place(stock)) {
		seg_room_free(room);
		return;
	}
	stock->rooms[stock->count++] = *room;
	stock->bytes += bytes;
	seg_room_init(room);
}

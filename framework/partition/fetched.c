#include "partition/fetched.h"

#include <stdlib.h>
#include <string.h>

#include "stream/codec.h"

const char *seg_fault_text(seg_fault fault)
{
	switch (fault) {
	case SEG_FAULT_NONE:
		break;
	case SEG_FAULT_NO_KEY:
		return "the entry has no field partitionKey";
	case SEG_FAULT_NO_DATA:
		return "the entry has no field data";
	case SEG_FAULT_TWICE:
		return "the entry has partitionKey or data twice";
	case SEG_FAULT_ENVELOPE:
		return "the field data holds no envelope of codec segmenter-go";
	case SEG_FAULT_PACKED:
		return "the field packed holds no records as this library packs them";
	case SEG_FAULT_LARGE:
		return "the entry, unpacked, is larger than entry_limit allows; it was not read";
	case SEG_FAULT_DEADLY:
		return "the process died each time this entry was read: it may need more memory than the process may have, or a thread that the plugin has started crashed";
	case SEG_FAULT_MEMORY:
		return "there was not enough memory to read the entry; give the process more, or lower entry_limit";
	}
	return "no fault";
}

seg_fetched *seg_fetched_create(size_t view_max, seg_stock *stock)
{
	seg_fetched *fetched = calloc(1, sizeof(*fetched));
	if (!fetched)
		return NULL;
	atomic_init(&fetched->references, 1);
	fetched->stock = stock;
	fetched->view_max = view_max;
	fetched->records_before = -1;
	seg_room_init(&fetched->room);
	return fetched;
}

void seg_fetched_retain(seg_fetched *fetched)
{
	atomic_fetch_add_explicit(&fetched->references, 1, memory_order_relaxed);
}

void seg_fetched_release(seg_fetched *fetched)
{
	if (atomic_fetch_sub_explicit(&fetched->references, 1, memory_order_acq_rel) > 1)
		return;
	seg_room_free(&fetched->room);
	free(fetched);
}

void seg_fetched_reset(seg_fetched *fetched, size_t keep)
{
	if (keep == 0)
		seg_room_free(&fetched->room);
	else
		seg_arena_reset(&fetched->room.arena, keep);
	fetched->batch = (seg_batch){0};
	fetched->entries = 0;
	fetched->unpacked = false;
	fetched->records_before = -1;
	fetched->bytes = 0;
	fetched->decoded = 0;
	fetched->last_id = (seg_id){0, 0};
}

void seg_fetched_give_room(seg_fetched *fetched, size_t keep)
{
	seg_fetched_reset(fetched, keep);
	if (fetched->stock && fetched->room.capacity)
		seg_stock_give(fetched->stock, &fetched->room);
}

bool seg_fetched_reserve(seg_fetched *fetched, size_t count)
{
	seg_room *room = &fetched->room;
	if (count <= room->capacity)
		return true;
	if (room->capacity == 0) {
		seg_room_free(room);
		if (fetched->stock)
			seg_stock_take(fetched->stock, room);
	}
	size_t capacity = room->capacity ? room->capacity : fetched->view_max;
	while (capacity < count)
		capacity *= 2;
	bool has_room = capacity == room->capacity || seg_room_grow(room, capacity);
	fetched->batch.messages = room->messages;
	return has_room;
}

const seg_message *seg_fetched_packed(const seg_fetched *fetched, size_t index)
{
	return fetched->unpacked && fetched->room.messages[index].key ? &fetched->room.messages[index] : NULL;
}

/* Whether it stands for an entry that may have several messages. The codec's faults do not: they come later, on another thread. */
static bool is_whole_entry(uint8_t fault)
{
	return fault == SEG_FAULT_PACKED || fault == SEG_FAULT_LARGE || fault == SEG_FAULT_DEADLY ||
	       fault == SEG_FAULT_MEMORY;
}

bool seg_fetched_is_done(const seg_fetched *fetched, size_t index, const seg_beyond *beyond)
{
	seg_id id = fetched->room.messages[index].id;
	if (!is_whole_entry(fetched->room.faults[index]))
		return seg_beyond_has(beyond, id);
	return seg_beyond_has_entry(beyond, index ? fetched->room.messages[index - 1].id : fetched->after,
				    id);
}

size_t seg_fetched_run_end(const seg_fetched *fetched, size_t index, const seg_beyond *done)
{
	size_t end = index + 1, bound = index + fetched->view_max;
	if (bound > fetched->batch.count)
		bound = fetched->batch.count;
	bool some_are_done = !seg_beyond_is_empty(done);
	while (end < bound && fetched->room.faults[end] == SEG_FAULT_NONE &&
	       !(some_are_done && seg_fetched_is_done(fetched, end, done)))
		end++;
	return end;
}

bool seg_fetched_decode(seg_fetched *fetched, seg_codec codec)
{
	if (codec == SEG_CODEC_RAW)
		return true;
	for (; fetched->decoded < fetched->batch.count; fetched->decoded++) {
		size_t i = fetched->decoded;
		if (fetched->room.faults[i] != SEG_FAULT_NONE)
			continue;
		int status = seg_codec_decode(codec, &fetched->room.messages[i], &fetched->room.arena, NULL);
		if (status == SEG_ENOMEM)
			return false;
		if (status)
			fetched->room.faults[i] = SEG_FAULT_ENVELOPE;
	}
	return true;
}

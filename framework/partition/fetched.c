#include "partition/fetched.h"

#include <stdlib.h>
#include <string.h>

#include "stream/codec.h"

enum { ARENA_BLOCK = 64 * 1024 };

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
	fetched->capacity = fetched->view_max = view_max;
	fetched->records_before = -1;
	seg_arena_init(&fetched->arena, ARENA_BLOCK);
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
	seg_arena_fini(&fetched->arena);
	free(fetched->messages);
	free(fetched->faults);
	free(fetched);
}

void seg_fetched_reset(seg_fetched *fetched, size_t keep)
{
	seg_arena_reset(&fetched->arena, keep);
	if (keep == 0) {
		free(fetched->messages);
		free(fetched->faults);
		fetched->messages = NULL;
		fetched->faults = NULL;
		fetched->capacity = fetched->view_max;
	}
	fetched->batch = (seg_batch){0};
	fetched->entries = 0;
	fetched->unpacked = false;
	fetched->records_before = -1;
	fetched->bytes = 0;
	fetched->decoded = 0;
	fetched->last_id = (seg_id){0, 0};
}

static bool take_room(seg_fetched *fetched)
{
	seg_room room;
	if (!fetched->stock || !seg_stock_take(fetched->stock, &room))
		return false;
	seg_arena_fini(&fetched->arena);
	fetched->messages = room.messages;
	fetched->faults = room.faults;
	fetched->capacity = room.capacity;
	fetched->arena = room.arena;
	return true;
}

void seg_fetched_give_room(seg_fetched *fetched, size_t keep)
{
	seg_fetched_reset(fetched, keep);
	if (!fetched->stock || !fetched->messages)
		return;
	seg_room room = {.messages = fetched->messages,
			 .faults = fetched->faults,
			 .capacity = fetched->capacity,
			 .arena = fetched->arena};
	seg_stock_give(fetched->stock, &room);
	fetched->messages = NULL;
	fetched->faults = NULL;
	fetched->capacity = fetched->view_max;
	seg_arena_init(&fetched->arena, ARENA_BLOCK);
}

static bool grow(seg_fetched *fetched, size_t wanted)
{
	size_t capacity = fetched->capacity;
	while (capacity < wanted)
		capacity *= 2;
	seg_message *messages = realloc(fetched->messages, capacity * sizeof(*messages));
	if (messages)
		fetched->messages = messages;
	uint8_t *faults = realloc(fetched->faults, capacity);
	if (faults)
		fetched->faults = faults;
	fetched->batch.messages = fetched->messages;
	if (!messages || !faults)
		return false;
	fetched->capacity = capacity;
	return true;
}

bool seg_fetched_reserve(seg_fetched *fetched, size_t count)
{
	if (fetched->messages || take_room(fetched))
		return count <= fetched->capacity || grow(fetched, count);
	fetched->messages = malloc(fetched->capacity * sizeof(*fetched->messages));
	fetched->faults = malloc(fetched->capacity);
	if (fetched->messages && fetched->faults)
		return count <= fetched->capacity || grow(fetched, count);
	free(fetched->messages);
	free(fetched->faults);
	fetched->messages = NULL;
	fetched->faults = NULL;
	return false;
}

const seg_message *seg_fetched_packed(const seg_fetched *fetched, size_t index)
{
	return fetched->unpacked && fetched->messages[index].key ? &fetched->messages[index] : NULL;
}

/* Whether it stands for an entry that may have several messages. The codec's faults do not: they come later, on another thread. */
static bool is_whole_entry(uint8_t fault)
{
	return fault == SEG_FAULT_PACKED || fault == SEG_FAULT_LARGE || fault == SEG_FAULT_DEADLY ||
	       fault == SEG_FAULT_MEMORY;
}

bool seg_fetched_is_done(const seg_fetched *fetched, size_t index, const seg_beyond *beyond)
{
	seg_id id = fetched->messages[index].id;
	if (!is_whole_entry(fetched->faults[index]))
		return seg_beyond_has(beyond, id);
	return seg_beyond_has_entry(beyond, index ? fetched->messages[index - 1].id : fetched->after, id);
}

size_t seg_fetched_run_end(const seg_fetched *fetched, size_t index, const seg_beyond *done)
{
	size_t end = index + 1, bound = index + fetched->view_max;
	if (bound > fetched->batch.count)
		bound = fetched->batch.count;
	bool some_are_done = !seg_beyond_is_empty(done);
	while (end < bound && fetched->faults[end] == SEG_FAULT_NONE &&
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
		if (fetched->faults[i] != SEG_FAULT_NONE)
			continue;
		int status = seg_codec_decode(codec, &fetched->messages[i], &fetched->arena, NULL);
		if (status == SEG_ENOMEM)
			return false;
		if (status)
			fetched->faults[i] = SEG_FAULT_ENVELOPE;
	}
	return true;
}

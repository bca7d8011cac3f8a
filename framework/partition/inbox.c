#include "partition/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "partition/key_slot.h"

/* A batch in hand. */
typedef struct seg_held {
	struct seg_held *next;
	seg_fetched *fetched;
	size_t left;   /* messages that are not done, nor parked */
	size_t count;  /* of items: those that were not done already */
	size_t needed; /* an item: the first that was found to need the batch, as neither over nor held up */
	size_t room;
	seg_item items[];
} seg_held;

/* A copy of a message, with its texts behind it. */
typedef struct parked {
	seg_item item; /* first: a pointer to it is a pointer to the copy */
	seg_message message;
	size_t bytes;
	seg_header headers[];
} parked;

void seg_inbox_init(seg_inbox *inbox, seg_handoff *handoff, seg_slots *slots, const seg_beyond *beyond,
		    uint64_t limit, uint64_t alone)
{
	*inbox = (seg_inbox){.handoff = handoff,
			     .slots = slots,
			     .beyond = beyond,
			     .limit = limit,
			     .alone = alone};
}

/* --- parked messages ------------------------------------------------------------------------- */

static size_t bytes_of(const seg_message *m)
{
	size_t bytes = sizeof(parked) + m->header_count * sizeof(seg_header) + m->key_length + m->data_length;
	for (size_t i = 0; i < m->header_count; i++)
		bytes += m->headers[i].name_length + m->headers[i].value_length;
	return bytes;
}

/* Copies the text to *at, and moves *at behind it. A text that is NULL stays NULL: it is missing. */
static const void *move_text(char **at, const void *text, size_t length)
{
	char *copy = *at;
	if (!text)
		return NULL;
	if (length)
		memcpy(copy, text, length);
	*at += length;
	return copy;
}

static parked *copy_of(const seg_item *item)
{
	const seg_message *m = item->message;
	size_t bytes = bytes_of(m);
	parked *p = malloc(bytes);
	if (!p)
		return NULL;
	char *at = (char *)(p->headers + m->header_count);
	p->item = *item;
	p->item.held = NULL;
	p->item.message = &p->message;
	p->bytes = bytes;
	p->message = *m;
	p->message.key = move_text(&at, m->key, m->key_length);
	p->message.data = move_text(&at, m->data, m->data_length);
	p->message.headers = p->headers;
	for (size_t i = 0; i < m->header_count; i++) {
		p->headers[i] = m->headers[i];
		p->headers[i].name = move_text(&at, m->headers[i].name, m->headers[i].name_length);
		p->headers[i].value = move_text(&at, m->headers[i].value, m->headers[i].value_length);
	}
	return p;
}

/* The I/O thread looks at it, to bound how much is in hand. */
static void publish_parked(const seg_inbox *inbox)
{
	if (!inbox->handoff)
		return;
	atomic_store_explicit(&inbox->handoff->worker.parked, inbox->parked_count, memory_order_relaxed);
}

seg_item *seg_inbox_park(seg_inbox *inbox, seg_item *item)
{
	if (!item->held)
		return item;
	parked *p = copy_of(item);
	if (!p)
		return NULL;
	seg_slots_replace(inbox->slots, item, &p->item);
	item->over = true;
	item->held->left--;
	inbox->parked_count++;
	inbox->parked_bytes += p->bytes;
	publish_parked(inbox);
	return &p->item;
}

static void unpark(seg_inbox *inbox, seg_item *item)
{
	parked *p = (parked *)item;
	inbox->parked_count--;
	inbox->parked_bytes -= p->bytes;
	publish_parked(inbox);
	free(p);
}

/* What waits may be handled with others again. A message that failed on its own has not killed the process. */
static void end_isolation(seg_inbox *inbox)
{
	for (unsigned i = 0; i < SEG_SLOTS; i++)
		for (seg_item *item = inbox->slots->list[i].first; item; item = item->next)
			item->alone = false;
}

void seg_inbox_done(seg_inbox *inbox, seg_item *item)
{
	inbox->waiting--;
	if (inbox->alone > 0 && item->alone && --inbox->alone == 0)
		end_isolation(inbox);
	if (!item->held) {
		unpark(inbox, item);
		return;
	}
	item->over = true;
	item->held->left--;
}

/* --- batches ------------------------------------------------------------------------------------ */

static seg_held *make_held(seg_inbox *inbox, size_t count)
{
	seg_held *held = inbox->spare;
	inbox->spare = NULL;
	if (held && held->room >= count)
		return held;
	free(held);
	held = malloc(sizeof(*held) + count * sizeof(held->items[0]));
	if (held)
		held->room = count;
	return held;
}

static void add_item(seg_inbox *inbox, seg_held *held, size_t index)
{
	const seg_fetched *fetched = held->fetched;
	const seg_message *message = &fetched->room.messages[index];
	if (seg_fetched_is_done(fetched, index, inbox->beyond))
		return;
	seg_item *item = &held->items[held->count++];
	*item = (seg_item){
		.message = message,
		.held = held,
		.number = fetched->sequence + index,
		.slot = seg_key_slot(message->key, message->key_length),
		.fault = fetched->room.faults[index],
		.alone = inbox->alone > 0,
		.packed = seg_fetched_packed(fetched, index) != NULL,
	};
	inbox->waiting++;
	held->left++;
	seg_slots_add(inbox->slots, item);
}

bool seg_inbox_add(seg_inbox *inbox, seg_fetched *fetched)
{
	seg_held *held = make_held(inbox, fetched->batch.count);
	if (!held)
		return false;
	held->next = NULL;
	held->fetched = fetched;
	held->left = held->count = held->needed = 0;
	if (inbox->last)
		inbox->last->next = held;
	else
		inbox->first = held;
	inbox->last = held;
	for (size_t i = 0; i < fetched->batch.count; i++)
		add_item(inbox, held, i);
	return true;
}

static void give_back_first(seg_inbox *inbox)
{
	seg_held *held = inbox->first;
	inbox->first = held->next;
	if (!inbox->first)
		inbox->last = NULL;
	if (inbox->shared)
		seg_fetched_release(held->fetched); /* the ledger has another reference */
	seg_handoff_give_back(inbox->handoff, held->fetched);
	free(inbox->spare);
	inbox->spare = held;
}

/* It is with a lane, or waits for one. */
static bool needs(const seg_inbox *inbox, const seg_item *item)
{
	return !item->over && !seg_slots_holds(inbox->slots, item);
}

/* The bytes of what would have to be parked for the batch to go back; UINT64_MAX: other messages hold it, too. */
static uint64_t bytes_to_park(const seg_inbox *inbox, seg_held *held)
{
	uint64_t bytes = 0;
	/* A quick look first: most often too few are held up for that, or the message of the last time still needs the batch. */
	if (inbox->slots->held_messages < held->left || needs(inbox, &held->items[held->needed]))
		return UINT64_MAX;
	for (size_t i = 0; i < held->count; i++) {
		const seg_item *item = &held->items[i];
		if (needs(inbox, item)) {
			held->needed = i;
			return UINT64_MAX;
		}
		bytes += item->over ? 0 : bytes_of(item->message);
	}
	return bytes;
}

static bool park_all(seg_inbox *inbox, seg_held *held)
{
	uint64_t bytes = bytes_to_park(inbox, held);
	if (bytes > inbox->limit || inbox->parked_bytes > inbox->limit - bytes)
		return false;
	for (size_t i = 0; i < held->count; i++)
		if (!held->items[i].over && !seg_inbox_park(inbox, &held->items[i]))
			return false;
	return true;
}

void seg_inbox_give_back(seg_inbox *inbox)
{
	while (inbox->first && (inbox->first->left == 0 || park_all(inbox, inbox->first)))
		give_back_first(inbox);
}

void seg_inbox_fini(seg_inbox *inbox)
{
	for (unsigned i = 0; i < SEG_SLOTS; i++)
		for (seg_item *item = inbox->slots->list[i].first, *next; item; item = next) {
			next = item->next;
			if (!item->held)
				unpark(inbox, item);
		}
	while (inbox->first) {
		seg_held *held = inbox->first;
		inbox->first = held->next;
		if (inbox->shared)
			seg_fetched_release(held->fetched);
		free(held);
	}
	free(inbox->spare);
	inbox->last = inbox->spare = NULL;
}

#include "partition/slots.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = SEG_SLOT_NONE };

void seg_slots_init(seg_slots *s)
{
	memset(s, 0, sizeof(*s));
	s->first_letter = s->last_letter = NONE;
	for (unsigned i = 0; i < SEG_SLOTS; i++) {
		s->list[i].attempt = 1;
		s->list[i].place = NONE;
	}
}

void seg_slots_fini(seg_slots *s)
{
	for (unsigned i = 0; i < SEG_SLOTS; i++)
		free(s->list[i].reason);
}

/* --- heaps of slots: the lowest key is first ----------------------------------------------- */

static void put(seg_slots *s, seg_slot_heap *heap, unsigned place, uint64_t key, uint16_t slot)
{
	heap->list[place].key = key;
	heap->list[place].slot = slot;
	s->list[slot].place = (uint16_t)place;
}

/* Both fill the hole at `place` with that slot, after they have moved others out of its way. */
static void sift_up(seg_slots *s, seg_slot_heap *heap, unsigned place, uint64_t key, uint16_t slot)
{
	for (unsigned parent; place > 0 && heap->list[parent = (place - 1) / 2].key > key; place = parent)
		put(s, heap, place, heap->list[parent].key, heap->list[parent].slot);
	put(s, heap, place, key, slot);
}

static void sift_down(seg_slots *s, seg_slot_heap *heap, unsigned place, uint64_t key, uint16_t slot)
{
	for (unsigned child; (child = 2 * place + 1) < heap->count; place = child) {
		if (child + 1 < heap->count && heap->list[child + 1].key < heap->list[child].key)
			child++;
		if (heap->list[child].key >= key)
			break;
		put(s, heap, place, heap->list[child].key, heap->list[child].slot);
	}
	put(s, heap, place, key, slot);
}

static void heap_add(seg_slots *s, seg_slot_heap *heap, uint64_t key, uint16_t slot)
{
	sift_up(s, heap, heap->count++, key, slot);
}

static void heap_remove(seg_slots *s, seg_slot_heap *heap, unsigned place)
{
	s->list[heap->list[place].slot].place = NONE;
	heap->count--;
	if (place == heap->count)
		return;
	uint64_t key = heap->list[heap->count].key;
	uint16_t slot = heap->list[heap->count].slot;
	if (place > 0 && heap->list[(place - 1) / 2].key > key)
		sift_up(s, heap, place, key, slot);
	else
		sift_down(s, heap, place, key, slot);
}

/* --- one slot's queue ------------------------------------------------------------------------ */

static seg_slot_queue *queue_of(seg_slots *s, const seg_item *item)
{
	return &s->list[item->slot];
}

static uint16_t number_of(const seg_slots *s, const seg_slot_queue *queue)
{
	return (uint16_t)(queue - s->list);
}

static void append(seg_slot_queue *queue, seg_item *item)
{
	item->next = NULL;
	item->before = queue->last;
	if (queue->last)
		queue->last->next = item;
	else
		queue->first = item;
	queue->last = item;
	queue->count++;
}

static void prepend(seg_slot_queue *queue, seg_item *item)
{
	item->before = NULL;
	item->next = queue->first;
	if (queue->first)
		queue->first->before = item;
	else
		queue->last = item;
	queue->first = item;
	queue->count++;
}

static seg_item *detach(seg_slot_queue *queue)
{
	seg_item *item = queue->first;
	queue->first = item->next;
	if (queue->first)
		queue->first->before = NULL;
	else
		queue->last = NULL;
	queue->count--;
	return item;
}

static void note_reason(seg_slot_queue *queue, char *reason)
{
	free(queue->reason);
	queue->reason = reason;
}

/* Its next message has not failed yet. */
static void forget_failure(seg_slots *s, seg_slot_queue *queue)
{
	s->retrying -= queue->failed != NULL;
	queue->failed = NULL;
	queue->attempt = 1;
	note_reason(queue, NULL);
}

/* --- states: a slot changes only by these ----------------------------------------------------- */

static void make_ready(seg_slots *s, seg_slot_queue *queue)
{
	queue->state = SEG_QUEUE_READY;
	s->ready_messages += queue->count;
	heap_add(s, &s->ready, queue->first->number, number_of(s, queue));
}

static void await_letter(seg_slots *s, seg_slot_queue *queue)
{
	uint16_t slot = number_of(s, queue);
	queue->state = SEG_QUEUE_LETTER;
	queue->next_letter = NONE;
	s->held_messages += queue->count;
	s->letters++;
	if (s->last_letter == NONE)
		s->first_letter = slot;
	else
		s->list[s->last_letter].next_letter = slot;
	s->last_letter = slot;
}

static void block(seg_slots *s, seg_slot_queue *queue, int64_t next_at)
{
	queue->state = SEG_QUEUE_BLOCKED;
	queue->next_at = next_at;
	s->held_messages += queue->count;
	heap_add(s, &s->blocked, (uint64_t)next_at, number_of(s, queue));
}

/* The slot is nowhere: lets it go on with its first message. */
static void settle(seg_slots *s, seg_slot_queue *queue)
{
	if (!queue->first)
		queue->state = SEG_QUEUE_IDLE;
	else if (queue->first->fault)
		await_letter(s, queue);
	else
		make_ready(s, queue);
}

void seg_slots_add(seg_slots *s, seg_item *item)
{
	seg_slot_queue *queue = queue_of(s, item);
	append(queue, item);
	switch (queue->state) {
	case SEG_QUEUE_IDLE:
		settle(s, queue);
		break;
	case SEG_QUEUE_READY:
		s->ready_messages++;
		break;
	case SEG_QUEUE_BLOCKED:
	case SEG_QUEUE_LETTER:
		s->held_messages++;
		break;
	case SEG_QUEUE_TAKEN:
		break;
	}
}

/* --- taking, and the answer --------------------------------------------------------------------- */

static bool is_single(const seg_slot_queue *queue)
{
	return queue->attempt > 1 || queue->first->alone;
}

seg_item *seg_slots_next(const seg_slots *s)
{
	return s->ready.count ? s->list[s->ready.list[0].slot].first : NULL;
}

/* Takes a slot out of those that are ready. */
static void leave_ready(seg_slots *s, seg_slot_queue *queue)
{
	s->ready_messages -= queue->count;
	heap_remove(s, &s->ready, queue->place);
}

/* Messages of slots that were taken already, the oldest first. */
static size_t take_more(seg_slots *s, seg_item **items, size_t count, size_t most, const uint16_t *taken,
			size_t slots)
{
	while (count < most) {
		seg_slot_queue *oldest = NULL;
		for (size_t i = 0; i < slots; i++) {
			seg_slot_queue *queue = &s->list[taken[i]];
			bool follows = queue->place != NONE && queue->first;
			if (follows && (!oldest || queue->first->number < oldest->first->number))
				oldest = queue;
		}
		if (!oldest)
			break;
		items[count++] = detach(oldest);
		s->ready_messages--;
		if (!oldest->first || oldest->first->fault || oldest->first->alone)
			leave_ready(s, oldest);
	}
	return count;
}

size_t seg_slots_take(seg_slots *s, seg_item **items, size_t most, size_t most_slots)
{
	uint16_t taken[SEG_SLOTS];
	size_t count = 0, slots = 0;
	while (count < most && s->ready.count) {
		uint16_t slot = s->ready.list[0].slot;
		seg_slot_queue *queue = &s->list[slot];
		bool single = is_single(queue) && queue->state == SEG_QUEUE_READY;
		if (single && count > 0)
			break;
		if (queue->state == SEG_QUEUE_READY) {
			if (slots == most_slots) {
				count = take_more(s, items, count, most, taken, slots);
				break;
			}
			queue->state = SEG_QUEUE_TAKEN;
			taken[slots++] = slot;
		}
		items[count++] = detach(queue);
		s->ready_messages--;
		const seg_item *next = queue->first;
		if (single || !next || next->fault || next->alone)
			leave_ready(s, queue);
		else
			sift_down(s, &s->ready, 0, next->number, slot);
		if (single)
			break;
	}
	/* What is left of these slots waits for the answer. */
	for (size_t i = 0; i < slots; i++)
		if (s->list[taken[i]].place != NONE)
			leave_ready(s, &s->list[taken[i]]);
	return count;
}

uint32_t seg_slots_attempt(const seg_slots *s, const seg_item *item)
{
	return s->list[item->slot].attempt;
}

static void fail(seg_slots *s, seg_item *item, seg_verdict verdict, int64_t next_at, char *reason)
{
	seg_slot_queue *queue = queue_of(s, item);
	note_reason(queue, reason);
	if (verdict == SEG_VERDICT_LETTER) {
		await_letter(s, queue);
		return;
	}
	s->retrying += queue->failed == NULL;
	queue->failed = item;
	queue->attempt++;
	block(s, queue, next_at);
}

void seg_slots_answer(seg_slots *s, seg_item *const *items, size_t count, size_t done, seg_verdict verdict,
		      int64_t next_at, char *reason)
{
	for (size_t i = 0; i < done; i++)
		forget_failure(s, queue_of(s, items[i]));
	for (size_t i = count; i > done; i--)
		prepend(queue_of(s, items[i - 1]), items[i - 1]);
	if (verdict == SEG_VERDICT_AGAIN)
		free(reason);
	else
		fail(s, items[done], verdict, next_at, reason);
	for (size_t i = 0; i < count; i++)
		if (queue_of(s, items[i])->state == SEG_QUEUE_TAKEN)
			settle(s, queue_of(s, items[i]));
}

/* --- what waits beside ------------------------------------------------------------------------------ */

int64_t seg_slots_due(const seg_slots *s)
{
	return s->blocked.count ? s->list[s->blocked.list[0].slot].next_at : INT64_MAX;
}

void seg_slots_wake(seg_slots *s, int64_t now)
{
	while (seg_slots_due(s) <= now) {
		seg_slot_queue *queue = &s->list[s->blocked.list[0].slot];
		heap_remove(s, &s->blocked, 0);
		s->held_messages -= queue->count;
		make_ready(s, queue);
	}
}

seg_item *seg_slots_letter(const seg_slots *s)
{
	return s->first_letter == NONE ? NULL : s->list[s->first_letter].first;
}

void seg_slots_letter_written(seg_slots *s)
{
	seg_slot_queue *queue = &s->list[s->first_letter];
	s->first_letter = queue->next_letter;
	if (s->first_letter == NONE)
		s->last_letter = NONE;
	s->letters--;
	s->held_messages -= queue->count;
	detach(queue);
	forget_failure(s, queue);
	settle(s, queue);
}

const seg_item *seg_slots_oldest_failed(const seg_slots *s)
{
	const seg_item *oldest = NULL;
	for (unsigned i = 0; s->retrying > 0 && i < SEG_SLOTS; i++) {
		const seg_item *failed = s->list[i].failed;
		if (failed && (!oldest || failed->number < oldest->number))
			oldest = failed;
	}
	return oldest;
}

bool seg_slots_holds(const seg_slots *s, const seg_item *item)
{
	seg_queue_state state = s->list[item->slot].state;
	return state == SEG_QUEUE_BLOCKED || state == SEG_QUEUE_LETTER;
}

void seg_slots_replace(seg_slots *s, const seg_item *item, seg_item *copy)
{
	seg_slot_queue *queue = queue_of(s, item);
	copy->next = item->next;
	copy->before = item->before;
	if (item->next)
		item->next->before = copy;
	else
		queue->last = copy;
	if (item->before)
		item->before->next = copy;
	else
		queue->first = copy;
	if (queue->failed == item)
		queue->failed = copy;
}

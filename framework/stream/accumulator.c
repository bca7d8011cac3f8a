#include "stream/accumulator.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/record.h"

/*
 * A batch is given up when its oldest record reaches its deadline. So a batch that waits behind others
 * accepts no more records after 1/SPAN_SHARE of the timeout: then its youngest records lose at most that
 * share of their time.
 */
enum { SPAN_SHARE = 8, FIRST_BYTES = 1024, FIRST_RECORDS = 8 };

static const size_t alignment = _Alignof(max_align_t);

/* --- making and unmaking ------------------------------------------------------ */

int seg_accumulator_init(seg_accumulator *a, const seg_accumulator_limits *limits)
{
	*a = (seg_accumulator){.limits = *limits, .rest_ends = SEG_NEVER, .next_number = 1};
	a->partitions = calloc(limits->partitions, sizeof(*a->partitions));
	if (!a->partitions)
		return SEG_ENOMEM;
	for (uint32_t p = 0; p < limits->partitions; p++)
		TAILQ_INIT(&a->partitions[p].batches);
	TAILQ_INIT(&a->age);
	TAILQ_INIT(&a->lingering);
	TAILQ_INIT(&a->ready);
	TAILQ_INIT(&a->resting);
	TAILQ_INIT(&a->free);
	return 0;
}

static void destroy_batch(seg_producer_batch *batch)
{
	free(batch->bytes);
	free(batch->records);
	free(batch);
}

void seg_accumulator_fini(seg_accumulator *a)
{
	seg_producer_batch *batch;
	while (a->partitions && (batch = TAILQ_FIRST(&a->age))) {
		TAILQ_REMOVE(&a->age, batch, in_age);
		destroy_batch(batch);
	}
	while (a->partitions && (batch = TAILQ_FIRST(&a->free))) {
		TAILQ_REMOVE(&a->free, batch, in_state);
		destroy_batch(batch);
	}
	free(a->partitions);
	*a = (seg_accumulator){0};
}

static size_t memory_of(const seg_producer_batch *batch)
{
	return sizeof(*batch) + batch->room + batch->record_room * sizeof(*batch->records);
}

/* --- moving between states ---------------------------------------------------- */

static struct seg_batch_list *list_of(seg_accumulator *a, seg_batch_state state)
{
	switch (state) {
	case SEG_BATCH_LINGERING:
		return &a->lingering;
	case SEG_BATCH_READY:
		return &a->ready;
	case SEG_BATCH_RESTING:
	case SEG_BATCH_BEHIND:
		return &a->resting;
	case SEG_BATCH_DUE:
	case SEG_BATCH_HELD:
		break;
	}
	return NULL;
}

static void enter(seg_accumulator *a, seg_producer_batch *batch, seg_batch_state state)
{
	struct seg_batch_list *from = list_of(a, batch->state), *to = list_of(a, state);
	if (from)
		TAILQ_REMOVE(from, batch, in_state);
	if (to)
		TAILQ_INSERT_TAIL(to, batch, in_state);
	batch->state = state;
}

static void rest_until(seg_accumulator *a, seg_producer_batch *batch, seg_batch_state state, int64_t until)
{
	batch->rest_until = until;
	if (until < a->rest_ends)
		a->rest_ends = until;
	enter(a, batch, state);
}

/*
 * The oldest batch of the partition that is not held, and how many are held before it. NULL if there is none,
 * or if no further batch may be held now.
 */
static seg_producer_batch *first_not_held(const seg_accumulator *a, const seg_partition_queue *queue,
					  unsigned *held)
{
	seg_producer_batch *batch;
	unsigned window = queue->narrow ? queue->narrow : a->limits.window;
	*held = 0;
	TAILQ_FOREACH(batch, &queue->batches, in_partition)
	{
		if (batch->state != SEG_BATCH_HELD)
			return batch;
		/* What follows a refused batch would be refused, too, until that one has been added. */
		if (++*held >= window || batch->refusals > 0)
			return NULL;
	}
	return NULL;
}

/* Decides which batch of a partition may be taken, or waits behind others. To be called after each change. */
static void arrange(seg_accumulator *a, uint32_t partition)
{
	seg_partition_queue *queue = &a->partitions[partition];
	unsigned held;
	seg_producer_batch *next = first_not_held(a, queue, &held), *before = queue->next;
	if (next && (next->state == SEG_BATCH_LINGERING || next->state == SEG_BATCH_RESTING))
		next = NULL;
	if (before && before != next)
		enter(a, before, SEG_BATCH_DUE);
	queue->next = next;
	if (!next)
		return;
	if (held == 0 || next->closed) {
		if (next->state != SEG_BATCH_READY)
			enter(a, next, SEG_BATCH_READY);
	} else if (next->state == SEG_BATCH_DUE) {
		rest_until(a, next, SEG_BATCH_BEHIND, next->created + a->limits.behind);
	}
}

static void make_due(seg_accumulator *a, seg_producer_batch *batch)
{
	if (batch->state != SEG_BATCH_LINGERING)
		return;
	enter(a, batch, SEG_BATCH_DUE);
	arrange(a, batch->partition);
}

void seg_accumulator_hurry(seg_accumulator *a)
{
	seg_producer_batch *batch;
	while ((batch = TAILQ_FIRST(&a->lingering)))
		make_due(a, batch);
}

/* --- adding ------------------------------------------------------------------- */

size_t seg_accumulator_charge(const seg_record *record)
{
	return seg_record_bytes(record) + SEG_RECORD_CHARGE;
}

bool seg_accumulator_has_room(const seg_accumulator *a, size_t charge)
{
	return charge <= a->limits.held_bytes - a->held;
}

static seg_producer_batch *new_batch(seg_accumulator *a, uint32_t partition, int64_t now)
{
	seg_producer_batch *batch = TAILQ_FIRST(&a->free);
	if (batch) {
		TAILQ_REMOVE(&a->free, batch, in_state);
		a->free_memory -= memory_of(batch);
	} else {
		batch = calloc(1, sizeof(*batch));
		if (!batch)
			return NULL;
	}
	batch->partition = partition;
	batch->created = now;
	batch->number = a->next_number++;
	batch->state = SEG_BATCH_LINGERING;
	TAILQ_INSERT_TAIL(&a->partitions[partition].batches, batch, in_partition);
	TAILQ_INSERT_TAIL(&a->age, batch, in_age);
	TAILQ_INSERT_TAIL(&a->lingering, batch, in_state);
	return batch;
}

/* Where a record's bytes begin in the batch, and how many there are. */
static size_t offset_of(const seg_producer_batch *batch, const seg_record *record)
{
	return record->header_count ? (batch->length + alignment - 1) & ~(alignment - 1) : batch->length;
}

static size_t stored_bytes(const seg_record *record)
{
	return record->header_count * sizeof(seg_header) + seg_record_bytes(record);
}

static bool is_full(const seg_accumulator *a, const seg_producer_batch *batch, size_t more)
{
	return batch->count >= a->limits.batch_records || batch->length + more > a->limits.batch_bytes;
}

static bool accepts(const seg_accumulator *a, const seg_producer_batch *batch, const seg_record *record,
		    int64_t now)
{
	int64_t span = a->limits.timeout / SPAN_SHARE;
	if (span < a->limits.linger)
		span = a->limits.linger;
	return !batch->closed && !is_full(a, batch, stored_bytes(record)) && now - batch->created <= span;
}

static bool make_room(seg_producer_batch *batch, size_t wanted)
{
	if (batch->count == batch->record_room) {
		size_t room = batch->record_room ? 2 * batch->record_room : FIRST_RECORDS;
		seg_held_record *records = realloc(batch->records, room * sizeof(*records));
		if (!records)
			return false;
		batch->records = records;
		batch->record_room = room;
	}
	if (wanted <= batch->room)
		return true;
	size_t room = batch->room ? batch->room : FIRST_BYTES;
	while (room < wanted)
		room *= 2;
	char *bytes = realloc(batch->bytes, room);
	if (!bytes)
		return false;
	batch->bytes = bytes;
	batch->room = room;
	return true;
}

static char *put(char *to, const void *text, size_t length)
{
	if (length)
		memcpy(to, text, length);
	return to + length;
}

static bool copy_record(seg_producer_batch *batch, const seg_record *record, void *opaque)
{
	size_t offset = offset_of(batch, record), end = offset + stored_bytes(record);
	if (!make_room(batch, end))
		return false;
	batch->records[batch->count++] = (seg_held_record){
		.opaque = opaque,
		.offset = offset,
		.key_length = record->key_length,
		.data_length = record->data_length,
		.header_count = record->header_count,
	};
	char *to = put(batch->bytes + offset, record->headers, record->header_count * sizeof(seg_header));
	to = put(to, record->key, record->key_length);
	to = put(to, record->data, record->data_length);
	for (size_t i = 0; i < record->header_count; i++) {
		to = put(to, record->headers[i].name, record->headers[i].name_length);
		to = put(to, record->headers[i].value, record->headers[i].value_length);
	}
	batch->length = end;
	batch->headers += record->header_count;
	return true;
}

/* The batch takes no more records. */
static void close_batch(seg_accumulator *a, seg_producer_batch *batch)
{
	batch->closed = true;
	if (batch->state == SEG_BATCH_LINGERING)
		make_due(a, batch);
	else if (batch->state == SEG_BATCH_BEHIND)
		arrange(a, batch->partition);
}

static void discard(seg_accumulator *a, seg_producer_batch *batch)
{
	enter(a, batch, SEG_BATCH_HELD);
	seg_accumulator_finish(a, batch);
}

int seg_accumulator_add(seg_accumulator *a, uint32_t partition, const seg_record *record, void *opaque,
			int64_t now)
{
	seg_producer_batch *batch = TAILQ_LAST(&a->partitions[partition].batches, seg_batch_list);
	if (batch && !accepts(a, batch, record, now)) {
		close_batch(a, batch);
		batch = NULL;
	}
	if (!batch)
		batch = new_batch(a, partition, now);
	if (!batch)
		return SEG_ENOMEM;
	if (!copy_record(batch, record, opaque)) {
		if (batch->count == 0)
			discard(a, batch);
		return SEG_ENOMEM;
	}
	size_t charge = seg_accumulator_charge(record);
	batch->charge += charge;
	a->held += charge;
	if (is_full(a, batch, 1))
		close_batch(a, batch);
	else if (a->limits.linger == 0)
		make_due(a, batch);
	return 0;
}

seg_record seg_producer_batch_record(seg_producer_batch *batch, size_t i)
{
	const seg_held_record *held = &batch->records[i];
	char *at = batch->bytes + held->offset;
	seg_header *headers = (seg_header *)(void *)at;
	at += held->header_count * sizeof(seg_header);
	seg_record record = {
		.key = at,
		.key_length = held->key_length,
		.data = at + held->key_length,
		.data_length = held->data_length,
		.headers = held->header_count ? headers : NULL,
		.header_count = held->header_count,
	};
	at += held->key_length + held->data_length;
	for (size_t h = 0; h < held->header_count; h++) {
		headers[h].name = at;
		headers[h].value = at + headers[h].name_length;
		at += headers[h].name_length + headers[h].value_length;
	}
	return record;
}

/* --- taking and giving back --------------------------------------------------- */

static void end_lingering(seg_accumulator *a, int64_t now)
{
	seg_producer_batch *batch;
	while ((batch = TAILQ_FIRST(&a->lingering)) && now - batch->created >= a->limits.linger)
		make_due(a, batch);
}

static void end_rest(seg_accumulator *a, seg_producer_batch *batch)
{
	if (batch->state == SEG_BATCH_BEHIND) {
		enter(a, batch, SEG_BATCH_READY);
	} else {
		enter(a, batch, SEG_BATCH_DUE);
		arrange(a, batch->partition);
	}
}

static void end_rests(seg_accumulator *a, int64_t now)
{
	if (now < a->rest_ends)
		return;
	a->rest_ends = SEG_NEVER;
	seg_producer_batch *batch, *next;
	for (batch = TAILQ_FIRST(&a->resting); batch; batch = next) {
		next = TAILQ_NEXT(batch, in_state);
		if (batch->rest_until <= now)
			end_rest(a, batch);
		else if (batch->rest_until < a->rest_ends)
			a->rest_ends = batch->rest_until;
	}
}

static seg_producer_batch *hold(seg_accumulator *a, seg_producer_batch *batch)
{
	if (!batch)
		return NULL;
	seg_partition_queue *queue = &a->partitions[batch->partition];
	if (queue->next == batch)
		queue->next = NULL;
	enter(a, batch, SEG_BATCH_HELD);
	batch->closed = true;
	arrange(a, batch->partition);
	return batch;
}

seg_producer_batch *seg_accumulator_take(seg_accumulator *a, int64_t now)
{
	end_lingering(a, now);
	end_rests(a, now);
	return hold(a, TAILQ_FIRST(&a->ready));
}

seg_producer_batch *seg_accumulator_take_expired(seg_accumulator *a, int64_t now)
{
	seg_producer_batch *oldest = TAILQ_FIRST(&a->age);
	bool expired = oldest && now - oldest->created >= a->limits.timeout;
	return expired ? hold(a, oldest) : NULL;
}

seg_producer_batch *seg_accumulator_oldest(const seg_accumulator *a, uint32_t partition)
{
	return TAILQ_FIRST(&a->partitions[partition].batches);
}

void seg_accumulator_put_back(seg_accumulator *a, seg_producer_batch *batch)
{
	enter(a, batch, SEG_BATCH_DUE);
	arrange(a, batch->partition);
}

void seg_accumulator_lost(seg_accumulator *a, seg_producer_batch *batch)
{
	a->partitions[batch->partition].narrow = 1;
	seg_accumulator_put_back(a, batch);
}

void seg_accumulator_rest(seg_accumulator *a, seg_producer_batch *batch, int64_t until)
{
	rest_until(a, batch, SEG_BATCH_RESTING, until);
	arrange(a, batch->partition);
}

void seg_accumulator_abandon(seg_accumulator *a, seg_producer_batch *batch)
{
	TAILQ_REMOVE(&a->partitions[batch->partition].batches, batch, in_partition);
	TAILQ_REMOVE(&a->age, batch, in_age);
	arrange(a, batch->partition);
}

void seg_accumulator_recycle(seg_accumulator *a, seg_producer_batch *batch)
{
	a->held -= batch->charge;
	size_t memory = memory_of(batch);
	if (memory > a->limits.held_bytes - a->free_memory) {
		destroy_batch(batch);
		return;
	}
	seg_producer_batch empty = {
		.bytes = batch->bytes,
		.room = batch->room,
		.records = batch->records,
		.record_room = batch->record_room,
	};
	*batch = empty;
	a->free_memory += memory;
	TAILQ_INSERT_HEAD(&a->free, batch, in_state);
}

void seg_accumulator_finish(seg_accumulator *a, seg_producer_batch *batch)
{
	seg_partition_queue *queue = &a->partitions[batch->partition];
	queue->narrow = queue->narrow * 2 < a->limits.window ? queue->narrow * 2 : 0;
	seg_accumulator_abandon(a, batch);
	seg_accumulator_recycle(a, batch);
}

/* --- waiting ------------------------------------------------------------------ */

uint64_t seg_accumulator_mark(const seg_accumulator *a)
{
	return a->next_number;
}

bool seg_accumulator_is_gone(const seg_accumulator *a, uint64_t mark)
{
	const seg_producer_batch *oldest = TAILQ_FIRST(&a->age);
	return !oldest || oldest->number >= mark;
}

int64_t seg_accumulator_next_time(const seg_accumulator *a, bool can_send, int64_t now)
{
	const seg_producer_batch *oldest = TAILQ_FIRST(&a->age), *lingering = TAILQ_FIRST(&a->lingering);
	if (!oldest)
		return SEG_NEVER;
	int64_t next = oldest->created + a->limits.timeout;
	if (can_send && !TAILQ_EMPTY(&a->ready))
		return now;
	if (can_send && lingering && lingering->created + a->limits.linger < next)
		next = lingering->created + a->limits.linger;
	if (can_send && a->rest_ends < next)
		next = a->rest_ends;
	return next > now ? next : now;
}

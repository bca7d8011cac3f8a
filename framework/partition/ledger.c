#include "partition/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Entries of the first read, before anything is known of the messages' sizes. */
enum { FIRST_READ = 64 };

/*
 * So many round trips should one read take: a read on its own then waits for a quarter of its time, and reads of several
 * partitions fill each other's gaps. After twice as many, replies queue, and larger ones would only queue longer.
 */
enum { ROUND_TRIPS = 4 };

/* After a lost read, the next one is smaller by this factor; later ones double. */
enum { NARROWING = 8 };

/* The changes that one commit may have, and the bytes of their names and values; one call's may exceed them. Redis serves nobody else while
 * it makes them: some milliseconds. */
enum { CHANGED_COUNT = 16384, CHANGED_BYTES = 4 << 20 };

/* After so many reads without memory for one entry, that entry is faulty: with the pauses, after about ten seconds. */
enum { STARVED_MOST = 7 };

/* So many holes of what is done beyond the position keep their memory when they are filled. */
enum { BEYOND_KEPT = 1024 };

/* Bytes of a batch's memory that the messages may leave unused while it is outstanding: it may have come from a larger batch. */
enum { ARENA_SPARE = 256 * 1024 };

/* What a read brings at least, if the log has it: a batch, and a message for each lane. */
static size_t usual_read(const seg_ledger *l)
{
	const seg_ledger_limits *limits = l->limits;
	return limits->parallel > limits->batch_size ? limits->parallel : limits->batch_size;
}

void seg_ledger_init(seg_ledger *l, const seg_ledger_limits *limits, seg_stock *stock, seg_handoff *handoff)
{
	*l = (seg_ledger){.limits = limits,
			  .stock = stock,
			  .handoff = handoff,
			  .messages_per_entry = 1,
			  .entries_read = -1};
	l->read_size = usual_read(l);
	l->lanes = limits->parallel > 1;
}

static void drop_completions(seg_ledger *l, seg_completions *queue)
{
	for (seg_completion *c; (c = seg_completions_take(queue)) != NULL;)
		seg_handoff_free_completion(l->handoff, c);
}

static void drop_incomplete(seg_ledger *l)
{
	seg_handoff_take_completions(l->handoff, &l->completions);
	drop_completions(l, &l->completions);
	l->unsent = l->unsent_last = NULL;
}

/* The next set is written from its beginning. */
static void forget_beyond(seg_ledger *l)
{
	seg_beyond_fini(&l->beyond.set);
	seg_beyond_text_fini(&l->beyond.text);
	l->tracker.unwritten = 0;
}

void seg_ledger_fini(seg_ledger *l)
{
	drop_incomplete(l);
	drop_completions(l, &l->changed);
	seg_ledger_settle(l);
	if (l->target)
		seg_fetched_release(l->target);
	while (l->spare_count)
		seg_fetched_release(l->spare[--l->spare_count]);
	l->target = NULL;
}

/* How many messages this ownership has done, as its commits count them. */
static uint64_t done_here(const seg_ledger *l)
{
	return l->lanes ? seg_ledger_done(l) : l->handled_count;
}

void seg_ledger_begin(seg_ledger *l, seg_id position, int64_t entries_read)
{
	/* One more, so that a call of the last ownership cannot pass for one of this. */
	if (done_here(l) > 0)
		l->done_before += done_here(l) + 1;
	seg_ledger_drop_changes(l);
	l->draining = false;
	l->fetched = l->handled = l->committed = position;
	l->fetched_count = l->handled_count = l->seen_count = 0;
	l->entries_read = entries_read;
	l->removed_count = l->removed_total = 0;
	l->read_size = usual_read(l);
	l->messages_per_entry = 1;
	l->starved = 0;
	forget_beyond(l);
	seg_tracker_begin(&l->tracker, position);
	l->earlier = NULL;
	l->skipped = l->done_committed = 0;
	l->beyond_stored = false;
}

void seg_ledger_skip(seg_ledger *l, const seg_beyond *earlier)
{
	if (seg_beyond_is_empty(earlier))
		return;
	l->earlier = earlier;
	l->beyond_stored = true;
	l->beyond_at = l->handled;
}

/* The most messages that a read may ask for. */
static size_t read_size_max(const seg_ledger *l)
{
	size_t usual = usual_read(l);
	size_t most = l->limits->in_flight_batches ? (size_t)seg_ledger_window(l) / 2 : SEG_LEDGER_READ_MAX;
	if (most > SEG_LEDGER_READ_MAX)
		most = SEG_LEDGER_READ_MAX;
	return most < usual ? usual : most;
}

/* At least a batch. */
static void set_read_size(seg_ledger *l, uint64_t size)
{
	size_t usual = usual_read(l), most = read_size_max(l);
	l->read_size = size < usual ? usual : size > most ? most : (size_t)size;
}

void seg_ledger_expect(seg_ledger *l, uint64_t bytes, uint64_t read_bytes)
{
	/* What an earlier ownership has read tells more, unless it is smaller. */
	if (bytes > l->average_bytes)
		l->average_bytes = bytes;
	if (bytes > 0)
		set_read_size(l, read_bytes / l->average_bytes);
}

void seg_ledger_settle(seg_ledger *l)
{
	forget_beyond(l);
	seg_tracker_fini(&l->tracker);
}

/* --- batches ---------------------------------------------------------------------- */

static void keep_spare(seg_ledger *l, seg_fetched *fetched)
{
	seg_fetched_give_room(fetched, l->limits->in_flight_bytes / 2);
	l->spare[l->spare_count++] = fetched;
}

static seg_fetched *oldest(const seg_ledger *l)
{
	return l->outstanding[l->outstanding_head];
}

static void drop_oldest(seg_ledger *l)
{
	l->outstanding_head = (l->outstanding_head + 1) % SEG_HANDOFF_BATCHES;
	l->outstanding_count--;
}

void seg_ledger_end(seg_ledger *l)
{
	drop_incomplete(l);
	/* The list of outstanding batches includes those in the free ring. Another member may own the partition next, so this
	 * member frees the memory. The target stays for a read under way. */
	for (; l->outstanding_count; drop_oldest(l), l->batch_count--)
		seg_fetched_release(oldest(l));
	for (; l->spare_count; l->batch_count--)
		seg_fetched_release(l->spare[--l->spare_count]);
	l->outstanding_bytes = 0;
}

static uint64_t committed_count(const seg_ledger *l)
{
	return atomic_load_explicit(&l->handoff->io.committed, memory_order_relaxed);
}

uint64_t seg_ledger_uncommitted(const seg_ledger *l)
{
	if (seg_ledger_has_lanes(l))
		return seg_ledger_done(l) - l->done_committed;
	uint64_t committed = committed_count(l);
	return l->handled_count > committed ? l->handled_count - committed : 0;
}

/* Of so many messages, those that the worker has in a batch. It may count one as parked that has just been done. */
static uint64_t without_parked(const seg_ledger *l, uint64_t messages)
{
	uint64_t parked = atomic_load_explicit(&l->handoff->worker.parked, memory_order_relaxed);
	return messages > parked ? messages - parked : 0;
}

uint64_t seg_ledger_unhandled(const seg_ledger *l)
{
	if (seg_ledger_has_lanes(l))
		return without_parked(l, l->fetched_count - l->tracker.done_count);
	return l->fetched_count - l->handled_count;
}

bool seg_ledger_expects(const seg_ledger *l)
{
	return seg_ledger_has_lanes(l) ? l->fetched_count > l->tracker.done_count : l->outstanding_count > 0;
}

static uint32_t in_flight_batches(const seg_ledger *l)
{
	return l->limits->in_flight_batches ? l->limits->in_flight_batches : SEG_LEDGER_BATCHES;
}

uint64_t seg_ledger_window(const seg_ledger *l)
{
	const seg_ledger_limits *limits = l->limits;
	return limits->in_flight_batches ? (uint64_t)usual_read(l) * limits->in_flight_batches
					 : (uint64_t)l->read_size * SEG_LEDGER_BATCHES;
}

/* How many messages may be read until beyond_limit is reached. */
static uint64_t beyond_left(const seg_ledger *l)
{
	uint64_t used = l->fetched_count - l->tracker.first;
	uint64_t most = l->limits->beyond_limit + seg_ledger_window(l);
	return used < most ? most - used : 0;
}

static uint64_t window_left(const seg_ledger *l)
{
	bool lanes = seg_ledger_has_lanes(l);
	uint64_t window = seg_ledger_window(l);
	uint64_t used = lanes ? without_parked(l, l->fetched_count - l->skipped - l->done_committed)
			      : l->fetched_count - committed_count(l);
	uint64_t left = used < window ? window - used : 0, beyond = lanes ? beyond_left(l) : left;
	return left < beyond ? left : beyond;
}

/* --- reading ------------------------------------------------------------------------ */

/* The bytes that one read may bring, as far as the newest messages tell. */
static size_t bytes_of_read(const seg_ledger *l)
{
	bool large = l->read_size > usual_read(l);
	return l->limits->in_flight_bytes / (large ? 2 : in_flight_batches(l));
}

/* A read pays off for half of its size or more, not for a few messages. */
static size_t least_read(const seg_ledger *l)
{
	return (l->read_size + 1) / 2;
}

static bool has_room(const seg_ledger *l)
{
	bool large = l->read_size > usual_read(l);
	uint64_t bytes = large ? l->limits->in_flight_bytes / 2 + 1 : l->limits->in_flight_bytes;
	return (l->outstanding_count == 0 || l->outstanding_bytes < bytes) && window_left(l) >= least_read(l);
}

bool seg_ledger_ready_target(seg_ledger *l)
{
	bool room = has_room(l);
	if (room && !l->target && l->spare_count) {
		l->target = l->spare[--l->spare_count];
	} else if (room && !l->target && l->batch_count < in_flight_batches(l)) {
		l->target = seg_fetched_create(l->limits->batch_size, l->stock);
		l->batch_count += l->target != NULL;
	}
	bool ready = room && l->target;
	/* The worker looks at this flag when it gives a batch back: set the flag, then look for returned batches once more. */
	atomic_store_explicit(&l->handoff->io.starved, !ready, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	return ready;
}

size_t seg_ledger_read_count(const seg_ledger *l)
{
	size_t fitting = l->average_bytes ? bytes_of_read(l) / l->average_bytes : FIRST_READ;
	uint64_t left = window_left(l);
	if (fitting > left)
		fitting = left;
	if (fitting > l->read_size)
		fitting = l->read_size;
	fitting /= l->messages_per_entry;
	if (l->narrow > 0 && fitting > l->narrow)
		fitting = l->narrow;
	return fitting < 1 ? 1 : fitting;
}

void seg_ledger_adapt(seg_ledger *l, int64_t round_trip, int64_t took, uint64_t unhandled)
{
	size_t size = l->read_size;
	int64_t goal = ROUND_TRIPS * round_trip;
	if (unhandled >= size || took > 2 * goal)
		size /= 2;
	else if (unhandled == 0 && took < goal)
		size = took > round_trip ? size * (size_t)goal / (size_t)took : size * ROUND_TRIPS;
	set_read_size(l, round_trip < SEG_LEDGER_FAR ? 0 : size);
}

void seg_ledger_read_begun(seg_ledger *l, size_t entries)
{
	seg_parser_limits limits = {.entries = entries,
				    .bytes = l->limits->in_flight_bytes,
				    .entry = l->limits->entry_bytes,
				    .last_try = seg_ledger_gives_up(l)};
	l->entries_requested = entries;
	if (l->target)
		seg_parser_begin(&l->parser, l->target, l->fetched, &limits);
}

void seg_ledger_read_failed(seg_ledger *l)
{
	if (l->target)
		seg_fetched_reset(l->target, SIZE_MAX);
}

void seg_ledger_read_lost(seg_ledger *l)
{
	l->narrow = l->entries_requested > NARROWING ? l->entries_requested / NARROWING : 1;
	seg_ledger_read_failed(l);
}

unsigned seg_ledger_read_starved(seg_ledger *l)
{
	l->narrow = 1;
	if (l->target)
		seg_fetched_reset(l->target, 0);
	seg_stock_free(l->stock);
	return ++l->starved;
}

void seg_ledger_give_up(seg_ledger *l)
{
	l->parser.limits.verdict = SEG_FAULT_DEADLY;
}

bool seg_ledger_gives_up(const seg_ledger *l)
{
	return l->starved >= STARVED_MOST;
}

/* A packed entry says how many records came before it. Missing records were removed; from here on our count is exact. */
static uint64_t count_removed(seg_ledger *l, const seg_fetched *fetched)
{
	if (fetched->records_before < 0)
		return 0;
	if (l->entries_read < 0) {
		l->entries_read = fetched->records_before - (int64_t)(l->fetched_count + l->removed_count);
		return 0;
	}
	int64_t expected = seg_ledger_entries_read(l, l->fetched, l->fetched_count);
	uint64_t removed =
		fetched->records_before > expected ? (uint64_t)(fetched->records_before - expected) : 0;
	l->removed_count += removed;
	return removed;
}

static void note_sizes(seg_ledger *l, const seg_fetched *fetched, size_t count)
{
	size_t average = fetched->bytes / count + 1;
	size_t entries = fetched->entries;
	l->messages_per_entry = entries > 0 && count > entries ? count / entries : 1;
	/* The messages have become large in the middle of the read. Redis has sent more of them, for nothing: not once more. */
	size_t newest = fetched->bytes - l->parser.bytes_before;
	if (l->parser.full && l->messages_per_entry == 1 && newest > average)
		average = newest;
	/* Grows at once and shrinks slowly, because the limit on bytes is for large messages. */
	l->average_bytes = average > l->average_bytes ? average : (l->average_bytes * 7 + average) / 8;
}

/* With lanes: the messages come. False: out of memory. */
static bool track(seg_ledger *l, const seg_fetched *fetched)
{
	if (!seg_tracker_reserve(&l->tracker, fetched->batch.count))
		return false;
	for (size_t i = 0; i < fetched->batch.count; i++) {
		bool done = l->earlier && seg_fetched_is_done(fetched, i, l->earlier);
		seg_tracker_enter(&l->tracker, fetched->room.messages[i].id, done);
		l->skipped += done;
	}
	return true;
}

seg_read_result seg_ledger_deliver(seg_ledger *l, uint32_t partition, uint64_t epoch)
{
	seg_fetched *fetched = l->target;
	seg_parser_finish(&l->parser);
	size_t count = fetched->batch.count;
	bool starved = l->parser.starved;
	l->filled = fetched->entries >= l->entries_requested || l->parser.full || starved;
	l->narrow = starved ? 1 : l->narrow * 2 < l->read_size ? l->narrow * 2 : 0;
	l->starved = starved && count == 0 ? l->starved + 1 : 0;
	if (starved)
		seg_stock_free(l->stock);
	fetched->after = l->fetched;
	if (seg_ledger_has_lanes(l) && count > 0 && !track(l, fetched))
		return (seg_read_result){.starved = seg_ledger_read_starved(l)};
	if (seg_id_compare(fetched->last_id, l->fetched) > 0)
		l->fetched = fetched->last_id;
	if (count == 0) {
		seg_fetched_reset(fetched, starved ? 0 : SIZE_MAX);
		return (seg_read_result){.starved = l->starved};
	}
	note_sizes(l, fetched, count);
	seg_read_result result = {.messages = count,
				  .removed = count_removed(l, fetched),
				  .records_before = fetched->records_before};
	fetched->batch.partition = partition;
	fetched->batch.epoch = epoch;
	fetched->sequence = l->fetched_count;
	l->fetched_count += count;
	seg_arena_trim(&fetched->room.arena, ARENA_SPARE);
	l->target = NULL;
	l->outstanding[(l->outstanding_head + l->outstanding_count++) % SEG_HANDOFF_BATCHES] = fetched;
	l->outstanding_bytes += fetched->bytes;
	seg_handoff_push(l->handoff, fetched);
	return result;
}

/* --- what the worker has done --------------------------------------------------------- */

/* The position within a batch after `done` messages of the ownership. */
static void move_handled(seg_ledger *l, const seg_fetched *fetched, uint64_t done)
{
	if (done <= l->handled_count)
		return;
	for (uint64_t i = l->handled_count; l->earlier && i < done; i++)
		l->skipped += i >= fetched->sequence &&
			      seg_fetched_is_done(fetched, i - fetched->sequence, l->earlier);
	l->handled = fetched->room.messages[done - 1 - fetched->sequence].id;
	l->handled_count = done;
}

static void take_completions(seg_ledger *l)
{
	seg_completions arrived = {0};
	if (!seg_handoff_take_completions(l->handoff, &arrived))
		return;
	for (seg_completion *c; (c = seg_completions_take(&arrived)) != NULL;) {
		seg_completions_add(&l->completions, c);
		if (c->unadded == 0)
			continue;
		if (l->unsent_last)
			l->unsent_last->next_unsent = c;
		else
			l->unsent = c;
		l->unsent_last = c;
	}
}

seg_completion *seg_ledger_take_outputs(seg_ledger *l)
{
	seg_completion *c = l->unsent;
	if (!c)
		return NULL;
	l->unsent = c->next_unsent;
	if (!l->unsent)
		l->unsent_last = NULL;
	c->next_unsent = NULL;
	return c;
}

/* Whether the next commit has room for its changes. */
static bool can_enter(const seg_ledger *l, const seg_completion *c)
{
	return l->draining || !c->change_count || !seg_ledger_is_full_of_changes(l);
}

/* The messages of a completion are done, or a completion has changes to commit. */
static void enter_completion(seg_ledger *l, seg_completion *c)
{
	for (size_t i = 0; i < c->done_count; i++)
		seg_tracker_mark(&l->tracker, c->done[i]);
	l->change_count += c->change_count;
	if (c->change_count)
		seg_completions_add(&l->changed, c);
	else
		seg_handoff_free_completion(l->handoff, c);
}

/* Of the `done` messages that the worker has counted, those before the first completion that is not complete. */
static uint64_t complete(seg_ledger *l, uint64_t done)
{
	seg_completion *c;
	take_completions(l);
	while ((c = l->completions.first) != NULL && c->unadded == 0 && c->end <= done && can_enter(l, c))
		enter_completion(l, seg_completions_take(&l->completions));
	return c && c->begin < done ? c->begin : done;
}

bool seg_ledger_is_full_of_changes(const seg_ledger *l)
{
	return l->changed.bytes >= CHANGED_BYTES || l->change_count >= CHANGED_COUNT;
}

bool seg_ledger_is_settled(seg_ledger *l)
{
	seg_ledger_collect(l);
	return l->completions.count == 0 && l->changed.count == 0;
}

void seg_ledger_drop_changes(seg_ledger *l)
{
	drop_completions(l, &l->changed);
	l->change_count = 0;
}

void seg_ledger_drain(seg_ledger *l)
{
	l->draining = true;
}

void seg_ledger_changes_committed(seg_ledger *l, size_t count)
{
	for (; count > 0 && l->changed.first; count--) {
		l->change_count -= l->changed.first->change_count;
		seg_handoff_free_completion(l->handoff, seg_completions_take(&l->changed));
	}
}

/* A batch has come back, the oldest one. */
static void recycle(seg_ledger *l, seg_fetched *fetched)
{
	drop_oldest(l);
	l->outstanding_bytes -= fetched->bytes;
	keep_spare(l, fetched);
}

/* With lanes: messages are done out of order, but their completions count in order. */
static bool collect_from_lanes(seg_ledger *l)
{
	seg_fetched *fetched;
	take_completions(l);
	while (l->completions.first && l->completions.first->unadded == 0 &&
	       can_enter(l, l->completions.first))
		enter_completion(l, seg_completions_take(&l->completions));
	l->handled = l->tracker.position;
	l->handled_count = l->tracker.first;
	/* The lanes give a batch back once they need it no more; they have copied what is not done. */
	while (l->outstanding_count && (fetched = seg_handoff_pop_free(l->handoff)) != NULL)
		recycle(l, fetched);
	return seg_ledger_done(l) > l->done_committed || seg_id_compare(l->handled, l->committed) > 0;
}

/* Without lanes: a dead letter has moved the position past the one that the set in Redis belongs to. */
static bool owes_set(const seg_ledger *l)
{
	return l->beyond_stored && seg_id_compare(l->beyond_at, l->handled) != 0;
}

static bool is_handled(const seg_ledger *l, const seg_fetched *fetched)
{
	return l->handled_count >= fetched->sequence + fetched->batch.count;
}

bool seg_ledger_collect(seg_ledger *l)
{
	if (seg_ledger_has_lanes(l))
		return collect_from_lanes(l);
	uint64_t done = atomic_load_explicit(&l->handoff->worker.handled, memory_order_acquire);
	l->seen_count = done;
	done = complete(l, done);
	for (unsigned i = 0; i < l->outstanding_count; i++) {
		const seg_fetched *fetched = l->outstanding[(l->outstanding_head + i) % SEG_HANDOFF_BATCHES];
		uint64_t end = fetched->sequence + fetched->batch.count;
		if (done > fetched->sequence)
			move_handled(l, fetched, done < end ? done : end);
		if (done <= end)
			break;
	}
	/* The worker stores `handled` before it gives a batch back, but maybe after we loaded `handled`. Then the batch waits
	 * for the next call. */
	while (l->outstanding_count) {
		seg_fetched *fetched = oldest(l);
		if (!is_handled(l, fetched))
			break;
		if (seg_handoff_pop_free(l->handoff) != fetched)
			break;
		recycle(l, fetched);
	}
	return seg_id_compare(l->handled, l->committed) > 0 || owes_set(l);
}

bool seg_ledger_has_news(const seg_ledger *l)
{
	if (seg_handoff_has_completions(l->handoff))
		return true;
	if (!seg_handoff_has_free(l->handoff))
		return false;
	/* The worker has stored `handled` before it gave that batch back. */
	uint64_t done = atomic_load_explicit(&l->handoff->worker.handled, memory_order_acquire);
	return seg_ledger_has_lanes(l) || done != l->seen_count ||
	       (l->outstanding_count > 0 && is_handled(l, oldest(l)));
}

uint64_t seg_ledger_committed(seg_ledger *l, seg_id id, uint64_t count)
{
	uint64_t before = committed_count(l);
	if (seg_id_compare(id, l->committed) > 0)
		l->committed = id;
	if (count <= before)
		return 0;
	atomic_store_explicit(&l->handoff->io.committed, count, memory_order_release);
	return count - before;
}

/* --- with lanes ----------------------------------------------------------------------- */

uint64_t seg_ledger_done_committed(seg_ledger *l, uint64_t done)
{
	if (done <= l->done_committed)
		return 0;
	uint64_t added = done - l->done_committed;
	l->done_committed = done;
	atomic_store_explicit(&l->handoff->io.done, done, memory_order_release);
	return added;
}

void seg_ledger_mark(seg_ledger *l, uint64_t number)
{
	seg_tracker_mark(&l->tracker, number);
	l->handled = l->tracker.position;
	l->handled_count = l->tracker.first;
}

/* The set was large, and is small now. */
static bool is_mostly_empty(const seg_beyond *set)
{
	return set->room > BEYOND_KEPT && set->hole_count < set->room / 8;
}

/* What is done beyond the position. Without lanes: what earlier owners have done there. Returns how many holes are as before. */
static size_t write_beyond(seg_ledger *l)
{
	seg_tracker nothing_more = {.position = l->handled, .last = l->handled};
	seg_tracker *tracker = l->lanes ? &l->tracker : &nothing_more;
	if (is_mostly_empty(&l->beyond.set))
		forget_beyond(l);
	size_t kept = seg_tracker_write(tracker, l->earlier, &l->beyond.set);
	if (l->earlier && l->earlier->count > l->skipped)
		l->beyond.set.count += l->earlier->count - l->skipped;
	return kept;
}

uint64_t seg_ledger_done_of_epoch(const seg_ledger *l)
{
	return l->done_before + done_here(l);
}

const char *seg_ledger_beyond_text(seg_ledger *l, const char *nonce)
{
	size_t kept = write_beyond(l);
	bool any = !seg_beyond_is_empty(&l->beyond.set);
	const char *text = l->beyond_stored ? "-" : "=";
	if (any && !seg_beyond_text_write(&l->beyond.text, &l->beyond.set, l->handled, kept))
		return NULL;
	if (any && !(text = seg_beyond_text_after(&l->beyond.text, nonce)))
		return NULL;
	l->beyond_stored = any;
	l->beyond_at = l->handled;
	return text;
}

bool seg_ledger_is_held_up(const seg_ledger *l, seg_id *id, uint64_t *done)
{
	if (!seg_ledger_has_lanes(l) || beyond_left(l) >= least_read(l))
		return false;
	*done = seg_tracker_beyond(&l->tracker);
	return seg_tracker_first(&l->tracker, id);
}

/* --- gaps -------------------------------------------------------------------------------- */

bool seg_ledger_is_before_a_gap(const seg_ledger *l)
{
	return l->removed_total > 0 && seg_id_compare(l->handled, l->removed_id) < 0;
}

uint64_t seg_ledger_look(seg_ledger *l)
{
	if (!seg_ledger_is_before_a_gap(l) && l->removed_total > l->removed_count)
		l->removed_count = l->removed_total;
	l->removed_total = 0;
	return l->removed_count;
}

void seg_ledger_removed(seg_ledger *l, seg_id id, uint64_t total)
{
	if (total <= l->removed_count)
		return;
	l->removed_total = total;
	l->removed_id = id;
}

int64_t seg_ledger_entries_read(const seg_ledger *l, seg_id id, uint64_t count)
{
	bool passed = l->removed_total && seg_id_compare(id, l->removed_id) >= 0;
	uint64_t removed = passed ? l->removed_total : l->removed_count;
	return l->entries_read < 0 ? -1 : l->entries_read + (int64_t)(count + removed);
}

#include "partition/partition.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "group/gap.h"
#include "group/member.h"

/* Before anything is known of the messages' sizes. */
enum { FIRST_READ = 64 };

int seg_partition_init(seg_partition *p, struct seg_member *member, uint32_t number)
{
	char key[SEG_KEY_MAX];
	const char *name_space = member->stream->client->name_space;
	const char *stream = member->stream->name;
	*p = (seg_partition){.member = member, .number = number};
	p->logger = member->logger;
	p->logger.partition = number;
	p->log_key_length = (size_t)seg_key_log(key, name_space, stream, number);
	p->log_key = strdup(key);
	seg_key_beside_log(key, name_space, stream, number, member->group, "state");
	p->state_key = strdup(key);
	seg_key_beside_log(key, name_space, stream, number, member->group, "dead");
	p->dead_key = strdup(key);
	if (p->log_key && p->state_key && p->dead_key)
		return 0;
	seg_partition_fini(p);
	return SEG_ENOMEM;
}

void seg_partition_fini(seg_partition *p)
{
	if (p->target)
		seg_buffer_destroy(p->target);
	while (p->spare_count)
		seg_buffer_destroy(p->spare[--p->spare_count]);
	free(p->log_key);
	free(p->state_key);
	free(p->dead_key);
	p->target = NULL;
	p->log_key = p->state_key = p->dead_key = NULL;
}

void seg_partition_begin(seg_partition *p, const seg_resume *resume, int64_t entries_read)
{
	p->resume = *resume;
	p->fetched = p->handled = p->committed = resume->position;
	p->fetched_count = p->handled_count = 0;
	p->entries_read = entries_read;
	p->hot = true;
	p->packed = 1;
	p->read_at = 0;
	p->gap.entries = p->gap.looked_count = 0;
	p->commit_at = p->retry_at = 0;
	p->look_pause = p->member->options.commit_interval;
	seg_handoff_init(&p->handoff, &p->member->waker, &p->member->lease_until,
			 p->member->options.shared_event);
}

static void keep_spare(seg_partition *p, seg_buffer *buffer)
{
	seg_buffer_reset(buffer, p->member->options.in_flight_bytes / 2);
	p->spare[p->spare_count++] = buffer;
}

void seg_partition_end(seg_partition *p)
{
	/* The free ring holds some of them too; the list of outstanding ones has all. */
	while (p->outstanding_count) {
		seg_buffer *buffer = p->outstanding[p->outstanding_head];
		if (atomic_load_explicit(&buffer->holders, memory_order_relaxed)) {
			seg_buffer_let_go(buffer);
			p->buffer_count--;
		} else {
			keep_spare(p, buffer);
		}
		p->outstanding_head = (p->outstanding_head + 1) % SEG_HANDOFF_BUFFERS;
		p->outstanding_count--;
	}
	p->outstanding_bytes = 0;
	/* Nobody may come back to this partition: its memory goes, one buffer at most stays for a read under way. */
	while (p->spare_count) {
		seg_buffer_destroy(p->spare[--p->spare_count]);
		p->buffer_count--;
	}
	p->running = false;
}

static uint64_t committed_count(const seg_partition *p)
{
	return atomic_load_explicit(&p->handoff.io.committed, memory_order_relaxed);
}

uint64_t seg_partition_uncommitted(const seg_partition *p)
{
	uint64_t committed = committed_count(p);
	return p->handled_count > committed ? p->handled_count - committed : 0;
}

uint64_t seg_partition_window(const seg_partition *p)
{
	const seg_member_options *options = &p->member->options;
	return (uint64_t)options->batch_size * options->in_flight_batches;
}

static uint64_t window_left(const seg_partition *p)
{
	uint64_t used = p->fetched_count - committed_count(p), window = seg_partition_window(p);
	return used < window ? window - used : 0;
}

bool seg_partition_ready_target(seg_partition *p)
{
	const seg_member_options *options = &p->member->options;
	/* Not for a few messages: half a batch or more makes a read worth its price. */
	bool room = (p->outstanding_count == 0 || p->outstanding_bytes < options->in_flight_bytes) &&
		    window_left(p) >= (options->batch_size + 1) / 2;
	if (room && !p->target && p->spare_count) {
		p->target = p->spare[--p->spare_count];
	} else if (room && !p->target && p->buffer_count < options->in_flight_batches) {
		p->target = seg_buffer_create(options->batch_size);
		p->buffer_count += p->target != NULL;
	}
	bool ready = room && p->target;
	/* Whoever gives a buffer back looks at this: set it, then look once more at what came back. */
	atomic_store_explicit(&p->handoff.io.starved, !ready, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	return ready;
}

size_t seg_partition_read_count(const seg_partition *p)
{
	const seg_member_options *options = &p->member->options;
	size_t count = options->batch_size;
	size_t share = options->in_flight_bytes / options->in_flight_batches;
	size_t fitting = p->average_bytes ? share / p->average_bytes : FIRST_READ;
	uint64_t left = window_left(p);
	if (fitting > left)
		fitting = left;
	if (fitting > count)
		fitting = count;
	fitting /= p->packed;
	return fitting < 1 ? 1 : fitting;
}

void seg_partition_asked(seg_partition *p, size_t entries)
{
	p->asked = entries;
	if (p->target)
		p->target->after = p->fetched;
}

/* Records know how many came before them: what is missing was removed, and the count is right from there on. */
static void count_packed(seg_partition *p, const seg_buffer *buffer)
{
	if (buffer->from < 0)
		return;
	int64_t due = p->entries_read + (int64_t)(p->fetched_count + p->gap.entries);
	if (p->entries_read >= 0 && buffer->from > due) {
		seg_gap_found(p, (uint64_t)(buffer->from - due));
		p->gap.entries += (uint64_t)(buffer->from - due);
	} else if (p->entries_read < 0) {
		p->entries_read = buffer->from - (int64_t)(p->fetched_count + p->gap.entries);
	}
}

size_t seg_partition_deliver(seg_partition *p)
{
	seg_buffer *buffer = p->target;
	seg_buffer_finish(buffer);
	size_t count = buffer->batch.count;
	p->full = buffer->entries >= p->asked;
	if (seg_id_compare(buffer->last_id, p->fetched) > 0)
		p->fetched = buffer->last_id;
	if (count == 0) {
		seg_buffer_reset(buffer, SIZE_MAX);
		return 0;
	}
	p->packed = count > buffer->entries ? count / buffer->entries : 1;
	count_packed(p, buffer);
	size_t average = buffer->bytes / count + 1;
	/* Grows at once, shrinks slowly: the bound on bytes is there for the large ones. */
	p->average_bytes = average > p->average_bytes ? average : (p->average_bytes * 7 + average) / 8;
	buffer->batch.partition = p->number;
	buffer->batch.epoch = p->own.epoch;
	buffer->sequence = p->fetched_count;
	p->fetched_count += count;
	p->target = NULL;
	p->outstanding[(p->outstanding_head + p->outstanding_count++) % SEG_HANDOFF_BUFFERS] = buffer;
	p->outstanding_bytes += buffer->bytes;
	seg_handoff_push(&p->handoff, buffer);
	return count;
}

/* The position within the oldest buffer after `done` messages of the ownership. */
static void move_handled(seg_partition *p, const seg_buffer *buffer, uint64_t done)
{
	if (done <= p->handled_count)
		return;
	p->handled = buffer->messages[done - 1 - buffer->sequence].id;
	p->handled_count = done;
}

bool seg_partition_collect(seg_partition *p)
{
	uint64_t done = atomic_load_explicit(&p->handoff.worker.handled, memory_order_acquire);
	for (unsigned i = 0; i < p->outstanding_count; i++) {
		const seg_buffer *buffer = p->outstanding[(p->outstanding_head + i) % SEG_HANDOFF_BUFFERS];
		uint64_t end = buffer->sequence + buffer->batch.count;
		if (done > buffer->sequence)
			move_handled(p, buffer, done < end ? done : end);
		if (done <= end)
			break;
	}
	/* What was handled before a buffer came back was stored before it did, but maybe after our load: so a
	 * buffer that came back counts as far as it was handled the next time round. */
	while (p->outstanding_count) {
		seg_buffer *buffer = p->outstanding[p->outstanding_head];
		if (p->handled_count < buffer->sequence + buffer->batch.count)
			break;
		if (seg_handoff_pop_free(&p->handoff) != buffer)
			break;
		p->outstanding_head = (p->outstanding_head + 1) % SEG_HANDOFF_BUFFERS;
		p->outstanding_count--;
		p->outstanding_bytes -= buffer->bytes;
		keep_spare(p, buffer);
	}
	return seg_id_compare(p->handled, p->committed) > 0;
}

int64_t seg_partition_entries_read(const seg_partition *p, uint64_t count)
{
	return p->entries_read < 0 ? -1 : p->entries_read + (int64_t)(count + p->gap.entries);
}

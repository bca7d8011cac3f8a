#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/random.h"
#include "base/range.h"
#include "stream/append.h"
#include "stream/codec.h"
#include "stream/loan.h"
#include "stream/record.h"
#include "stream/sender.h"
#include "stream/sleep.h"
#include "stream/spelling.h"

/* --- options ------------------------------------------------------------------ */

/*
 * Default for batch_records. A packed batch is one entry, whose cost for Redis hardly depends on its size, so
 * it may be larger.
 */
enum { BATCH_RECORDS = 256, PACKED_RECORDS = 4096 };

void seg_producer_options_init(seg_producer_options *options)
{
	*options = (seg_producer_options){
		.linger_us = 1000,
		.batch_bytes = 256 << 10,
		.in_flight_bytes = 32 << 20,
		.when_blocked_ms = 10000,
		.delivery_timeout_ms = 30000,
	};
}

static int check_options(const seg_producer_options *o, seg_error *error)
{
	const struct {
		const char *name;
		uint64_t value, low, high;
	} ranges[] = {
		{"linger_us", o->linger_us, 0, 60000000},
		{"batch_records", o->batch_records, 0, PACKED_RECORDS},
		{"batch_bytes", o->batch_bytes, 1 << 10, 64 << 20},
		{"in_flight_bytes", o->in_flight_bytes, 64 << 10, (uint64_t)64 << 30},
		{"when_blocked_ms", o->when_blocked_ms, 0, 3600000},
		{"delivery_timeout_ms", o->delivery_timeout_ms, 1, 3600000},
		{"wait_when_full", o->wait_when_full, 0, 1},
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		int status = seg_range_check(ranges[i].name, ranges[i].value, ranges[i].low, ranges[i].high,
					     error);
		if (status)
			return status;
	}
	if (o->linger_us >= (uint64_t)o->delivery_timeout_ms * 1000)
		return seg_fail(
			error, SEG_EINVAL,
			"linger_us is %" PRIu32 ", but delivery_timeout_ms %" PRIu32
			": a record would time out before it is sent; lower linger_us or raise delivery_timeout_ms",
			o->linger_us, o->delivery_timeout_ms);
	if (!seg_spelling_name(seg_codec_names, (int)o->codec))
		return seg_fail(error, SEG_EINVAL,
				"codec is %d; it must be SEG_CODEC_RAW or SEG_CODEC_SEGMENTER_GO",
				(int)o->codec);
	return 0;
}

/* --- opening ------------------------------------------------------------------ */

/*
 * Redis adds a packed batch as a whole or not at all, so a batch is a small part of the partition and finds
 * room.
 */
enum { PACKED_SHARE = 8 };

static size_t batch_records(const seg_producer_options *o, const seg_stream_shape *shape)
{
	uint64_t records = BATCH_RECORDS;
	if (shape->packing != SEG_PACKING_OFF)
		records = shape->partition_size / PACKED_SHARE < PACKED_RECORDS
				  ? shape->partition_size / PACKED_SHARE + 1
				  : PACKED_RECORDS;
	if (o->batch_records)
		records = o->batch_records;
	return (size_t)(records < shape->partition_size ? records : shape->partition_size);
}

/*
 * Packing adds some bytes to a record. jemalloc's next size class above 256 KiB is 320 KiB, so an entry of
 * slightly more than 256 KiB would waste a fifth of Redis's memory: leave room for the framing.
 */
enum { FRAMING_SHARE = 16 };

static size_t batch_bytes(const seg_producer_options *o, const seg_stream_shape *shape)
{
	uint64_t framing = shape->packing == SEG_PACKING_OFF ? 0 : o->batch_bytes / FRAMING_SHARE;
	return (size_t)(o->batch_bytes - framing);
}

/*
 * A partition may have 32 batches in flight: at 50 ms of round trip and 256 records a batch, 160,000 records/s.
 * A batch that is not full waits 5 ms before it follows others: Redis is then not asked to add many small ones.
 */
enum { WINDOW = 32 };
#define BEHIND (5 * SEG_MS)

static int init_accumulator(seg_producer *p)
{
	const seg_producer_options *o = &p->options;
	const seg_stream_shape *shape = &p->stream->shape;
	seg_accumulator_limits limits = {
		.partitions = shape->partitions,
		.batch_records = batch_records(o, shape),
		.batch_bytes = batch_bytes(o, shape),
		.held_bytes = (size_t)o->in_flight_bytes,
		.window = WINDOW,
		.behind = BEHIND,
		.linger = o->linger_us * (SEG_MS / 1000),
		.timeout = o->delivery_timeout_ms * SEG_MS,
	};
	return seg_accumulator_init(&p->shared.accumulator, &limits);
}

static void destroy(seg_producer *p)
{
	seg_accumulator_fini(&p->shared.accumulator);
	free(p->sender.sequences);
	pthread_cond_destroy(&p->shared.changed);
	pthread_cond_destroy(&p->shared.returned);
	pthread_mutex_destroy(&p->shared.lock);
	if (p->wake_fd >= 0)
		close(p->wake_fd);
	free(p);
}

static void init_shared(seg_producer *p)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&p->shared.changed, &attributes);
	pthread_cond_init(&p->shared.returned, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&p->shared.lock, NULL);
}

int seg_producer_open(seg_stream *stream, const seg_producer_options *options, seg_producer **producer,
		      seg_error *error)
{
	seg_producer_options defaults;
	seg_producer_options_init(&defaults);
	if (!options)
		options = &defaults;
	if (!stream || !producer)
		return seg_fail(error, SEG_EINVAL, "the %s is NULL",
				stream ? "pointer for the new producer" : "stream");
	*producer = NULL;
	if (seg_fork_is_parents(stream->client->forks))
		return seg_fork_fail("client", error);
	int status = check_options(options, error);
	if (status)
		return status;

	seg_producer *p = calloc(1, sizeof(*p));
	if (!p)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a producer");
	p->stream = stream;
	p->options = *options;
	p->ttl_ms = seg_append_ttl_ms(options->delivery_timeout_ms * SEG_MS);
	seg_random_hex(p->id, SEG_PRODUCER_ID_BYTES);
	init_shared(p);
	p->sender.sequences = calloc(stream->shape.partitions, sizeof(*p->sender.sequences));
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake_fd < 0)
		status = seg_fail(error, SEG_ESYSTEM, "no eventfd for the producer: %s%s", strerror(errno),
				  seg_descriptors_advice(errno));
	else if (!p->sender.sequences || init_accumulator(p))
		status = seg_fail(error, SEG_ENOMEM, "out of memory for a producer");
	else
		status = seg_sender_start(p, error);
	if (status)
		destroy(p);
	else
		*producer = p;
	return status;
}

/* Its thread and connection are another process's, and its lock may be held for ever. */
static bool is_parents(const seg_producer *p)
{
	return seg_fork_is_parents(p->stream->client->forks);
}

/* --- waiting ------------------------------------------------------------------ */

/* Waits for a change. False once `until` (seg_now()) has come. Under the lock. */
static bool wait_for_change(seg_producer *p, int64_t until)
{
	int64_t left = until - seg_now();
	if (left <= 0)
		return false;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t end = (int64_t)t.tv_sec * SEG_SECOND + t.tv_nsec + left;
	t = (struct timespec){.tv_sec = end / SEG_SECOND, .tv_nsec = end % SEG_SECOND};
	p->shared.waiting++;
	pthread_cond_timedwait(&p->shared.changed, &p->shared.lock, &t);
	p->shared.waiting--;
	/* seg_producer_close waits until no thread waits here. */
	if (p->shared.closing && p->shared.waiting == 0)
		pthread_cond_broadcast(&p->shared.changed);
	return true;
}

/* --- sending ------------------------------------------------------------------ */

/* A delivery callback runs on the sender's thread, which would wait for itself. */
static bool is_sender(const seg_producer *p)
{
	return pthread_equal(pthread_self(), p->thread);
}

/* Waits until the record fits. Under the lock. */
static int wait_for_room(seg_producer *p, size_t charge, seg_error *error)
{
	const seg_accumulator *a = &p->shared.accumulator;
	int64_t until = 0;
	while (!p->shared.closing && !seg_accumulator_has_room(a, charge)) {
		if (until == 0)
			until = is_sender(p) ? 1 : seg_now() + p->options.when_blocked_ms * SEG_MS;
		if (!wait_for_change(p, until))
			return seg_fail(
				error, SEG_EFULL,
				"the producer's buffer is full: %zu bytes wait for Redis, in_flight_bytes "
				"is %zu; send more slowly or raise in_flight_bytes",
				a->held, a->limits.held_bytes);
	}
	return p->shared.closing ? seg_fail(error, SEG_ECLOSED, "the producer is closed") : 0;
}

static int take_record(seg_producer *p, uint32_t partition, const seg_record *record, void *opaque,
		       seg_error *error)
{
	size_t charge = seg_accumulator_charge(record);
	if (charge > p->options.in_flight_bytes)
		return seg_fail(error, SEG_ETOOBIG,
				"the record takes %zu bytes of the producer's buffer, whose limit "
				"in_flight_bytes is %" PRIu64,
				charge, p->options.in_flight_bytes);
	bool borrowed = false;
	pthread_mutex_lock(&p->shared.lock);
	int status = wait_for_room(p, charge, error);
	if (status == 0) {
		int64_t now = seg_now();
		if (seg_accumulator_add(&p->shared.accumulator, partition, record, opaque, now))
			status = seg_fail(error, SEG_ENOMEM, "out of memory for a record of %zu bytes",
					  charge);
		int64_t until = p->shared.sleeping_until;
		bool wake = seg_sleep_is_too_long(p, now);
		borrowed = wake && seg_loan_take(p, until);
		if (wake && !borrowed)
			seg_sleep_end(p);
	}
	pthread_mutex_unlock(&p->shared.lock);
	if (borrowed)
		seg_loan_use(p);
	return status;
}

int seg_producer_send(seg_producer *p, const seg_record *record, void *opaque, seg_error *error)
{
	if (!p)
		return seg_fail(error, SEG_EINVAL, "the producer is NULL");
	if (is_parents(p))
		return seg_fork_fail("producer", error);
	int status = seg_record_check(record, p->stream->client->max_message_bytes, error);
	if (status)
		return status;
	uint32_t partition = seg_partition_of(record->key, record->key_length, p->stream->shape.partitions);
	if (p->options.codec == SEG_CODEC_RAW)
		return take_record(p, partition, record, opaque, error);

	seg_arena arena;
	seg_record encoded;
	seg_arena_init(&arena, 4096);
	status = seg_codec_encode(p->options.codec, record, &arena, &encoded, error);
	if (status == 0)
		status = take_record(p, partition, &encoded, opaque, error);
	seg_arena_fini(&arena);
	return status;
}

/* --- flushing and closing ----------------------------------------------------- */

static int refuse_in_callback(const char *what, seg_error *error)
{
	return seg_fail(
		error, SEG_EINVAL,
		"a delivery callback must not %s its own producer: it would wait for itself; let another thread do it",
		what);
}

/* Sends all without lingering, and waits until every record has its outcome. Under the lock. */
static int flush(seg_producer *p, int64_t until)
{
	seg_accumulator *a = &p->shared.accumulator;
	uint64_t mark = seg_accumulator_mark(a);
	seg_accumulator_hurry(a);
	if (seg_sleep_is_too_long(p, seg_now()))
		seg_sleep_end(p);
	while (!seg_accumulator_is_gone(a, mark))
		if (!wait_for_change(p, until))
			return SEG_ETIMEOUT;
	return 0;
}

int seg_producer_flush(seg_producer *p, uint32_t timeout_ms, seg_error *error)
{
	if (!p)
		return seg_fail(error, SEG_EINVAL, "the producer is NULL");
	if (is_parents(p))
		return seg_fork_fail("producer", error);
	if (is_sender(p))
		return refuse_in_callback("flush", error);
	pthread_mutex_lock(&p->shared.lock);
	int status = flush(p, seg_now() + timeout_ms * SEG_MS);
	size_t held = p->shared.accumulator.held;
	pthread_mutex_unlock(&p->shared.lock);
	if (status)
		seg_fail(error, status,
			 "after %" PRIu32 " ms, %zu bytes in the producer's buffer still wait for Redis",
			 timeout_ms, held);
	return status;
}

int seg_producer_close(seg_producer *p, uint32_t timeout_ms, seg_error *error)
{
	if (!p)
		return 0;
	if (is_parents(p))
		return seg_fork_fail("producer", error);
	if (is_sender(p))
		return refuse_in_callback("close", error);
	pthread_mutex_lock(&p->shared.lock);
	p->shared.closing = true;
	pthread_cond_broadcast(&p->shared.changed);
	(void)flush(p, seg_now() + timeout_ms * SEG_MS);
	pthread_mutex_unlock(&p->shared.lock);
	seg_sender_stop(p);

	pthread_mutex_lock(&p->shared.lock);
	while (p->shared.waiting > 0)
		pthread_cond_wait(&p->shared.changed, &p->shared.lock);
	pthread_mutex_unlock(&p->shared.lock);
	int status = 0;
	if (p->sender.left_some)
		status = seg_fail(error, SEG_ETIMEOUT,
				  "the producer gave up records %" PRIu32 " ms after closing began%s",
				  timeout_ms,
				  p->options.delivery ? "; the delivery callback got each of them" : "");
	destroy(p);
	return status;
}

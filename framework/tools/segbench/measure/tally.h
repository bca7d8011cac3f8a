/*
 * tally.h - counts messages where they arrive, in memory that segbench, its child processes and the no-op
 * plugin in a segrunner share.
 *
 * Only the thread that handles a partition writes the partition's fields. segbench reads them at any time.
 */
#ifndef SEGBENCH_MEASURE_TALLY_H
#define SEGBENCH_MEASURE_TALLY_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "measure/histogram.h"

enum { TALLY_PARTITIONS = 512 };

/* The environment variable that tells allocations.c the file of the tally. */
#define TALLY_VARIABLE "SEGBENCH_TALLY"

typedef struct tally_partition {
	_Alignas(64) atomic_uint_fast64_t count; /* messages; written last, with release order */
	int64_t first_at; /* tally_now() at the first message; likewise at the last one */
	int64_t last_at;
	atomic_int owner; /* the process that handled the last message; 0 unless tally_owned is called */
	/* ns from the last message of an owner to the first message of the next owner; segbench resets it. */
	atomic_int_fast64_t pause;
} tally_partition;

typedef struct tally {
	atomic_int_fast64_t
		first_cpu; /* the process's CPU time in ns at its first message; 0: none arrived */
	int64_t last_cpu;  /* the same at the end of a way; written by bench_way_run_child */
	atomic_uint_fast64_t allocations; /* written by allocations.c */
	tally_partition partitions[TALLY_PARTITIONS];
	bench_histogram latency[TALLY_PARTITIONS]; /* of each partition, in ns */
} tally;

/* The time of a clock in ns. */
static inline int64_t tally_clock(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nanoseconds on a clock that all processes share. */
static inline int64_t tally_now(void)
{
	return tally_clock(CLOCK_MONOTONIC);
}

/* Notes which process handles the messages. Call this before tally_arrived. */
static inline void tally_owned(tally *t, uint32_t partition, int process)
{
	tally_partition *p = &t->partitions[partition];
	int before = atomic_load_explicit(&p->owner, memory_order_relaxed);
	if (before == process)
		return;
	if (before)
		atomic_store(&p->pause, tally_now() - p->last_at);
	atomic_store(&p->owner, process);
}

/* Notes the arrival of `count` messages of a partition. Only the partition's thread may call this. */
static inline void tally_arrived(tally *t, uint32_t partition, uint64_t count)
{
	tally_partition *p = &t->partitions[partition];
	uint64_t before = atomic_load_explicit(&p->count, memory_order_relaxed);
	p->last_at = tally_now();
	if (before == 0) {
		int_fast64_t none = 0;
		p->first_at = p->last_at;
		atomic_compare_exchange_strong(&t->first_cpu, &none, tally_clock(CLOCK_PROCESS_CPUTIME_ID));
	}
	atomic_store_explicit(&p->count, before + count, memory_order_release);
}

/*
 * The same for one message, which was sent at `stamp` (0: without a latency) and whose handling began at
 * `now`.
 */
static inline void tally_received(tally *t, uint32_t partition, int64_t stamp, int64_t now)
{
	if (stamp)
		bench_histogram_add(&t->latency[partition], now > stamp ? (uint64_t)(now - stamp) : 0);
	tally_arrived(t, partition, 1);
}

/* The same where several threads may handle the partition. Such a partition has no pauses. */
static inline void tally_worked(tally *t, uint32_t partition, uint64_t count)
{
	tally_partition *p = &t->partitions[partition];
	int64_t now = tally_now();
	int_fast64_t none = 0;
	if (atomic_load_explicit(&p->count, memory_order_relaxed) == 0) {
		__atomic_store_n(&p->first_at, now, __ATOMIC_RELAXED);
		atomic_compare_exchange_strong(&t->first_cpu, &none, tally_clock(CLOCK_PROCESS_CPUTIME_ID));
	}
	__atomic_store_n(&p->last_at, now, __ATOMIC_RELAXED);
	atomic_fetch_add_explicit(&p->count, count, memory_order_release);
}

/* Notes that this process begins to send. Returns tally_now(). */
static inline int64_t tally_begin(tally *t)
{
	atomic_store(&t->first_cpu, tally_clock(CLOCK_PROCESS_CPUTIME_ID));
	return tally_now();
}

/* Notes how many messages a partition got, and when this process began and ended to send. */
static inline void tally_sent(tally *t, uint32_t partition, uint64_t count, int64_t first_at, int64_t last_at)
{
	t->partitions[partition].first_at = first_at;
	t->partitions[partition].last_at = last_at;
	atomic_store_explicit(&t->partitions[partition].count, count, memory_order_release);
}

#endif

#include "work/workers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"
#include "group/hindrance.h"
#include "group/shortage.h"

/* --- hooks: the member's I/O thread ---------------------------------------------------- */

static int pick_cpu(const seg_workers *workers)
{
	const seg_config_cpus *cpus = workers->cpus;
	if (cpus->count == 0)
		return -1;
	return cpus->list[atomic_fetch_add(workers->next_cpu, 1) % cpus->count];
}

/* `state`: SEG_WORKER_AWAITS its first message, or SEG_WORKER_RUNS. */
static void await_or_run(const seg_workers *workers, seg_partition *partition, seg_worker_state state)
{
	seg_worker *worker = partition->user;
	bool has_lanes = state == SEG_WORKER_RUNS && workers->setup.parallel > 1;
	worker->state = state;
	/* A tick may do anything at any time, and so may lanes that wait for a slot. */
	partition->may_rest = !workers->setup.handler->tick && !has_lanes;
}

/* `failures`: how many starts have failed in a row before. */
static int start_thread(seg_workers *workers, seg_partition *partition, unsigned failures)
{
	seg_worker *worker = partition->user;
	char reason[160];
	int failure = seg_worker_start(worker, &workers->setup, partition, pick_cpu(workers));
	if (failure == 0) {
		await_or_run(workers, partition, SEG_WORKER_RUNS);
		return 0;
	}
	snprintf(reason, sizeof(reason), "cannot start a worker thread: %s%s", strerror(failure),
		 seg_thread_limit_advice(failure));
	if (failures == 0)
		worker->failing_since = seg_now();
	seg_shortage_tell(partition, SEG_SHORTAGE_THREADS, worker->failing_since, reason);
	return SEG_ESYSTEM;
}

static int start(void *arg, seg_partition *partition)
{
	seg_workers *workers = arg;
	seg_worker *worker = &workers->list[partition->number];
	partition->user = worker;
	await_or_run(workers, partition, SEG_WORKER_AWAITS);
	worker->start_failures = 0;
	worker->start_at = 0;
	worker->stuck = false;
	worker->hang_told = 0;
	worker->look_at = 0;
	worker->slots_waiting = worker->lanes_busy = 0;
	worker->hindered.partition = partition->number;
	if (seg_worker_may_wait(workers->setup.handler))
		seg_shortage_served(partition);
	else if (start_thread(workers, partition, partition->agent.start_failures))
		return SEG_ESYSTEM;
	atomic_fetch_add_explicit(&workers->setup.counters->owned, 1, memory_order_relaxed);
	return 0;
}

/* Nobody but this thread knows of a worker that has not begun. */
static void demand(void *arg, seg_partition *partition, seg_demand what)
{
	seg_worker *worker = partition->user;
	(void)arg;
	(void)what;
	if (worker->state != SEG_WORKER_AWAITS)
		return;
	worker->state = SEG_WORKER_STOPPED;
	seg_handoff_stopped(&partition->handoff);
}

/* Enters into the section's total what a partition has now, instead of what it had. */
static void replace(atomic_uint *total, unsigned *had, unsigned now)
{
	if (now != *had)
		atomic_fetch_add_explicit(total, now - *had, memory_order_relaxed);
	*had = now;
}

static void finish(void *arg, seg_partition *partition)
{
	seg_workers *workers = arg;
	seg_worker *worker = partition->user;
	if (worker->state == SEG_WORKER_RUNS) {
		seg_worker_join(worker);
		seg_task_fini(&worker->task);
	}
	worker->state = SEG_WORKER_STOPPED;
	seg_hindered_forget(workers->setup.hindered, &worker->hindered);
	if (worker->stuck)
		atomic_fetch_sub_explicit(&workers->setup.counters->stuck, 1, memory_order_relaxed);
	replace(&workers->setup.counters->slots_waiting, &worker->slots_waiting, 0);
	replace(&workers->setup.counters->lanes_busy, &worker->lanes_busy, 0);
	atomic_fetch_sub_explicit(&workers->setup.counters->owned, 1, memory_order_relaxed);
}

/* Between two tries to start a thread that messages wait for. */
#define START_PAUSE (100 * SEG_MS)
#define START_PAUSE_CAP (5 * SEG_SECOND)

/* From then on, the log and Redis name the call; from half of handler_timeout on, if that is earlier. */
#define HANG_TOLD (30 * SEG_SECOND)

/* Between two looks at the calls of all lanes. */
#define LANES_LOOK (5 * SEG_MS)

static int64_t hang_told_after(const seg_workers *workers)
{
	int64_t half = workers->handler_timeout / 2;
	return half && half < HANG_TOLD ? half : HANG_TOLD;
}

/* Says which call does not return. Returns when that is due. */
static int64_t tell_hang(seg_workers *workers, seg_partition *partition, const seg_plugin_call *call,
			 int64_t since, int64_t now)
{
	seg_worker *worker = partition->user;
	char where[SEG_PLUGIN_CALL_TEXT_MAX], sentence[SEG_PLUGIN_CALL_TEXT_MAX + 64];
	int64_t due = (since ? since : now) + hang_told_after(workers);
	if (since == 0 || now < due) {
		if (worker->hang_told)
			seg_hindrance_returned(partition);
		worker->hang_told = 0;
		return due;
	}
	if (worker->hang_told == since)
		return SEG_NEVER;
	worker->hang_told = since;
	snprintf(sentence, sizeof(sentence), "plugin %.60s has not returned from %s",
		 workers->setup.handler->name, seg_plugin_call_describe(call, where));
	seg_hindrance_hangs(partition, seg_plugin_call_message(call), since, sentence);
	seg_log(&partition->logger, SEG_LOG_WARNING, "%s, for %" PRId64 " ms now", sentence,
		(now - since) / SEG_MS);
	return SEG_NEVER;
}

static void end_stuck(seg_workers *workers, const seg_partition *partition, const seg_plugin_call *call,
		      int64_t taken)
{
	char where[SEG_PLUGIN_CALL_TEXT_MAX];
	atomic_store(workers->stuck, true);
	seg_log(&partition->logger, SEG_LOG_ERROR,
		"plugin %s has not returned for %" PRId64
		" ms (handler_timeout) from %s; giving up all partitions and ending",
		workers->setup.handler->name, taken / SEG_MS, seg_plugin_call_describe(call, where));
	seg_ending_request(workers->ending, EX_SOFTWARE);
}

/* From then on, the runner does not wait for the worker when it ends. */
static void count_stuck(const seg_workers *workers, seg_worker *worker)
{
	worker->stuck = true;
	atomic_fetch_add_explicit(&workers->setup.counters->stuck, 1, memory_order_relaxed);
}

static void count_lanes(seg_workers *workers, seg_worker *worker, const seg_handoff *handoff)
{
	seg_section_counters *counters = workers->setup.counters;
	replace(&counters->slots_waiting, &worker->slots_waiting,
		atomic_load_explicit(&handoff->worker.slots_waiting, memory_order_relaxed));
	replace(&counters->lanes_busy, &worker->lanes_busy,
		atomic_load_explicit(&handoff->worker.lanes_busy, memory_order_relaxed));
}

/* Starts the thread that messages wait for. Returns when to call it again. */
static int64_t await_messages(seg_workers *workers, seg_partition *partition, int64_t now)
{
	seg_worker *worker = partition->user;
	if (worker->state == SEG_WORKER_STOPPED || !seg_handoff_has_batches(&partition->handoff))
		return SEG_NEVER;
	if (now < worker->start_at)
		return worker->start_at;
	if (start_thread(workers, partition, worker->start_failures) == 0)
		return now;
	worker->start_at = now + seg_backoff(START_PAUSE, START_PAUSE_CAP, ++worker->start_failures);
	return worker->start_at;
}

static int64_t check(void *arg, seg_partition *partition, int64_t now)
{
	seg_workers *workers = arg;
	seg_worker *worker = partition->user;
	if (worker->state != SEG_WORKER_RUNS)
		return await_messages(workers, partition, now);
	if (partition->ledger.lanes)
		count_lanes(workers, worker, &partition->handoff);
	int64_t limit = workers->handler_timeout;
	if (now < worker->look_at)
		return worker->look_at;
	if (worker->dispatcher)
		worker->look_at = now + LANES_LOOK;
	seg_unserved_report(seg_worker_unserved(worker), partition);
	const seg_plugin_call *call = seg_worker_call(worker);
	int64_t since = seg_plugin_call_since(call);
	if (seg_plugin_call_is_lost(call)) {
		atomic_store(workers->stuck, true);
		if (!worker->stuck)
			count_stuck(workers, worker);
		return SEG_NEVER;
	}
	int64_t next = tell_hang(workers, partition, call, since, now);
	if (limit == 0 || worker->stuck)
		return next;
	int64_t due = (since ? since : now) + limit;
	if (since == 0 || now < due)
		return due < next ? due : next;
	count_stuck(workers, worker);
	if (!atomic_load_explicit(workers->stuck, memory_order_relaxed))
		end_stuck(workers, partition, call, now - since);
	return SEG_NEVER;
}

/* A retry is listed by its worker, which knows when it is over. */
static void hindered(void *arg, seg_partition *partition)
{
	seg_workers *workers = arg;
	seg_worker *worker = partition->user;
	const seg_hindrance *what = &partition->hindrance.newest;
	if (what->kind != SEG_HINDRANCE_NONE && what->kind != SEG_HINDRANCE_RETRY)
		seg_hindered_note(workers->setup.hindered, &worker->hindered, what);
	else
		seg_hindered_forget(workers->setup.hindered, &worker->hindered);
}

/* "; for 1200 ms in handle of partition 3, ..."; empty while no call is made. */
static void describe_call(const seg_partition *p, int64_t now, char *text, size_t size)
{
	const seg_worker *worker = p->user;
	char where[SEG_PLUGIN_CALL_TEXT_MAX];
	bool runs = p->agent.running && worker->state == SEG_WORKER_RUNS;
	const seg_plugin_call *call = runs ? seg_worker_call(worker) : NULL;
	int64_t since = call ? seg_plugin_call_since(call) : 0;
	text[0] = '\0';
	if (since)
		snprintf(text, size, "; for %" PRId64 " ms in %s", (now - since) / SEG_MS,
			 seg_plugin_call_describe(call, where));
}

static void report(void *arg, const seg_partition *p, int64_t now)
{
	(void)arg;
	char handled[SEG_ID_TEXT_MAX], committed[SEG_ID_TEXT_MAX], fetched[SEG_ID_TEXT_MAX];
	char call[SEG_PLUGIN_CALL_TEXT_MAX + 64];
	describe_call(p, now, call, sizeof(call));
	seg_log(&p->logger, SEG_LOG_INFO,
		"%s%s; committed %s, handled %s, fetched %s; %u batches (%zu bytes) in flight, %" PRIu64
		" handled messages not committed%s",
		seg_ownership_state_name(p->own.state), p->agent.running ? "" : ", no worker",
		seg_id_format(p->ledger.committed, committed), seg_id_format(p->ledger.handled, handled),
		seg_id_format(p->ledger.fetched, fetched), p->ledger.outstanding_count,
		p->ledger.outstanding_bytes, seg_ledger_uncommitted(&p->ledger), call);
}

static void fatal(void *arg, const seg_error *error)
{
	seg_workers *workers = arg;
	/* The member has logged it. */
	int exit_code = EX_CONFIG;
	if (error->status == SEG_EAUTH)
		exit_code = EX_NOPERM;
	else if (error->status == SEG_ETAKEN)
		exit_code = EX_TEMPFAIL; /* it may end: a later start succeeds then */
	seg_ending_request(workers->ending, exit_code);
}

seg_member_hooks seg_workers_hooks(seg_workers *workers)
{
	return (seg_member_hooks){
		.arg = workers,
		.start = start,
		.demand = demand,
		.finish = finish,
		.check = check,
		.hindered = hindered,
		.fatal = fatal,
		.report = report,
	};
}

/* --- a worker's thread ------------------------------------------------------------------- */

static void plugin_stop(void *arg, const seg_logger *logger, const seg_id *at, const char *reason)
{
	seg_workers *workers = arg;
	char id[SEG_ID_TEXT_MAX];
	seg_log(logger, SEG_LOG_ERROR, "plugin %s cannot continue%s%s: %.300s", workers->setup.handler->name,
		at ? " at message " : "", at ? seg_id_format(*at, id) : "", reason);
	seg_ending_request(workers->ending, EX_UNAVAILABLE);
}

/* --- the main thread ----------------------------------------------------------------------- */

int seg_workers_init(seg_workers *workers, uint32_t partitions)
{
	workers->setup.stop = plugin_stop;
	workers->setup.arg = workers;
	workers->list = calloc(partitions, sizeof(*workers->list));
	return workers->list ? 0 : SEG_ENOMEM;
}

void seg_workers_fini(seg_workers *workers)
{
	free(workers->list);
	workers->list = NULL;
}

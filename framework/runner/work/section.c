#include "work/section.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

void seg_ending_request(seg_ending *ending, int exit_code)
{
	int none = -1;
	uint64_t one = 1;
	if (!atomic_compare_exchange_strong(&ending->exit_code, &none, exit_code))
		return;
	ssize_t n = write(ending->fd, &one, sizeof(one));
	(void)n;
}

/* --- hooks: the member's I/O thread ---------------------------------------------------- */

static int pick_cpu(seg_section *s)
{
	const seg_config_cpus *cpus = &s->runner->cpus;
	if (cpus->count == 0)
		return -1;
	return cpus->list[atomic_fetch_add(s->next_cpu, 1) % cpus->count];
}

static int hook_start(void *arg, seg_partition *partition)
{
	seg_section *s = arg;
	seg_worker *worker = &s->workers[partition->number];
	partition->user = worker;
	int failure = seg_worker_start(worker, &s->setup, partition, pick_cpu(s));
	if (failure)
		seg_log(&partition->logger, SEG_LOG_ERROR, "cannot start a worker thread: %s",
			strerror(failure));
	else
		atomic_fetch_add_explicit(&s->counters.owned, 1, memory_order_relaxed);
	return failure ? SEG_ESYSTEM : 0;
}

static void hook_finish(void *arg, seg_partition *partition)
{
	seg_section *s = arg;
	seg_worker_join(partition->user);
	atomic_fetch_sub_explicit(&s->counters.owned, 1, memory_order_relaxed);
}

static int64_t hook_check(void *arg, seg_partition *partition, int64_t now)
{
	seg_section *s = arg;
	const seg_worker *worker = partition->user;
	int64_t limit = s->runner->handler_timeout;
	if (limit == 0 || atomic_load_explicit(&s->stuck, memory_order_relaxed))
		return SEG_NEVER;
	int64_t since = seg_plugin_call_since(&worker->call);
	if (since == 0 || now < since + limit)
		return (since ? since : now) + limit;
	char where[SEG_PLUGIN_CALL_TEXT_MAX];
	atomic_store(&s->stuck, true);
	seg_log(&partition->logger, SEG_LOG_ERROR,
		"plugin %s has not returned for %" PRId64
		" ms (handler_timeout) from %s; giving up all partitions and ending",
		s->setup.handler->name, (now - since) / SEG_MS,
		seg_plugin_call_describe(&worker->call, where));
	seg_ending_request(s->ending, EX_SOFTWARE);
	return SEG_NEVER;
}

static void hook_report(void *arg, const seg_partition *p, int64_t now)
{
	(void)arg;
	const seg_worker *worker = p->user;
	char handled[SEG_ID_TEXT_MAX], committed[SEG_ID_TEXT_MAX], fetched[SEG_ID_TEXT_MAX];
	char where[SEG_PLUGIN_CALL_TEXT_MAX], call[SEG_PLUGIN_CALL_TEXT_MAX + 64] = "";
	int64_t since = p->agent.running ? seg_plugin_call_since(&worker->call) : 0;
	if (since)
		snprintf(call, sizeof(call), "; for %" PRId64 " ms in %s", (now - since) / SEG_MS,
			 seg_plugin_call_describe(&worker->call, where));
	seg_log(&p->logger, SEG_LOG_INFO,
		"%s%s; committed %s, handled %s, fetched %s; %u batches (%zu bytes) in flight, %" PRIu64
		" messages not committed%s",
		seg_ownership_state_name(p->own.state), p->agent.running ? "" : ", no worker",
		seg_id_format(p->ledger.committed, committed), seg_id_format(p->ledger.handled, handled),
		seg_id_format(p->ledger.fetched, fetched), p->ledger.outstanding_count, p->ledger.outstanding_bytes,
		seg_ledger_uncommitted(&p->ledger), call);
}

static void hook_fatal(void *arg, const seg_error *error)
{
	seg_section *s = arg;
	(void)error; /* it was logged */
	seg_ending_request(s->ending, EX_CONFIG);
}

/* --- a worker's thread ------------------------------------------------------------------- */

static void plugin_stop(void *arg, const char *reason)
{
	seg_section *s = arg;
	seg_log(&s->logger, SEG_LOG_ERROR, "plugin %s cannot go on: %.300s", s->setup.handler->name, reason);
	seg_ending_request(s->ending, EX_UNAVAILABLE);
}

/* --- the main thread ------------------------------------------------------------------------ */

void seg_section_load(seg_section *s, const char *name, seg_logger logger, seg_config_errors *errors)
{
	const seg_config_consumer *config = s->config;
	seg_error error = {0};
	seg_retrying_init(&s->retrying);
	logger.stream = config->stream;
	logger.group = config->group;
	if (seg_plugin_load(config->plugin, s->runner->plugin_directory, &s->plugin, &error)) {
		seg_config_error_add(errors, config->plugin_place, "%s", error.text);
		return;
	}
	int status = seg_plugin_instance_create(s->plugin, config, name, logger, errors, &s->instance);
	if (status == SEG_ENOMEM)
		seg_config_error_add(errors, config->place, "out of memory");
}

void seg_section_unload(seg_section *s)
{
	seg_plugin_instance_destroy(s->instance);
	seg_plugin_unload(s->plugin);
	s->instance = NULL;
	s->plugin = NULL;
	seg_retrying_fini(&s->retrying);
}

int seg_section_open(seg_section *s, seg_client *client, seg_error *error)
{
	const seg_config_consumer *config = s->config;
	seg_error inner = {0};
	if (s->stream)
		return 0;
	int status = config->register_stream
			     ? seg_stream_register(client, config->stream, &config->shape, &s->stream, &inner)
			     : seg_stream_open(client, config->stream, &s->stream, &inner);
	if (status == SEG_ENOTFOUND)
		return seg_fail(
			error, status,
			"%s:%u: [consumer %s]: %s; or let the runner register it: set partitions and partition_size here",
			config->place.file, config->place.line, config->name, inner.text);
	if (status)
		return seg_fail(error, status, "%s:%u: [consumer %s]: %s", config->place.file,
				config->place.line, config->name, inner.text);
	return 0;
}

int seg_section_start(seg_section *s, seg_client *client, const char *name, seg_error *error)
{
	const seg_config_consumer *config = s->config;
	int status = seg_section_open(s, client, error);
	if (status)
		return status;
	s->logger = s->stream->logger;
	s->logger.group = config->group;
	s->workers = calloc(s->stream->shape.partitions, sizeof(*s->workers));
	if (!s->workers)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	uint64_t in_flight = (uint64_t)config->batch_size * config->in_flight_batches;
	s->setup = (seg_worker_setup){
		.handler = seg_plugin_instance_handler(s->instance),
		.plugin = seg_plugin_instance_data(s->instance),
		.codec = config->codec,
		.retry = {config->max_attempts, config->retry_backoff, config->retry_backoff_max},
		.tick = config->tick,
		.idle = (seg_idle)s->runner->idle,
		.isolate = in_flight < UINT32_MAX ? (uint32_t)in_flight : UINT32_MAX,
		.stop = plugin_stop,
		.arg = s,
		.counters = &s->counters,
		.retrying = &s->retrying,
	};
	seg_member_options options = {
		.group = config->group,
		.name = name,
		.capacity = config->capacity,
		.limits = {.batch_size = config->batch_size,
			   .in_flight_batches = config->in_flight_batches,
			   .in_flight_bytes = config->in_flight_bytes},
		.start = config->start,
		.session_timeout = config->session_timeout,
		.commit_interval = config->commit_interval,
		.linger = config->batch_linger,
		.idle = (seg_idle)s->runner->idle,
		.hooks = {.arg = s,
			  .start = hook_start,
			  .finish = hook_finish,
			  .check = hook_check,
			  .report = hook_report,
			  .fatal = hook_fatal},
	};
	return seg_member_open(s->stream, &options, &s->member, error);
}

bool seg_section_retrying(const seg_section *s, uint32_t *partition, char reason[SEG_RETRYING_REASON_MAX])
{
	return seg_retrying_look(s->setup.retrying, partition, reason);
}

void seg_section_fini(seg_section *s)
{
	seg_member_destroy(s->member);
	if (s->stream)
		seg_stream_close(s->stream);
	free(s->workers);
	s->member = NULL;
	s->stream = NULL;
	s->workers = NULL;
}

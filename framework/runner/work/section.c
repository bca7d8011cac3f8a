#include "work/section.h"

#include <stdlib.h>

#include "base/error.h"
#include "stream/compression.h"

void seg_section_load(seg_section *s, const char *name, seg_logger logger, seg_config_errors *errors)
{
	const seg_config_consumer *config = s->config;
	seg_error error = {0};
	seg_hindered_init(&s->hindered);
	logger.stream = config->stream;
	logger.group = config->group;
	if (!config->plugin)
		return; /* an error says so */
	if (seg_plugin_load(config->plugin, s->runner->plugin_directory, &s->plugin, &error)) {
		seg_config_error_add(errors, config->plugin_place, "%s", error.text);
		return;
	}
	int status = seg_plugin_instance_create(s->plugin, config, name, logger, errors, &s->instance);
	if (config->parallel > 1 && !(seg_plugin_handler(s->plugin)->flags & SEG_HANDLER_PARALLEL))
		seg_config_error_add(
			errors, config->parallel_place,
			"[consumer %s] parallel = %u, but the plugin %s cannot handle messages of one partition at once; "
			"set parallel = 1, or use a plugin with SEG_HANDLER_PARALLEL",
			config->name, config->parallel, seg_plugin_handler(s->plugin)->name);
	if (status == SEG_ENOMEM)
		seg_config_error_add(errors, config->place, "out of memory");
	else if (status == 0 && config->stream && config->group)
		seg_plugin_instance_check(s->instance, config, errors);
}

void seg_section_unload(seg_section *s)
{
	seg_plugin_instance_destroy(s->instance);
	seg_plugin_unload(s->plugin);
	s->instance = NULL;
	s->plugin = NULL;
	seg_hindered_fini(&s->hindered);
}

static int open_targets(seg_section *s, seg_client *client, seg_error *error)
{
	const seg_config_consumer *config = s->config;
	seg_error inner = {0};
	/* The default goes without an output that has zstd. */
	uint32_t level = config->packing_level == SEG_LEVEL_DEFAULT ? 0 : config->packing_level;
	seg_target_choice *choices = calloc(config->output_count, sizeof(*choices));
	if (config->output_count > 0 && !choices)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	for (size_t i = 0; i < config->output_count; i++) {
		const seg_config_output *output = &config->outputs[i];
		choices[i].name = output->name;
		choices[i].shape = output->register_stream ? &output->shape : NULL;
	}
	const seg_target_setup setup = {.stream = config->stream,
					.group = config->group,
					.choices = choices,
					.count = config->output_count,
					.packing_level = level};
	int status = seg_targets_open(&s->targets, client, &setup, &inner);
	free(choices);
	if (status == SEG_ENOTFOUND)
		return seg_fail(
			error, status,
			"%s:%u: [consumer %s]: %.300s; or set output.%.100s.partitions, and the runner registers the stream",
			config->place.file, config->place.line, config->name, inner.text,
			config->outputs[s->targets.count].name);
	if (status)
		return seg_fail(error, status, "%s:%u: [consumer %s]: %.400s", config->place.file,
				config->place.line, config->name, inner.text);
	return 0;
}

int seg_section_open(seg_section *s, seg_client *client, seg_error *error)
{
	const seg_config_consumer *config = s->config;
	seg_error inner = {0};
	if (s->stream)
		return s->targets.count < config->output_count ? open_targets(s, client, error) : 0;
	int status = config->register_stream
			     ? seg_stream_register(client, config->stream, &config->shape, &s->stream, &inner)
			     : seg_stream_open(client, config->stream, &s->stream, &inner);
	if (status == SEG_ENOTFOUND)
		return seg_fail(
			error, status,
			"%s:%u: [consumer %s]: %s; or set partitions here, and the runner registers the stream",
			config->place.file, config->place.line, config->name, inner.text);
	if (status)
		return seg_fail(error, status, "%s:%u: [consumer %s]: %s", config->place.file,
				config->place.line, config->name, inner.text);
	return open_targets(s, client, error);
}

/* What one call of a handler may emit and change, at least: some records or values of the largest size. */
enum { CALL_BYTES_MIN = 4 << 20 };

static seg_task_setup task_setup(seg_section *s)
{
	const seg_config_consumer *config = s->config;
	uint32_t batches = config->in_flight_batches ? config->in_flight_batches : SEG_LEDGER_BATCHES;
	/* As many batches may be in hand as there are lanes. */
	if (batches < config->parallel)
		batches = config->parallel;
	uint64_t in_flight = (uint64_t)config->batch_size * batches;
	return (seg_task_setup){
		.handler = seg_plugin_instance_handler(s->instance),
		.plugin = seg_plugin_instance_data(s->instance),
		.codec = config->codec,
		.retry = {config->max_attempts, config->retry_backoff, config->retry_backoff_max},
		.tick = config->tick,
		.idle = (seg_idle)s->runner->idle,
		.effects = {.outputs = (const char *const *)config->output_names,
			    .record_bytes = s->stream->client->max_message_bytes,
			    .call_bytes = config->in_flight_bytes > CALL_BYTES_MIN ? config->in_flight_bytes
										   : CALL_BYTES_MIN,
			    .state_limit = config->state_limit},
		.pending_bytes = config->in_flight_bytes,
		.isolate = in_flight < UINT32_MAX ? (uint32_t)in_flight : UINT32_MAX,
		.parallel = config->parallel,
		.batch_size = config->batch_size,
		.in_flight_bytes = config->in_flight_bytes,
		.cpus = &s->runner->cpus,
		.next_cpu = s->next_cpu,
		.counters = &s->counters,
		.hindered = &s->hindered,
	};
}

static int make_workers(seg_section *s)
{
	seg_logger logger = s->stream->logger;
	logger.group = s->config->group;
	s->workers = (seg_workers){
		.setup = task_setup(s),
		.handler_timeout = s->runner->handler_timeout,
		.cpus = &s->runner->cpus,
		.next_cpu = s->next_cpu,
		.ending = s->ending,
		.logger = logger,
		.stuck = &s->stuck,
	};
	return seg_workers_init(&s->workers, s->stream->shape.partitions);
}

static int join_group(seg_section *s, const char *name, seg_error *error)
{
	const seg_config_consumer *config = s->config;
	seg_member_options options = {
		.group = config->group,
		.name = name,
		.incarnation = s->incarnation[0] ? s->incarnation : NULL,
		.page = s->runner->admin_page,
		.capacity = config->capacity,
		.limits = {.batch_size = config->batch_size,
			   .in_flight_batches = config->in_flight_batches,
			   .in_flight_bytes = config->in_flight_bytes,
			   .entry_bytes = config->entry_limit,
			   .parallel = config->parallel,
			   .beyond_limit = config->beyond_limit},
		.start = config->start,
		.session_timeout = config->session_timeout,
		.commit_interval = config->commit_interval,
		.isolate_after = seg_retry_deaths_before_isolation(&s->workers.setup.retry),
		.read_deaths = seg_retry_deaths_most(&s->workers.setup.retry),
		.values = config->parallel > 1 ? SEG_KEEP_BY_SLOT : SEG_KEEP_BY_PARTITION,
		.linger = config->batch_linger,
		.dead_letter_limit = config->dead_letter_limit,
		.dead_letters = config->dead_letters,
		.outputs = s->targets.streams,
		.output_count = s->targets.count,
		.idle = (seg_idle)s->runner->idle,
		.hooks = seg_workers_hooks(&s->workers),
	};
	int status = seg_member_open(s->stream, &options, &s->member, error);
	if (status == 0)
		s->incarnation[0] = '\0';
	return status;
}

int seg_section_start(seg_section *s, seg_client *client, const char *name, seg_error *error)
{
	int status = seg_section_open(s, client, error);
	if (status)
		return status;
	if (make_workers(s))
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	return join_group(s, name, error);
}

void seg_section_fini(seg_section *s)
{
	seg_member_destroy(s->member);
	if (s->stream)
		seg_stream_close(s->stream);
	seg_targets_close(&s->targets);
	seg_workers_fini(&s->workers);
	s->member = NULL;
	s->stream = NULL;
}

unsigned seg_section_hindered(const seg_section *s, seg_hindrance_kind kind, seg_hindered_entry *entry)
{
	return seg_hindered_look(s->workers.setup.hindered, kind, entry);
}

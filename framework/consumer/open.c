/* open.c - opening and closing a pull consumer. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/names.h"
#include "base/range.h"
#include "consumer/consumer.h"
#include "consumer/hooks.h"
#include "stream/output_names.h"
#include "stream/pack.h"

/* How long a close waits for a thread that must end at once: such a thread needs only a processor. */
#define LAST_PATIENCE (2 * SEG_SECOND)

/* seg_consumer_close takes at least so long, if it must. */
#define LIMIT_MIN (100 * SEG_MS)

void seg_consumer_options_init(seg_consumer_options *options)
{
	*options = (seg_consumer_options){
		.capacity = 100,
		.batch_size = 512,
		.in_flight_bytes = 4 << 20,
		.entry_limit = SEG_ENTRY_LIMIT,
		.start = {.kind = SEG_START_EARLIEST},
		.session_timeout_ms = 10000,
		.commit_interval_us = 5000,
		.dead_letter_limit = 100000,
		.parallel = 1,
		.beyond_limit = 100000,
	};
}

/* After so many deaths while an entry was read, it becomes a dead letter. */
enum { READ_DEATHS = 5 };

static int check_options(const seg_consumer_options *o, seg_error *error)
{
	int status = seg_name_check("group name", o->group, error);
	if (!status && o->member)
		status = seg_name_check("member name", o->member, error);
	if (!status && o->member && strcmp(o->member, "-") == 0)
		status = seg_fail(error, SEG_EINVAL,
				  "the member name \"-\" stands for nobody; give it a letter or digit");
	if (!status)
		status = seg_range_check("capacity", o->capacity, 1, 1000, error);
	if (!status)
		status = seg_range_check("batch_size", o->batch_size, 1, 65536, error);
	if (!status)
		status = seg_range_check("in_flight_bytes", o->in_flight_bytes, 4096, (uint64_t)4 << 30,
					 error);
	if (!status)
		status = seg_range_check("entry_limit", o->entry_limit, 64 << 10, (uint64_t)4 << 30, error);
	if (!status && o->in_flight_batches)
		status = seg_range_check("in_flight_batches", o->in_flight_batches, 2, SEG_HANDOFF_BATCHES,
					 error);
	if (!status)
		status = seg_range_check("session_timeout_ms", o->session_timeout_ms, 500, 3600000, error);
	if (!status)
		status = seg_range_check("commit_interval_us", o->commit_interval_us, 0, 60000000, error);
	if (!status && o->max_processing_ms)
		status = seg_range_check("max_processing_ms", o->max_processing_ms, 1, UINT32_MAX, error);
	if (!status)
		status = seg_range_check("parallel", o->parallel, 1, 256, error);
	if (!status)
		status = seg_range_check("beyond_limit", o->beyond_limit, 1000, 10000000, error);
	if (!status && (o->codec != SEG_CODEC_RAW && o->codec != SEG_CODEC_SEGMENTER_GO))
		status = seg_fail(error, SEG_EINVAL,
				  "codec is %d; it must be SEG_CODEC_RAW or SEG_CODEC_SEGMENTER_GO",
				  (int)o->codec);
	if (!status)
		status = seg_range_check("dead_letter_limit", o->dead_letter_limit, 0, (uint64_t)1 << 40,
					 error);
	if (!status && o->dead_letters != SEG_DEAD_LETTERS_DROP_OLDEST &&
	    o->dead_letters != SEG_DEAD_LETTERS_STOP)
		status = seg_fail(
			error, SEG_EINVAL,
			"dead_letters is %d; it must be SEG_DEAD_LETTERS_DROP_OLDEST or SEG_DEAD_LETTERS_STOP",
			(int)o->dead_letters);
	if (!status && (o->start.kind < SEG_START_EARLIEST || o->start.kind > SEG_START_TIME))
		status = seg_fail(
			error, SEG_EINVAL,
			"start.kind is %d; it must be SEG_START_EARLIEST, SEG_START_LATEST, SEG_START_AFTER_ID or SEG_START_TIME",
			(int)o->start.kind);
	return status;
}

/* What a batch may emit for messages that are not committed, at least: some records of the largest size. */
enum { EMITTED_BYTES_MIN = 4 << 20 };

/* Opens the streams, and lets Redis know where they get messages from. */
static int open_outputs(seg_consumer *c, const seg_consumer_options *options, seg_error *error)
{
	size_t count = 0;
	seg_error reason;
	for (; options->outputs && options->outputs[count]; count++)
		if (seg_output_names_check(options->outputs, count, c->stream->name, &reason))
			return seg_fail(error, SEG_EINVAL, "outputs: %s", reason.text);
	if (count == 0)
		return 0;
	seg_target_choice *choices = calloc(count, sizeof(*choices));
	c->output_names = calloc(count + 1, sizeof(*c->output_names));
	if (!choices || !c->output_names) {
		free(choices);
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < count; i++)
		choices[i].name = options->outputs[i];
	const seg_target_setup setup = {.stream = c->stream->name,
					.group = options->group,
					.choices = choices,
					.count = count};
	int status = seg_targets_open(&c->targets, c->stream->client, &setup, error);
	free(choices);
	for (size_t i = 0; i < c->targets.count; i++)
		c->output_names[i] = c->targets.streams[i]->name;
	c->pending_bytes = options->in_flight_bytes;
	c->emitted_bytes =
		options->in_flight_bytes > EMITTED_BYTES_MIN ? options->in_flight_bytes : EMITTED_BYTES_MIN;
	return status;
}

static void destroy(seg_consumer *c)
{
	seg_targets_close(&c->targets);
	free(c->output_names);
	if (c->stream)
		seg_stream_close(c->stream);
	pthread_mutex_destroy(&c->lock);
	free(c->holdings);
	free(c);
}

static int join_group(seg_consumer *c, const seg_consumer_options *options, seg_error *error)
{
	char name[SEG_NAME_MAX + 1];
	seg_member_default_name(name);
	seg_member_options member = {
		.group = options->group,
		.name = options->member ? options->member : name,
		.capacity = options->capacity,
		.limits = {.batch_size = options->batch_size,
			   .in_flight_batches = options->in_flight_batches,
			   .in_flight_bytes = options->in_flight_bytes,
			   .entry_bytes = options->entry_limit,
			   .parallel = options->parallel,
			   .beyond_limit = options->beyond_limit},
		.start = options->start,
		.session_timeout = options->session_timeout_ms * SEG_MS,
		.commit_interval = options->commit_interval_us * (SEG_MS / 1000),
		.isolate_after = 2,
		.read_deaths = READ_DEATHS,
		.dead_letter_limit = options->dead_letter_limit,
		.dead_letters = options->dead_letters,
		.outputs = c->targets.streams,
		.output_count = c->targets.count,
		.shared_event = &c->event,
		.hooks = seg_consumer_hooks(c),
	};
	return seg_member_open(c->stream, &member, &c->member, error);
}

static int open_with(seg_consumer *c, seg_client *client, const char *stream,
		     const seg_consumer_options *options, seg_error *error)
{
	int status = seg_stream_open(client, stream, &c->stream, error);
	if (status)
		return status;
	c->codec = options->codec;
	c->max_processing = options->max_processing_ms * SEG_MS;
	c->holding_count = c->stream->shape.partitions;
	c->holdings = calloc(c->holding_count, sizeof(*c->holdings));
	if (!c->holdings)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	status = open_outputs(c, options, error);
	return status ? status : join_group(c, options, error);
}

int seg_consumer_open(seg_client *client, const char *stream, const seg_consumer_options *options,
		      seg_consumer **consumer, seg_error *error)
{
	if (consumer)
		*consumer = NULL;
	if (!client || !options || !consumer)
		return seg_fail(error, SEG_EINVAL, "client, options and consumer must not be NULL");
	int status = check_options(options, error);
	if (status)
		return status;
	seg_consumer *c = calloc(1, sizeof(*c));
	if (!c)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	pthread_mutex_init(&c->lock, NULL);
	ck_ec32_init(&c->event, 0);
	status = open_with(c, client, stream, options, error);
	if (status)
		destroy(c);
	else
		*consumer = c;
	return status;
}

const char *seg_consumer_member(const seg_consumer *consumer)
{
	return consumer->member->name;
}

int seg_consumer_close(seg_consumer *c, uint32_t timeout_ms, seg_error *error)
{
	if (!c)
		return 0;
	if (seg_fork_is_parents(c->stream->client->forks))
		return seg_fork_fail("consumer", error);
	int64_t limit = timeout_ms * SEG_MS < LIMIT_MIN ? LIMIT_MIN : timeout_ms * SEG_MS;
	int64_t deadline = seg_now() + limit;
	/* The last part of the time is for an end without Redis. */
	int64_t give_up = 2 * SEG_STOP_PATIENCE < limit / 2 ? 2 * SEG_STOP_PATIENCE : limit / 2;
	pthread_mutex_lock(&c->lock);
	c->closing = true;
	for (uint32_t i = 0; i < c->holding_count; i++) {
		c->holdings[i].closing = true;
		seg_holding_end(&c->holdings[i], SEG_HOLDING_END);
	}
	pthread_mutex_unlock(&c->lock);
	seg_member_stop(c->member, SEG_STOP_DRAIN);
	int status = seg_member_join(c->member, deadline - give_up - seg_now());
	if (status) {
		seg_member_stop(c->member, SEG_STOP_NOW);
		int64_t left = deadline - seg_now();
		/* The memory that a stuck thread (in the log callback, say) uses cannot be freed. */
		if (seg_member_join(c->member, left > LAST_PATIENCE ? left : LAST_PATIENCE)) {
			seg_client_keep(c->stream->client);
			return seg_fail(error, SEG_ETIMEOUT,
					"the consumer's thread did not end within %" PRIu32
					" ms; it is left behind",
					timeout_ms);
		}
		seg_fail(error, SEG_ETIMEOUT,
			 "Redis did not answer%s within %" PRId64
			 " ms; the partitions go to others when the session times out",
			 c->output_names ? ", or had no room for outputs," : "", (limit - give_up) / SEG_MS);
	} else if (c->unadded) {
		status = seg_fail(
			error, SEG_ETIMEOUT,
			"not all outputs could be added in time; their messages are not committed, and the next owner gets them again");
	}
	seg_member_destroy(c->member);
	destroy(c);
	return status;
}

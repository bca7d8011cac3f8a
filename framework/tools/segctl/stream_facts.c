#include "stream_facts.h"

#include <stdio.h>
#include <stdlib.h>

#include "directory.h"
#include "emitting.h"
#include "stream/client.h"

static void got_log(void *arg, size_t p, const seg_reply *reply)
{
	ctl_partition_facts *facts = &((ctl_stream_facts *)arg)->partitions[p];
	facts->log = ctl_log_info_read(reply);
	facts->messages = facts->log.length;
	facts->added = facts->log.added;
}

/* dropped records base. The last two are of a packed stream, whose entries hold several messages. */
static void got_counters(void *arg, size_t p, const seg_reply *reply)
{
	ctl_partition_facts *facts = &((ctl_stream_facts *)arg)->partitions[p];
	uint64_t records = (uint64_t)seg_reply_number(seg_reply_at(reply, 1), 0);
	uint64_t base = (uint64_t)seg_reply_number(seg_reply_at(reply, 2), 0);
	facts->dropped = (uint64_t)seg_reply_number(seg_reply_at(reply, 0), 0);
	if (records == 0)
		return;
	facts->added = records;
	facts->messages = facts->log.length ? records - base : 0;
}

static void name_nodes(const seg_stream *stream, ctl_stream_facts *facts)
{
	const seg_route *route = stream->client->route;
	char key[SEG_KEY_MAX];
	for (uint32_t p = 0; p < stream->shape.partitions && seg_route_is_cluster(route); p++) {
		seg_key_log(key, stream->client->name_space, stream->name, p);
		snprintf(facts->partitions[p].node, sizeof(facts->partitions[p].node), "%s",
			 seg_route_where(route, seg_route_node(route, seg_slot_of(key))));
	}
}

static int read_partitions(ctl_context *context, const seg_stream *stream, ctl_stream_facts *facts)
{
	const char *name_space = context->client->name_space;
	char key[SEG_KEY_MAX];
	ctl_batch *batch = ctl_batch_create(true);
	for (uint32_t p = 0; p < stream->shape.partitions; p++) {
		seg_key_log(key, name_space, stream->name, p);
		ctl_batch_words(batch, got_log, facts, p, "XINFO", "STREAM", key, (char *)NULL);
		seg_key_beside_log(key, name_space, stream->name, p, "counters", NULL);
		ctl_batch_words(batch, got_counters, facts, p, "HMGET", key, "dropped", "records", "base",
				(char *)NULL);
	}
	char what[SEG_NAME_MAX + 32];
	snprintf(what, sizeof(what), "read stream \"%s\"", stream->name);
	int exit_code = ctl_batch_run(batch, context->client, what);
	ctl_batch_destroy(batch);
	name_nodes(stream, facts);
	return exit_code;
}

int ctl_stream_facts_read(ctl_context *context, const seg_stream *stream, ctl_stream_facts *facts)
{
	*facts = (ctl_stream_facts){
		.partitions = ctl_allocate(stream->shape.partitions, sizeof(*facts->partitions))};
	int exit_code = read_partitions(context, stream, facts);
	for (uint32_t p = 0; p < stream->shape.partitions; p++)
		facts->messages += facts->partitions[p].messages;
	if (exit_code == 0)
		exit_code = ctl_directory_groups(context, stream->name, &facts->groups);
	return exit_code ? exit_code : ctl_emitting_sources(context, stream->name, &facts->sources);
}

void ctl_stream_facts_free(ctl_stream_facts *facts)
{
	ctl_keys_free(&facts->groups);
	ctl_keys_free(&facts->sources);
	free(facts->partitions);
}

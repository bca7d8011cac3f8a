#include "chaos/pipeline.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 512, LARGE_SIZE = 10000000 };

void chaos_pipeline_open(const chaos_servers *servers)
{
	const seg_stream_shape shape = {CHAOS_OUTPUT_PARTITIONS,
					chaos_topology_keeps_all(servers->topology) ? LARGE_SIZE
										    : CHAOS_OUTPUT_SIZE,
					SEG_OVERFLOW_REJECT};
	seg_client_options options;
	seg_client *client = NULL;
	seg_stream *stream = NULL;
	seg_error error;
	seg_client_options_init(&options);
	chaos_servers_options(servers, &options);
	if (seg_client_open(&options, &client, &error) ||
	    seg_stream_register(client, CHAOS_OUTPUT, &shape, &stream, &error)) {
		fprintf(stderr, "chaos: %s\n", error.text);
		exit(1);
	}
	seg_stream_close(stream);
	seg_client_close(client);
}

/* --- the values ---------------------------------------------------------------------------- */

/* The name of a value is a key's, behind "p:", or behind its slot and ":" with lanes. */
static bool take_value(chaos_history *history, uint32_t partition, const char *field, const char *text)
{
	const char *name = strchr(field, ':');
	chaos_value value = {.partition = partition};
	if (!name || sscanf(name, ":k%" SCNu32, &value.key) != 1 || !chaos_chain_parse(text, &value.chain)) {
		fprintf(stderr, "violation: partition %" PRIu32 " keeps \"%s\" as %s\n", partition, text,
			field);
		return false;
	}
	chaos_append(&history->values, value);
	return true;
}

int chaos_pipeline_read_values(chaos_world *w)
{
	int wrong = 0;
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply = chaos_servers_command(w->servers,
							  "HGETALL {__default:chaos:partition_%" PRIu32
							  "}:workers:values",
							  p);
		if (!reply || reply->type != REDIS_REPLY_ARRAY) {
			fprintf(stderr, "violation: the values of partition %" PRIu32 " cannot be read\n", p);
			wrong++;
		}
		for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements;
		     i += 2)
			wrong += !take_value(w->history, p, reply->element[i]->str,
					     reply->element[i + 1]->str);
		if (reply)
			freeReplyObject(reply);
	}
	return wrong;
}

/* --- the output's history --------------------------------------------------------------------- */

/* Each history gets the events of its own stream, and all that say that some are missing. */
static void share_audits(chaos_history *input, chaos_history *output)
{
	size_t kept = 0;
	for (size_t i = 0; i < input->audits.count; i++) {
		chaos_audit a = input->audits.items[i];
		bool both = a.kind == CHAOS_AUDIT_GAP || a.kind == CHAOS_AUDIT_ALL_LOST;
		if (both || a.of_output)
			chaos_append(&output->audits, a);
		if (both || !a.of_output)
			input->audits.items[kept++] = a;
	}
	input->audits.count = kept;
}

static int compare_sends(const void *a_, const void *b_)
{
	const chaos_send *a = a_, *b = b_;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return seg_id_compare(a->id, b->id);
}

static int compare_ids(const void *a_, const void *b_)
{
	const chaos_logged *a = a_, *b = b_;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return seg_id_compare(a->id, b->id);
}

/* Readers may have got records that a failover forgot: these are not in the output any more. */
static void keep_logged_origins(chaos_history *output)
{
	size_t kept = 0;
	if (output->logged.count)
		qsort(output->logged.items, output->logged.count, sizeof(*output->logged.items), compare_ids);
	for (size_t i = 0; i < output->origins.count; i++) {
		const chaos_origin *o = &output->origins.items[i];
		chaos_logged wanted = {.partition = o->partition, .id = o->id};
		if (output->logged.count &&
		    bsearch(&wanted, output->logged.items, output->logged.count, sizeof(wanted), compare_ids))
			output->origins.items[kept++] = *o;
	}
	output->origins.count = kept;
}

/* What the readers got, each message once, is what must be handled: the checker of pipelines looks for what they never got. */
static void take_sends(chaos_history *output)
{
	for (size_t i = 0; i < output->logged.count; i++) {
		const chaos_logged *l = &output->logged.items[i];
		chaos_append(&output->sends,
			     (chaos_send){l->partition, l->key, l->number, true, l->id, 0, 0});
	}
	for (size_t i = 0; i < output->records.count; i++) {
		const chaos_record *r = &output->records.items[i];
		if (r->kind == CHAOS_MESSAGE)
			chaos_append(&output->sends,
				     (chaos_send){r->partition, r->key, r->number, true, r->id, 0, 0});
	}
	size_t kept = 0;
	if (output->sends.count)
		qsort(output->sends.items, output->sends.count, sizeof(*output->sends.items), compare_sends);
	for (size_t i = 0; i < output->sends.count; i++)
		if (i == 0 || compare_sends(&output->sends.items[kept - 1], &output->sends.items[i]) != 0)
			output->sends.items[kept++] = output->sends.items[i];
	output->sends.count = kept;
}

int chaos_pipeline_read_records(chaos_history *input, chaos_history *output, const char *directory)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/output", directory);
	int status = chaos_history_read_records(output, path);
	share_audits(input, output);
	output->whole_log = input->whole_log;
	if (output->whole_log)
		keep_logged_origins(output);
	take_sends(output);
	for (size_t i = 0; i < input->processes.count; i++)
		chaos_append(&output->processes, input->processes.items[i]);
	for (size_t i = 0; i < input->freezes.count; i++)
		chaos_append(&output->freezes, input->freezes.items[i]);
	for (size_t i = 0; i < input->outages.count; i++)
		chaos_append(&output->outages, input->outages.items[i]);
	for (size_t i = 0; i < input->jumps.count; i++)
		chaos_append(&output->jumps, input->jumps.items[i]);
	for (size_t i = 0; i < output->origins.count; i++)
		chaos_append(&input->origins, output->origins.items[i]);
	output->processes_died = input->processes_died;
	output->lease = input->lease;
	output->window = input->window;
	output->lanes = input->lanes;
	return status ? 1 : 0;
}

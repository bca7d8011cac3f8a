#include "emitting.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batch.h"
#include "stream/client.h"
#include "stream/group_outputs.h"

static void got_sources(void *arg, const seg_reply *reply)
{
	ctl_keys_add_reply(arg, reply);
}

int ctl_emitting_sources(ctl_context *context, const char *stream, ctl_keys *sources)
{
	char key[SEG_KEY_MAX];
	seg_error error;
	seg_key_of_stream(key, context->client->name_space, stream, "sources", NULL);
	const char *argv[] = {"SMEMBERS", key};
	if (seg_client_command(context->client, got_sources, sources, 2, argv, NULL,
			       "cannot read where the stream gets messages from", &error))
		return ctl_fail(&error);
	ctl_keys_sort(sources);
	return EX_OK;
}

typedef struct {
	ctl_keys *targets;
	bool former;
} wanted;

static void got_targets(void *arg, const seg_reply *reply)
{
	const wanted *w = arg;
	const seg_reply *name;
	for (size_t at = 0; (name = seg_group_outputs_next(reply, w->former, &at));)
		ctl_keys_add(w->targets, name->text, name->length);
}

int ctl_emitting_targets(ctl_context *context, const char *stream, const char *group, bool former,
			 ctl_keys *targets)
{
	seg_error error;
	wanted w = {targets, former};
	if (seg_group_outputs_read(context->client, stream, group, got_targets, &w, &error))
		return ctl_fail(&error);
	ctl_keys_sort(targets);
	return EX_OK;
}

/* Each partition of the target has a field for each partition of the source. */
static int forget_at(ctl_context *context, const seg_stream *stream, const char *group, const char *target)
{
	const char *name_space = context->client->name_space;
	char key[SEG_KEY_MAX], source[2 * SEG_NAME_MAX + 2];
	uint32_t sources = stream->shape.partitions;
	seg_stream *opened;
	seg_error error;
	int status = seg_stream_open(context->client, target, &opened, &error);
	if (status == SEG_ENOTFOUND || (status && strcmp(target, stream->name) == 0))
		return EX_OK;
	/* Two streams that cannot be read could else not be deleted when each gets messages from the other. */
	if (status == SEG_EPROTOCOL)
		return ctl_complain(EX_OK, "what stream \"%s\" knows of group \"%s\" stays there: %s", target,
				    group, error.text);
	if (status)
		return ctl_fail(&error);
	char(*fields)[2 * SEG_NAME_MAX + 16] = ctl_allocate(sources, sizeof(*fields));
	const char **argv = ctl_allocate(sources + 2, sizeof(*argv));
	ctl_batch *batch = ctl_batch_create(true);
	argv[0] = "HDEL";
	argv[1] = key;
	snprintf(source, sizeof(source), "%s:%s", group, stream->name);
	for (uint32_t p = 0; p < sources; p++) {
		snprintf(fields[p], sizeof(fields[p]), "%s:%" PRIu32, source, p);
		argv[2 + p] = fields[p];
	}
	for (uint32_t p = 0; p < opened->shape.partitions; p++) {
		seg_key_beside_log(key, name_space, target, p, "from", NULL);
		ctl_batch_command(batch, NULL, NULL, 0, (int)sources + 2, argv);
	}
	seg_key_of_stream(key, name_space, target, "sources", NULL);
	ctl_batch_words(batch, NULL, NULL, 0, "SREM", key, source, (char *)NULL);
	int exit_code = ctl_batch_run(batch, context->client, "delete what the group's outputs know of it");
	ctl_batch_destroy(batch);
	free(fields);
	free(argv);
	seg_stream_close(opened);
	return exit_code;
}

int ctl_emitting_forget(ctl_context *context, const seg_stream *stream, const char *group)
{
	ctl_keys targets = {0}, own = {0};
	char key[SEG_KEY_MAX];
	int exit_code = ctl_emitting_targets(context, stream->name, group, true, &targets);
	for (size_t i = 0; exit_code == EX_OK && i < targets.count; i++)
		exit_code = forget_at(context, stream, group, targets.list[i]);
	/* Last: until then the command can be repeated. */
	seg_group_outputs_key(key, context->client, stream->name, group);
	ctl_keys_add(&own, key, strlen(key));
	if (exit_code == EX_OK && targets.count > 0)
		exit_code = ctl_keys_unlink(context, &own);
	ctl_keys_free(&targets);
	ctl_keys_free(&own);
	return exit_code;
}

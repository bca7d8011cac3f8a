#include "stream_spoilt.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ask.h"
#include "base/plural.h"
#include "directory.h"
#include "emitting.h"
#include "roster.h"
#include "stream/client.h"
#include "stream_keys.h"

int ctl_stream_forget_groups(ctl_context *context, const seg_stream *stream, const ctl_keys *groups)
{
	int exit_code = EX_OK;
	for (size_t i = 0; exit_code == EX_OK && i < groups->count; i++) {
		exit_code = ctl_emitting_forget(context, stream, groups->list[i]);
		if (exit_code == EX_PROTOCOL)
			exit_code = EX_OK;
	}
	return exit_code;
}

/* Those of which a key is there, and those that are registered. */
static int find_groups(ctl_context *context, const char *name, ctl_keys *groups)
{
	ctl_keys registered = {0};
	seg_error error;
	int status = ctl_directory_groups_read(context, name, &registered, &error);
	for (size_t i = 0; i < registered.count; i++)
		if (seg_name_check("group", registered.list[i], NULL) == 0)
			ctl_keys_add(groups, registered.list[i], strlen(registered.list[i]));
	ctl_keys_free(&registered);
	ctl_keys_sort(groups);
	return status && status != SEG_EPROTOCOL ? ctl_fail(&error) : EX_OK;
}

int ctl_stream_delete_spoilt(ctl_context *context, const char *name, const char *why, bool yes, bool force)
{
	seg_stream stream = {.client = context->client};
	ctl_keys keys = {0}, groups = {0};
	snprintf(stream.name, sizeof(stream.name), "%s", name);
	int exit_code = ctl_stream_keys_find(context, name, &keys);
	stream.shape.partitions = ctl_stream_keys_read(context, name, &keys, &groups);
	if (exit_code == EX_OK)
		exit_code = find_groups(context, name, &groups);
	if (exit_code == EX_OK && !force)
		exit_code = ctl_roster_refuse_any_live(context, name, &groups, true);
	if (exit_code == EX_OK)
		exit_code = ctl_ask(
			yes,
			"Stream \"%s\" in namespace \"%s\" cannot be read: %.400s. Delete all its %zu key%s",
			name, context->client->name_space, why, keys.count, seg_plural(keys.count));
	if (exit_code == EX_OK)
		exit_code = ctl_stream_forget_groups(context, &stream, &groups);
	if (exit_code == EX_OK)
		exit_code = ctl_stream_keys_delete(context, name);
	ctl_keys_free(&keys);
	ctl_keys_free(&groups);
	return exit_code;
}

#include "group_spoilt.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "doctor/members.h"
#include "roster.h"
#include "stream/client.h"
#include "stream/misfit.h"
#include "stream_keys.h"

int ctl_group_spoilt_refuse(ctl_context *context, const char *stream, const char *group, bool force,
			    size_t *live)
{
	ctl_keys only = {0};
	seg_live_members members;
	seg_error error;
	*live = 0;
	if (!force) {
		ctl_keys_add(&only, group, strlen(group));
		int exit_code = ctl_roster_refuse_any_live(context, stream, &only, true);
		ctl_keys_free(&only);
		return exit_code;
	}
	int status = seg_live_members_read(context->client, stream, group, &members, &error);
	if (status == 0)
		*live = members.count;
	return status == 0 || status == SEG_EPROTOCOL ? EX_OK : ctl_fail(&error);
}

/* --- keys ---------------------------------------------------------------------------------------- */

typedef struct {
	const seg_stream *stream;
	ctl_group_spoilt *spoilt;
} search;

static void got_misfit(void *arg, const seg_misfit *misfit)
{
	const search *s = arg;
	char groups[SEG_KEY_MAX];
	seg_key_of_stream(groups, s->stream->client->name_space, s->stream->name, "groups", NULL);
	if (misfit->group)
		ctl_keys_add(&s->spoilt->keys, misfit->key, strlen(misfit->key));
	else if (misfit->is_log)
		s->spoilt->logs[misfit->partition] = true;
	else if (strcmp(misfit->key, groups) == 0)
		s->spoilt->is_listed = false;
}

/* A typing error must not look like a deletion. */
static int check_keys(ctl_context *context, const char *stream, const char *group)
{
	ctl_keys keys = {0}, groups = {0};
	int exit_code = ctl_stream_keys_find(context, stream, &keys);
	bool found = false;
	ctl_stream_keys_read(context, stream, &keys, &groups);
	for (size_t i = 0; i < groups.count; i++)
		found |= strcmp(groups.list[i], group) == 0;
	ctl_keys_free(&keys);
	ctl_keys_free(&groups);
	if (exit_code || found)
		return exit_code;
	return ctl_complain(
		EX_NOINPUT,
		"the groups of stream \"%s\" cannot be read, and no key is there of a group \"%s\"", stream,
		group);
}

int ctl_group_spoilt_find(ctl_context *context, const seg_stream *stream, const char *group,
			  ctl_group_spoilt *spoilt)
{
	seg_error error;
	search s = {stream, spoilt};
	spoilt->is_listed = true;
	spoilt->logs = ctl_allocate(stream->shape.partitions, sizeof(*spoilt->logs));
	if (seg_misfits_find(stream, &group, 1, got_misfit, &s, &error))
		return ctl_fail(&error);
	return spoilt->is_listed ? EX_OK : check_keys(context, stream->name, group);
}

void ctl_group_spoilt_free(ctl_group_spoilt *spoilt)
{
	ctl_keys_free(&spoilt->keys);
	free(spoilt->logs);
	*spoilt = (ctl_group_spoilt){0};
}

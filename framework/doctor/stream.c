/* stream.c - looks at a stream: its shape, its partitions and its groups. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "doctor/doctor.h"
#include "doctor/stream.h"
#include "base/names.h"
#include "base/plural.h"
#include "stream/client.h"
#include "stream/group_outputs.h"
#include "stream/misfit.h"

/* "partition 3" or "5 partitions (the first is 3)". */
static const char *name_some(seg_some_partitions some, char text[64])
{
	if (some.count == 1)
		snprintf(text, 64, "partition %" PRIu32, some.first);
	else
		snprintf(text, 64, "%" PRIu32 " partitions (the first is %" PRIu32 ")", some.count,
			 some.first);
	return text;
}

static void judge_types(const seg_stream *stream, const seg_partition_sum *sum, seg_report *report)
{
	char some[64], key[SEG_KEY_MAX], text[SEG_MISFIT_TEXT_MAX];
	if (sum->wrong_type.count == 0)
		return;
	seg_key_log(key, stream->client->name_space, stream->name, sum->wrong_type.first);
	seg_report_fail(report, EX_CONFIG, "stream", "%s: %s", stream->name,
			seg_misfit_describe_as(name_some(sum->wrong_type, some), "stream", text));
	seg_report_advise(report, "%s", seg_misfit_advise(key, text));
}

static void judge_bound(const seg_stream *stream, const seg_partition_sum *sum, seg_report *report)
{
	char some[64];
	if (sum->nearly_full.count == 0)
		return;
	seg_report_warn(report, "stream",
			"%s: %s nearly full of messages that not every group has committed; when full, %s",
			stream->name, name_some(sum->nearly_full, some),
			stream->shape.overflow == SEG_OVERFLOW_REJECT ? "new messages are refused"
								      : "the oldest messages are dropped");
	seg_report_advise(report,
			  "run segctl lag %s GROUP for each group; start more runners, or delete groups "
			  "that nobody uses",
			  stream->name);
}

/* --- keys of another type ---------------------------------------------------------------------------- */

enum { KEYS_NAMED = 20 };

typedef struct {
	const seg_stream *stream;
	const char *const *groups;
	size_t count;
	bool *usable;
	size_t misfits; /* without the logs */
	seg_report *report;
} key_look;

static void judge_key(const key_look *l, const seg_misfit *misfit)
{
	char text[SEG_MISFIT_TEXT_MAX];
	seg_report_fail(l->report, EX_CONFIG, "stream", "%s: %s", l->stream->name,
			seg_misfit_describe(misfit, text));
	seg_report_advise(l->report, "%s", seg_misfit_advise(misfit->key, text));
}

static void got_misfit(void *arg, const seg_misfit *misfit)
{
	key_look *l = arg;
	for (size_t i = 0; l->usable && misfit->group && misfit->partition < 0 && i < l->count; i++)
		l->usable[i] &= strcmp(l->groups[i], misfit->group) != 0;
	if (!misfit->is_log && l->misfits++ < KEYS_NAMED)
		judge_key(l, misfit);
}

void seg_judge_keys(const seg_stream *stream, const char *const *groups, size_t count, bool *usable,
		    seg_report *report)
{
	seg_error error;
	key_look l = {stream, groups, count, usable, 0, report};
	for (size_t i = 0; usable && i < count; i++)
		usable[i] = true;
	if (seg_misfits_find(stream, groups, count, got_misfit, &l, &error))
		seg_judge_error("stream", &error, report);
	if (l.misfits > KEYS_NAMED)
		seg_report_fail(report, EX_CONFIG, "stream",
				"%s: %zu more keys hold another type than they should", stream->name,
				l.misfits - KEYS_NAMED);
	if (l.misfits > KEYS_NAMED)
		seg_report_advise(report, "mend those that are named, and run this again");
}

void seg_judge_error(const char *check, const seg_error *error, seg_report *report)
{
	/* What Redis has under the stream's keys is wrong, not the server. */
	if (error->status == SEG_EPROTOCOL || error->status == SEG_ESERVER)
		seg_report_fail(report, EX_CONFIG, check, "%s", error->text);
	else
		seg_doctor_fail(report, check, error, NULL);
}

void seg_judge_partitions(const seg_stream *stream, const seg_partition_sum *sum, seg_report *report)
{
	if (sum->wrong_type.count == 0 && sum->nearly_full.count == 0)
		seg_report_ok(report, "stream",
			      "%s: %" PRIu32 " partition%s, %" PRIu32 " in use, %" PRIu64 " message%s",
			      stream->name, stream->shape.partitions, seg_plural(stream->shape.partitions),
			      sum->exist, sum->messages, seg_plural(sum->messages));
	judge_types(stream, sum, report);
	judge_bound(stream, sum, report);
}

void seg_judge_group(const seg_stream *stream, const char *group, const seg_partition_sum *sum,
		     seg_some_partitions without, seg_report *report)
{
	char some[64];
	if (without.count == 0 || without.count == sum->exist)
		return;
	seg_report_warn(report, "group", "%s of %s: %s without the group, so its position there is not kept",
			group, stream->name, name_some(without, some));
	seg_report_advise(report,
			  "start a runner of the group, which creates the group there; check who runs "
			  "XGROUP DESTROY");
}

static void judge_members(const seg_stream *stream, const char *group, seg_report *report)
{
	seg_live_members members;
	seg_error error;
	if (seg_live_members_read(stream->client, stream->name, group, &members, &error)) {
		seg_judge_error("group", &error, report);
		return;
	}
	if (members.count > 0) {
		seg_report_ok(report, "group", "%s of %s: %zu live member%s (%s)", group, stream->name,
			      members.count, seg_plural(members.count), members.names);
		return;
	}
	seg_report_warn(report, "group", "%s of %s: no live member, so nothing is handled", group,
			stream->name);
	seg_report_advise(report,
			  "start a segrunner with this stream and group, or run segctl group delete %s %s",
			  stream->name, group);
}

/* What a group emits to. */
typedef struct output_look {
	seg_client *client;
	const char *stream, *group;
	char (*names)[SEG_NAME_MAX + 1];
	size_t count;
	bool no_memory;
} output_look;

static void got_outputs(void *arg, const seg_reply *reply)
{
	output_look *l = arg;
	const seg_reply *name;
	size_t most = reply && reply->type == SEG_REPLY_ARRAY ? reply->count / 2 : 0;
	l->names = calloc(most + 1, sizeof(*l->names));
	l->no_memory = !l->names;
	for (size_t at = 0; l->names && (name = seg_group_outputs_next(reply, false, &at));)
		snprintf(l->names[l->count++], sizeof(*l->names), "%s", name->text);
}

static void judge_output(const output_look *l, const char *name, seg_report *report)
{
	seg_stream *output;
	seg_error error;
	int status = seg_stream_open(l->client, name, &output, &error);
	if (status == 0)
		seg_stream_close(output);
	else if (status != SEG_ENOTFOUND)
		seg_judge_error("group", &error, report);
	if (status != SEG_ENOTFOUND)
		return;
	seg_report_warn(report, "group",
			"%s of %s: its output %s does not exist; a runner that is to find it does not start",
			l->group, l->stream, name);
	seg_report_advise(
		report,
		"run segctl stream create %s -p NUMBER, set output.%s.partitions, or remove %s from the "
		"group's outputs",
		name, name, name);
}

static void judge_outputs(const seg_stream *stream, const char *group, seg_report *report)
{
	seg_error error;
	output_look l = {.client = stream->client, .stream = stream->name, .group = group};
	if (seg_group_outputs_read(stream->client, stream->name, group, got_outputs, &l, &error))
		seg_judge_error("group", &error, report);
	for (size_t i = 0; i < l.count; i++)
		judge_output(&l, l.names[i], report);
	report->incomplete |= l.no_memory;
	free(l.names);
}

/* Only another program can have written it. */
static void judge_name(const seg_stream *stream, seg_report *report)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, stream->client->name_space, stream->name, "groups", NULL);
	seg_report_warn(report, "group", "%s of %s has a name that no group can have", key, stream->name);
	seg_report_advise(report, "look at it with SMEMBERS %s, and remove it with SREM", key);
}

void seg_doctor_stream(seg_client *client, const char *name, const char *const *groups, size_t count,
		       seg_report *report)
{
	seg_stream *stream;
	seg_partition_sum sum;
	seg_error error;
	bool usable[SEG_GROUPS_LOOKED_AT];
	if (count > SEG_GROUPS_LOOKED_AT)
		count = SEG_GROUPS_LOOKED_AT;
	if (seg_stream_open(client, name, &stream, &error)) {
		seg_judge_error("stream", &error, report);
		return;
	}
	if (seg_partition_sum_read(stream, groups, count, &sum, &error)) {
		seg_judge_error("stream", &error, report);
	} else {
		seg_judge_partitions(stream, &sum, report);
		seg_judge_keys(stream, groups, count, usable, report);
		for (size_t i = 0; i < count; i++) {
			if (seg_name_check("group", groups[i], NULL)) {
				judge_name(stream, report);
				continue;
			}
			if (usable[i]) {
				judge_members(stream, groups[i], report);
				judge_outputs(stream, groups[i], report);
			}
			seg_judge_group(stream, groups[i], &sum, sum.without[i], report);
		}
	}
	seg_stream_close(stream);
}

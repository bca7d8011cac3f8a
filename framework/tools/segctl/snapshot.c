#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "batch.h"

typedef struct {
	ctl_snapshot *snapshot;
	double now_ms; /* of Redis */
} reading;

static seg_id id_of(const seg_reply *reply)
{
	seg_id id = {0, 0};
	if (reply && reply->type == SEG_REPLY_TEXT)
		(void)seg_id_parse(reply->text, &id);
	return id;
}

static void got_time(void *arg, size_t number, const seg_reply *reply)
{
	reading *r = arg;
	(void)number;
	r->now_ms = (double)seg_reply_number(seg_reply_at(reply, 0), 0) * 1000 +
		    (double)seg_reply_number(seg_reply_at(reply, 1), 0) / 1000;
}

/* The count of a commit: entries, or, of a packed stream, r<records>. */
static int64_t count_of(const seg_reply *reply)
{
	if (reply && reply->type == SEG_REPLY_TEXT && reply->text[0] == 'r')
		return strtoll(reply->text + 1, NULL, 10);
	return seg_reply_number(reply, -1);
}

/* count owner claimed clean crashes suspect attempts */
static void got_state(void *arg, size_t p, const seg_reply *reply)
{
	ctl_partition *partition = &((reading *)arg)->snapshot->partitions[p];
	const seg_reply *owner = seg_reply_at(reply, 1);
	partition->handled = count_of(seg_reply_at(reply, 0));
	if (owner && owner->type == SEG_REPLY_TEXT)
		snprintf(partition->claimed_by, sizeof(partition->claimed_by), "%s", owner->text);
	partition->claimed = id_of(seg_reply_at(reply, 2));
	partition->crashed = seg_reply_is(seg_reply_at(reply, 3), "0");
	partition->crashes = (uint32_t)seg_reply_number(seg_reply_at(reply, 4), 0);
	partition->suspect = id_of(seg_reply_at(reply, 5));
	partition->attempts = (uint32_t)seg_reply_number(seg_reply_at(reply, 6), 0);
}

static void got_oldest(void *arg, size_t p, const seg_reply *reply)
{
	reading *r = arg;
	ctl_partition *partition = &r->snapshot->partitions[p];
	partition->waiting = seg_reply_number(seg_reply_at(reply, 1), 0) > 0;
	if (!partition->waiting) {
		partition->info.lag = 0;
		return;
	}
	partition->oldest = id_of(seg_reply_at(reply, 2));
	double behind = (r->now_ms - (double)partition->oldest.ms) / 1000;
	partition->behind = behind > 0 ? behind : 0;
}

static int read_partitions(ctl_context *context, const seg_stream *stream, const char *group, reading *r)
{
	const char *name_space = context->client->name_space;
	char log[SEG_KEY_MAX], state[SEG_KEY_MAX], position[SEG_ID_TEXT_MAX];
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, got_time, r, 0, "TIME", (char *)NULL);
	for (uint32_t p = 0; p < r->snapshot->partition_count; p++) {
		seg_key_log(log, name_space, stream->name, p);
		seg_key_beside_log(state, name_space, stream->name, p, group, "state");
		ctl_batch_words(batch, got_state, r, p, "HMGET", state, "count", "owner", "claimed", "clean",
				"crashes", "suspect", "attempts", (char *)NULL);
		seg_id_format(r->snapshot->partitions[p].info.position, position);
		const char *argv[] = {log, position, "+", "1"};
		ctl_batch_script(batch, got_oldest, r, p, SEG_SCRIPT_WALK, 1, 4, argv);
	}
	int exit_code = ctl_batch_run(batch, context->client, "read the group's partitions");
	ctl_batch_destroy(batch);
	return exit_code;
}

static int describe(seg_stream *stream, const char *group, ctl_snapshot *snapshot)
{
	seg_group_info *info;
	seg_error error;
	if (seg_group_describe(stream, group, &info, &error)) {
		if (error.status == SEG_ENOTFOUND)
			return ctl_complain(EX_NOINPUT, "%s; `segctl group list %s` tells which there are",
					    error.text, stream->name);
		return ctl_fail(&error);
	}
	snapshot->generation = info->generation;
	snapshot->partition_count = info->partition_count;
	snapshot->partitions = ctl_allocate(info->partition_count, sizeof(*snapshot->partitions));
	for (uint32_t p = 0; p < info->partition_count; p++)
		snapshot->partitions[p] = (ctl_partition){.info = info->partitions[p],
							  .handled = -1,
							  .rate = -1,
							  .catch_up = -1};
	seg_group_info_free(info);
	return 0;
}

int ctl_snapshot_take(ctl_context *context, seg_stream *stream, const char *group, ctl_snapshot *snapshot)
{
	reading r = {.snapshot = snapshot};
	*snapshot = (ctl_snapshot){.taken = seg_now()};
	int exit_code = describe(stream, group, snapshot);
	if (exit_code == 0)
		exit_code = ctl_roster_read(context, stream->name, group, &snapshot->roster);
	if (exit_code == 0)
		exit_code = read_partitions(context, stream, group, &r);
	if (exit_code)
		ctl_snapshot_free(snapshot);
	return exit_code;
}

void ctl_snapshot_free(ctl_snapshot *snapshot)
{
	ctl_roster_free(&snapshot->roster);
	free(snapshot->partitions);
	*snapshot = (ctl_snapshot){0};
}

/* Seconds until a lag that was `before` is gone. */
static double catch_up(int64_t before, int64_t now, double seconds)
{
	if (now == 0)
		return 0;
	if (before < 0 || now < 0 || now >= before)
		return -1;
	return (double)now / ((double)(before - now) / seconds);
}

void ctl_snapshot_compare(const ctl_snapshot *before, ctl_snapshot *now)
{
	double seconds = (double)(now->taken - before->taken) / SEG_SECOND;
	for (uint32_t p = 0; p < now->partition_count && p < before->partition_count && seconds > 0; p++) {
		const ctl_partition *was = &before->partitions[p];
		ctl_partition *is = &now->partitions[p];
		if (was->handled >= 0 && is->handled >= was->handled)
			is->rate = (double)(is->handled - was->handled) / seconds;
		is->catch_up = catch_up(was->info.lag, is->info.lag, seconds);
	}
}

ctl_totals ctl_snapshot_sum(const ctl_snapshot *snapshot)
{
	ctl_totals sum = {0};
	for (uint32_t p = 0; p < snapshot->partition_count; p++) {
		const ctl_partition *partition = &snapshot->partitions[p];
		const seg_partition_info *info = &partition->info;
		sum.lag = info->lag < 0 || sum.lag < 0 ? -1 : sum.lag + info->lag;
		sum.lag_most += info->lag < 0 ? (int64_t)info->length : info->lag;
		sum.behind = partition->behind > sum.behind ? partition->behind : sum.behind;
		sum.rate = partition->rate < 0 || sum.rate < 0 ? -1 : sum.rate + partition->rate;
		sum.dead_letters += info->dead_letters;
		sum.lost += info->lost;
		sum.owned += *info->owner != '\0';
		if (sum.catch_up >= 0 && (partition->catch_up < 0 || partition->catch_up > sum.catch_up))
			sum.catch_up = partition->catch_up;
	}
	return sum;
}

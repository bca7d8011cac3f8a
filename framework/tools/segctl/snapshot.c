#include "snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/plural.h"
#include "text.h"

int ctl_snapshot_fail(const seg_error *error, const char *stream)
{
	if (error->status == SEG_ENOTFOUND)
		return ctl_complain(EX_NOINPUT, "%s; `segctl group list %s` lists its groups", error->text,
				    stream);
	return ctl_fail(error);
}

int ctl_snapshot_look(seg_stream *stream, const char *group, const seg_look *look, ctl_snapshot *snapshot)
{
	seg_error error;
	int status = seg_group_snapshot_take(stream, group, look, snapshot, &error);
	return status ? ctl_snapshot_fail(&error, seg_stream_name(stream)) : 0;
}

int ctl_snapshot_take(seg_stream *stream, const char *group, bool oldest, ctl_snapshot *snapshot)
{
	return ctl_snapshot_look(stream, group, &(seg_look){.oldest = oldest}, snapshot);
}

void ctl_snapshot_free(ctl_snapshot *snapshot)
{
	seg_group_snapshot_free(snapshot);
}

ctl_totals ctl_snapshot_sum(const ctl_snapshot *snapshot)
{
	ctl_totals sum = {0};
	for (uint32_t p = 0; p < snapshot->partition_count; p++) {
		const ctl_partition *partition = &snapshot->partitions[p];
		const seg_partition_info *info = &partition->info;
		sum.owned += seg_group_snapshot_owned(snapshot, p);
		sum.lag = info->lag < 0 || sum.lag < 0 ? -1 : sum.lag + info->lag;
		sum.unreachable += partition->unreachable;
		if (partition->unreachable)
			continue;
		sum.vague |= info->lag < 0;
		sum.lag_most += info->lag < 0 ? (int64_t)info->length : info->lag;
		sum.behind = partition->behind > sum.behind ? partition->behind : sum.behind;
		sum.ahead = partition->ahead > sum.ahead ? partition->ahead : sum.ahead;
		sum.rate = partition->rate < 0 || sum.rate < 0 ? -1 : sum.rate + partition->rate;
		sum.dead_letters += info->dead_letters;
		sum.lost += info->lost;
		sum.values += partition->values;
		sum.beyond += partition->beyond;
		if (sum.catch_up >= 0 && (partition->catch_up < 0 || partition->catch_up > sum.catch_up))
			sum.catch_up = partition->catch_up;
	}
	return sum;
}

bool ctl_snapshot_retries(const ctl_partition *partition)
{
	return partition->hindrance.kind == SEG_HINDRANCE_RETRY;
}

double ctl_snapshot_retry_in(const ctl_partition *partition)
{
	int64_t left = partition->hindrance.at - seg_now();
	return left > 0 ? (double)left / SEG_SECOND : 0;
}

uint32_t ctl_snapshot_attempts(const ctl_partition *partition)
{
	uint32_t tried = 0;
	if (ctl_snapshot_retries(partition))
		tried = (uint32_t)partition->hindrance.number - (ctl_snapshot_retry_in(partition) > 0);
	return tried > partition->attempts ? tried : partition->attempts;
}

const char *ctl_totals_waiting(const ctl_totals *sum, char text[CTL_WAITING_TEXT_MAX])
{
	char count[CTL_TEXT_MAX];
	uint64_t waiting = (uint64_t)sum->lag_most;
	int used = snprintf(text, CTL_WAITING_TEXT_MAX, "%s%s message%s wait%s", sum->vague ? "at most " : "",
			    ctl_count_text(waiting, count), seg_plural(waiting), seg_verb_ending(waiting));
	if (sum->unreachable)
		snprintf(text + used, CTL_WAITING_TEXT_MAX - (size_t)used,
			 ", without those of %" PRIu32 " partition%s that %s not known", sum->unreachable,
			 seg_plural(sum->unreachable), sum->unreachable == 1 ? "is" : "are");
	return text;
}

const ctl_partition *ctl_snapshot_first_unreachable(const ctl_snapshot *snapshot)
{
	for (uint32_t p = 0; p < snapshot->partition_count; p++)
		if (snapshot->partitions[p].unreachable)
			return &snapshot->partitions[p];
	return NULL;
}

void ctl_snapshot_print_unreachable(const ctl_snapshot *snapshot)
{
	const char *last = "";
	for (uint32_t p = 0; p < snapshot->partition_count; p++) {
		const ctl_partition *partition = &snapshot->partitions[p];
		if (!partition->unreachable || strcmp(partition->node, last) == 0)
			continue;
		last = partition->node;
		ctl_say("%s does not answer: the state of its partitions is not known\n", last);
	}
}

const char *ctl_snapshot_lanes(const ctl_partition *p, char text[CTL_LANES_TEXT_MAX])
{
	char done[CTL_TEXT_MAX];
	if (!p->beyond && !p->lanes_busy && !p->slots_waiting)
		return NULL;
	snprintf(text, CTL_LANES_TEXT_MAX,
		 "%s message%s after the position %s done, %" PRIu32 " lane%s busy, %" PRIu32
		 " slot%s of keys wait%s",
		 ctl_count_text(p->beyond, done), seg_plural(p->beyond), p->beyond == 1 ? "is" : "are",
		 p->lanes_busy, p->lanes_busy == 1 ? " is" : "s are", p->slots_waiting,
		 seg_plural(p->slots_waiting), seg_verb_ending(p->slots_waiting));
	return text;
}

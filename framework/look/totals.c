#include "look/totals.h"

static void add_rate(double *sum, double rate)
{
	if (rate >= 0)
		*sum = (*sum < 0 ? 0 : *sum) + rate;
}

void seg_group_totals_of(const seg_group_snapshot *snapshot, seg_group_totals *t)
{
	bool ahead = false;
	*t = (seg_group_totals){.behind = -1, .committed = -1, .added = -1};
	for (uint32_t i = 0; i < snapshot->partition_count; i++) {
		const seg_partition_snapshot *p = &snapshot->partitions[i];
		if (p->unreachable || p->info.lag < 0)
			t->lag = -1;
		else if (t->lag >= 0)
			t->lag += p->info.lag;
		if (p->unreachable)
			continue;
		if (p->behind > t->behind)
			t->behind = p->behind;
		ahead |= p->ahead > 0;
		add_rate(&t->committed, p->rate);
		add_rate(&t->added, p->added);
		t->dead_letters += p->info.dead_letters;
		t->dead_letters_ever += p->info.dead_letters + p->letters_dropped;
	}
	if (ahead && t->behind <= 0)
		t->behind = -1;
}

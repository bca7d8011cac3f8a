#include "chaos/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "chaos/pauses.h"

void chaos_report_reloads(const chaos_world *world)
{
	const unsigned *n = world->reloads;
	unsigned all = 0;
	for (int i = 0; i < CHAOS_RELOADS; i++)
		all += n[i];
	if (all)
		printf("chaos: %u reloads: %u handed over, %u untouched, %u refused as broken, %u while Redis was away, "
		       "%u at the end of a process\n",
		       all, n[CHAOS_RELOAD_EXCHANGED], n[CHAOS_RELOAD_UNTOUCHED], n[CHAOS_RELOAD_REFUSED],
		       n[CHAOS_RELOAD_HINDERED], n[CHAOS_RELOAD_SILENT]);
}

/* How often each kind came, and how often it found nothing to break. */
void chaos_report_faults(const chaos_fault *faults, const bool *idle, size_t count)
{
	size_t nothing = 0;
	const char *before = "chaos: faults:";
	for (size_t i = 0; i < count; i++) {
		size_t same = 0, first = i;
		for (size_t j = 0; j < count; j++) {
			if (faults[j].kind != faults[i].kind)
				continue;
			first = j < first ? j : first;
			same += !idle[j];
		}
		nothing += idle[i];
		if (first == i) {
			printf("%s %s %zu", before, faults[i].kind->name, same);
			before = ",";
		}
	}
	if (count)
		printf("; %zu did nothing\n", nothing);
}

static void print_pauses(const chaos_history *history)
{
	chaos_pauses pauses;
	chaos_pauses_measure(history, &pauses);
	printf("chaos: pauses of %zu partitions that moved: p50 %ld us, p99 %ld us, max %ld us\n",
	       pauses.moved, pauses.moved_p50, pauses.moved_p99, pauses.moved_max);
	printf("chaos: pauses of %zu partitions that stayed: p50 %ld us, p99 %ld us, max %ld us\n",
	       pauses.stayed, pauses.stayed_p50, pauses.stayed_p99, pauses.stayed_max);
}

void chaos_report_pipeline(const chaos_report *report, const chaos_verdict *input,
			   const chaos_verdict *output, const chaos_replay_verdict *replay)
{
	printf("chaos: pipeline, parallel=%u%s: %zu records of %zu messages, %zu read again, %zu values; an owner repeated at most %zu "
	       "messages of the input, %zu of the output; missing=%zu twice=%zu misplaced=%zu untrue=%zu\n",
	       report->parallel, report->consumers ? ", with pull consumers" : "", replay->outputs,
	       replay->sources, output->duplicates, replay->values, input->most_again, output->most_again,
	       replay->missing, replay->twice, replay->misplaced, replay->untrue);
}

/* How many of the rollbacks lost entries of a log. */
static size_t count_losses(const chaos_history *history)
{
	size_t count = 0;
	for (size_t i = 0; i < history->rollbacks.count; i++) {
		const chaos_rollback *r = &history->rollbacks.items[i];
		count += seg_id_compare(r->lost, r->kept) > 0;
	}
	return count;
}

void chaos_report_verdict(const chaos_report *set, const chaos_history *history, const chaos_verdict *v)
{
	if (v->excessive)
		fprintf(stderr, "chaos: %zu takeovers repeated more messages than allowed\n", v->excessive);
	if (history->whole_log)
		printf("chaos: failovers lost %zu acknowledged records; of all that is not in the logs any more, %zu entries "
		       "had been handled; %zu calls under a lease of a lost history, after another owner had begun\n",
		       v->forgotten, v->vanished_handled, v->outlived);
	else if (history->rollbacks.count)
		printf("chaos: %zu failovers lost the end of %zu logs, with %zu unhandled entries; %zu calls under "
		       "a lease of a lost history, after another owner had begun\n",
		       history->rollbacks.count / CHAOS_PARTITIONS, count_losses(history), v->vanished,
		       v->outlived);
	if (set->rolling) {
		print_pauses(history);
		printf("chaos: rolling=%zu ", set->rolling);
	} else {
		printf("chaos: %zu partitions were taken over from killed runners while nothing else was wrong\n",
		       v->takeovers);
		printf("chaos: ");
		if (set->topology != CHAOS_SINGLE)
			printf("topology=%s ack-replicas=%u ", chaos_topology_name(set->topology),
			       set->ack_replicas);
		printf("seed=%" PRIu64 " faults=%zu ", set->seed, set->faults);
	}
	printf("sent=%zu handled=%zu lost=%zu reordered=%zu stale-commits=%zu duplicates=%zu", v->sent,
	       v->handled, v->lost, v->reordered, v->stale, v->duplicates);
	if (set->rolling)
		printf("\n");
	else
		printf(" takeover-p99-ms=%ld gaps=%zu vanished=%zu", v->takeover_p99_ms, v->gaps,
		       v->vanished);
	if (!set->rolling)
		printf(history->whole_log ? " lost-by-redis=%zu\n" : "\n", v->forgotten);
}

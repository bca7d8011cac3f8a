/*
 * report.h - what a run prints at its end. No threads.
 */
#ifndef CHAOS_REPORT_H
#define CHAOS_REPORT_H

#include "chaos/checker.h"
#include "chaos/faults.h"
#include "chaos/replay.h"

typedef struct chaos_report {
	chaos_topology topology;
	unsigned ack_replicas;
	uint64_t seed;
	size_t faults, rolling; /* rolling: restarts, and no faults; or 0 */
	bool pipeline;
	unsigned parallel; /* of its sections */
	bool consumers;    /* some members are pull consumers */
} chaos_report;

void chaos_report_reloads(const chaos_world *world);

/* How often each kind came; idle[i]: fault i found nothing to break. */
void chaos_report_faults(const chaos_fault *faults, const bool *idle, size_t count);

/* The lines before the last ones, of a pipeline. */
void chaos_report_pipeline(const chaos_report *report, const chaos_verdict *input,
			   const chaos_verdict *output, const chaos_replay_verdict *replay);

/* The last lines. */
void chaos_report_verdict(const chaos_report *report, const chaos_history *history,
			  const chaos_verdict *verdict);

#endif

/* cluster.c - judges by CLUSTER INFO whether all slots of a cluster are served. */
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "doctor/judge.h"

enum { SLOTS = 16384 };

void seg_judge_cluster(const seg_facts *facts, seg_report *report)
{
	const seg_values *cluster = &facts->cluster;
	char state[SEG_VALUE_MAX];
	int64_t assigned = seg_values_number(cluster, "cluster_slots_assigned", SLOTS);
	int64_t failing = seg_values_number(cluster, "cluster_slots_fail", 0) +
			  seg_values_number(cluster, "cluster_slots_pfail", 0);
	if (!cluster->text)
		return;
	bool well = strcmp(seg_values_get(cluster, "cluster_state", state), "ok") == 0;
	if (assigned < SLOTS) {
		seg_report_fail(report, EX_UNAVAILABLE, "cluster",
				"%" PRId64 " of %d slots have no node, so partitions in them cannot be used",
				SLOTS - assigned, SLOTS);
		seg_report_advise(report, "run redis-cli --cluster fix HOST:PORT");
	} else if (failing > 0) {
		seg_report_fail(report, EX_UNAVAILABLE, "cluster", "the nodes of %" PRId64 " slots fail",
				failing);
		seg_report_advise(report, "run CLUSTER NODES, and start the nodes that are marked fail");
	} else if (!well) {
		seg_report_fail(report, EX_UNAVAILABLE, "cluster", "cluster_state is \"%s\"", state);
		seg_report_advise(report, "run CLUSTER NODES, and start the nodes that are marked fail");
	} else {
		seg_report_ok(report, "cluster", "all slots served, %" PRId64 " masters, %" PRId64 " nodes",
			      seg_values_number(cluster, "cluster_size", 0),
			      seg_values_number(cluster, "cluster_known_nodes", 0));
	}
}

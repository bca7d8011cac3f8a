#include "doctor/judge_all.h"

#include <string.h>

#include "doctor/judge.h"

void seg_judge_all(const seg_facts *facts, seg_report *report)
{
	static void (*const judgements[])(const seg_facts *, seg_report *) = {
		seg_judge_round_trip,   seg_judge_answers,       seg_judge_version,
		seg_judge_mode,         seg_judge_role,          seg_judge_cluster,
		seg_judge_clock,        seg_judge_persistence,   seg_judge_disk,
		seg_judge_replicas,     seg_judge_eviction,      seg_judge_memory,
		seg_judge_message_size, seg_judge_output_buffer, seg_judge_connections,
		seg_judge_idle_timeout, seg_judge_tracking,
	};
	char mode[SEG_VALUE_MAX];
	if (strcmp(seg_facts_mode(facts, mode), "sentinel") == 0) {
		seg_judge_mode(facts, report); /* nothing else matters */
		return;
	}
	for (size_t i = 0; i < sizeof(judgements) / sizeof(judgements[0]); i++)
		judgements[i](facts, report);
}

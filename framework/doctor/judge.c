#include "doctor/judge.h"

#include <stdio.h>

char *seg_judge_size_text(int64_t bytes, char text[SEG_SIZE_TEXT_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double size = (double)bytes;
	size_t unit = 0;
	for (; size >= 1024 && unit < 4; unit++)
		size /= 1024;
	snprintf(text, SEG_SIZE_TEXT_MAX, size < 10 && unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
	return text;
}

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
	for (size_t i = 0; i < sizeof(judgements) / sizeof(judgements[0]); i++)
		judgements[i](facts, report);
}

/* memory.c - judges what the server does when its memory is full, and how near that is. */
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "doctor/judge.h"
#include "doctor/size_text.h"

enum { NEARLY_FULL = 90 /* percent of maxmemory */, TOO_MUCH = 80 /* percent of the machine's memory */ };

void seg_judge_eviction(const seg_facts *facts, seg_report *report)
{
	char policy[SEG_VALUE_MAX];
	bool limited = seg_values_number(&facts->info, "maxmemory", 0) > 0;
	seg_values_get(&facts->info, "maxmemory_policy", policy);
	if (!*policy)
		return;
	if (strcmp(policy, "noeviction") == 0) {
		seg_report_ok(report, "eviction", "noeviction");
		return;
	}
	if (limited && !facts->allow_eviction)
		seg_report_fail(report, EX_CONFIG, "eviction",
				"maxmemory-policy is %s, so a full Redis deletes messages; segrunner refuses "
				"to use it",
				policy);
	else if (limited)
		seg_report_warn(report, "eviction",
				"maxmemory-policy is %s, so a full Redis deletes messages", policy);
	else
		seg_report_warn(report, "eviction",
				"maxmemory-policy is %s, so Redis deletes messages once maxmemory is set",
				policy);
	seg_report_advise(report, "run CONFIG SET maxmemory-policy noeviction, and set it in the server's "
				  "configuration");
}

static bool exceeds(int64_t part, int64_t percent, int64_t whole)
{
	return (double)part * 100 > (double)whole * (double)percent;
}

void seg_judge_memory(const seg_facts *facts, seg_report *report)
{
	char used_text[SEG_SIZE_TEXT_MAX], most_text[SEG_SIZE_TEXT_MAX];
	int64_t used = seg_values_number(&facts->info, "used_memory", -1);
	int64_t most = seg_values_number(&facts->info, "maxmemory", 0);
	int64_t machine = seg_values_number(&facts->info, "total_system_memory", 0);
	if (used < 0)
		return;
	seg_size_text(used, used_text);
	seg_size_text(most > 0 ? most : machine, most_text);
	if (most > 0 && exceeds(used, NEARLY_FULL, most)) {
		seg_report_warn(report, "memory",
				"%s used of maxmemory %s: Redis refuses new messages when it is full (OOM)",
				used_text, most_text);
		seg_report_advise(report,
				  "raise maxmemory, lower partition_size, or let the groups catch up");
	} else if (most <= 0 && machine > 0 && exceeds(used, TOO_MUCH, machine)) {
		seg_report_warn(report, "memory",
				"%s used of the machine's %s, without maxmemory: the system may kill Redis",
				used_text, most_text);
		seg_report_advise(report, "set maxmemory, or give the machine more memory");
	} else {
		seg_report_ok(report, "memory", "%s used, %s%s", used_text,
			      most > 0 ? "maxmemory " : "no maxmemory", most > 0 ? most_text : "");
	}
}

/* limits.c - judges settings of the server that cut messages or connections. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doctor/judge.h"
#include "doctor/size_text.h"

#define OUTPUT_MIN ((int64_t)64 << 20) /* bytes of answers that may wait for a reader */

enum {
	IDLE_MIN = 300,              /* seconds */
	CONNECTIONS_MAX = 80,        /* percent of maxclients */
	TRACKED_KEYS_MIN = 10 * 1000 /* partitions that are read to their end */
};

void seg_judge_message_size(const seg_facts *facts, seg_report *report)
{
	char most[SEG_SIZE_TEXT_MAX], wanted[SEG_SIZE_TEXT_MAX];
	int64_t limit = seg_values_number(&facts->config, "proto-max-bulk-len", -1);
	if (limit < 0)
		return;
	seg_size_text(limit, most);
	seg_size_text((int64_t)facts->max_message_bytes, wanted);
	if ((uint64_t)limit >= facts->max_message_bytes) {
		seg_report_ok(report, "message size", "Redis takes values of %s, messages have at most %s",
			      most, wanted);
		return;
	}
	seg_report_warn(report, "message size",
			"proto-max-bulk-len is %s, but messages may have %s: Redis cuts the connection of a "
			"producer that sends a larger one",
			most, wanted);
	seg_report_advise(report, "raise proto-max-bulk-len, or lower max_message_bytes");
}

/* "normal 0 0 0 slave 268435456 67108864 60 pubsub ...": hard limit, soft limit, seconds above the soft one. */
void seg_judge_output_buffer(const seg_facts *facts, seg_report *report)
{
	char value[SEG_VALUE_MAX], text[SEG_SIZE_TEXT_MAX];
	long long hard, soft;
	seg_values_get(&facts->config, "client-output-buffer-limit", value);
	const char *normal = strstr(value, "normal ");
	if (!normal || sscanf(normal, "normal %lld %lld", &hard, &soft) != 2)
		return;
	long long least = hard > 0 && (soft <= 0 || hard < soft) ? hard : soft;
	if (least <= 0 || least >= OUTPUT_MIN) {
		seg_report_ok(report, "output limit", "answers of any usual size are kept for a slow reader");
		return;
	}
	seg_report_warn(report, "output limit",
			"client-output-buffer-limit normal is %s: Redis cuts the connection of a runner that "
			"reads large batches",
			seg_size_text(least, text));
	seg_report_advise(report, "run CONFIG SET client-output-buffer-limit 'normal 0 0 0'");
}

void seg_judge_connections(const seg_facts *facts, seg_report *report)
{
	int64_t used = seg_values_number(&facts->info, "connected_clients", -1);
	int64_t most = seg_values_number(&facts->config, "maxclients", -1);
	if (most < 0)
		most = seg_values_number(&facts->info, "maxclients", -1);
	if (used < 0 || most <= 0)
		return;
	if (used * 100 <= most * CONNECTIONS_MAX) {
		seg_report_ok(report, "connections", "%" PRId64 " of %" PRId64, used, most);
		return;
	}
	seg_report_warn(report, "connections", "%" PRId64 " of %" PRId64 ": Redis refuses further ones soon",
			used, most);
	seg_report_advise(report, "raise maxclients, or find what keeps connections open (CLIENT LIST)");
}

void seg_judge_idle_timeout(const seg_facts *facts, seg_report *report)
{
	int64_t seconds = seg_values_number(&facts->config, "timeout", -1);
	if (seconds < 0)
		return;
	if (seconds == 0) {
		seg_report_ok(report, "idle timeout", "none");
		return;
	}
	if (seconds >= IDLE_MIN) {
		seg_report_ok(report, "idle timeout", "%" PRId64 " s", seconds);
		return;
	}
	seg_report_warn(report, "idle timeout",
			"Redis closes connections that were idle for %" PRId64
			" s, so quiet producers connect again and again",
			seconds);
	seg_report_advise(report, "run CONFIG SET timeout 0");
}

void seg_judge_tracking(const seg_facts *facts, seg_report *report)
{
	int64_t most = seg_values_number(&facts->config, "tracking-table-max-keys", -1);
	if (most < 0)
		return;
	if (most == 0 || most >= TRACKED_KEYS_MIN) {
		seg_report_ok(report, "tracking", "tracking-table-max-keys is %" PRId64, most);
		return;
	}
	seg_report_warn(report, "tracking",
			"tracking-table-max-keys is %" PRId64
			": with more quiet partitions than that, Redis wakes readers for nothing",
			most);
	seg_report_advise(report, "run CONFIG SET tracking-table-max-keys 1000000, the default");
}

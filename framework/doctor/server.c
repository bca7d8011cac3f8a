/* server.c - judges what a server is and how it answers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "doctor/judge.h"
#include "redis/server_check.h"

#define SLOW_ROUND_TRIP 0.05 /* seconds */
#define CLOCK_OFFSET_MAX 1.0 /* seconds */

void seg_judge_round_trip(const seg_facts *facts, seg_report *report)
{
	double ms = facts->round_trip * 1000;
	if (facts->round_trip < SLOW_ROUND_TRIP) {
		seg_report_ok(report, "round trip", "%.2f ms", ms);
		return;
	}
	seg_report_warn(report, "round trip", "%.0f ms, so each partition waits for the network", ms);
	seg_report_advise(report, "run segrunner and the producers nearer to Redis, or use more partitions");
}

/* --- commands that tell of the server --------------------------------------------------- */

static void judge_refusal(const seg_values *values, const char *command, const char *right,
			  const char *unknown, seg_report *report)
{
	if (values->text && *values->text)
		return;
	seg_report_warn(report, "answers", "the server refuses %s%s%s%s, so %s", command,
			*values->refusal ? " (" : "", values->refusal, *values->refusal ? ")" : "", unknown);
	seg_report_advise(report, "grant %s, or check these in the service's console", right);
}

void seg_judge_answers(const seg_facts *facts, seg_report *report)
{
	char mode[SEG_VALUE_MAX];
	judge_refusal(&facts->info, "INFO", "+info", "its memory, persistence and replicas are not known",
		      report);
	judge_refusal(&facts->config, "CONFIG GET", "+config|get", "its limits and snapshots are not known",
		      report);
	if (strcmp(seg_facts_mode(facts, mode), "cluster") == 0)
		judge_refusal(&facts->cluster, "CLUSTER INFO", "+cluster|info",
			      "the cluster's health is not known", report);
}

/* --- version, mode, role ------------------------------------------------------------------ */

static void judge_info_version(const seg_facts *facts, seg_report *report)
{
	char version[SEG_VALUE_MAX], valkey[SEG_VALUE_MAX];
	seg_values_get(&facts->info, "redis_version", version);
	seg_values_get(&facts->info, "valkey_version", valkey);
	if (!*version) {
		seg_report_fail(report, EX_UNAVAILABLE, "version", "INFO names no redis_version");
		seg_report_advise(report, "check that the address is that of a Redis or Valkey server");
	} else if (strtol(version, NULL, 10) < SEG_SERVER_MAJOR) {
		seg_report_fail(report, EX_UNAVAILABLE, "version", "Redis %s is too old", version);
		seg_report_advise(report, "upgrade to Redis %d.0 or later, or to Valkey", SEG_SERVER_MAJOR);
	} else if (*valkey) {
		seg_report_ok(report, "version", "Valkey %s, compatible with Redis %s", valkey, version);
	} else {
		seg_report_ok(report, "version", "Redis %s", version);
	}
}

static void judge_hello_version(const seg_facts *facts, seg_report *report)
{
	char version[SEG_VALUE_MAX], server[SEG_VALUE_MAX];
	seg_values_get(&facts->hello, "version", version);
	seg_values_get(&facts->hello, "server", server);
	if (!*version)
		return;
	if (strcmp(server, "redis") == 0 && strtol(version, NULL, 10) < SEG_SERVER_MAJOR) {
		seg_report_fail(report, EX_UNAVAILABLE, "version", "Redis %s is too old", version);
		seg_report_advise(report, "upgrade to Redis %d.0 or later, or to Valkey", SEG_SERVER_MAJOR);
	} else {
		seg_report_ok(report, "version", "%s %s, as HELLO says", server, version);
	}
}

void seg_judge_version(const seg_facts *facts, seg_report *report)
{
	if (facts->info.text)
		judge_info_version(facts, report);
	else
		judge_hello_version(facts, report);
}

void seg_judge_mode(const seg_facts *facts, seg_report *report)
{
	char mode[SEG_VALUE_MAX];
	seg_facts_mode(facts, mode);
	if (strcmp(mode, "sentinel") == 0) {
		seg_report_fail(report, EX_UNAVAILABLE, "mode",
				"the server is a Sentinel, which holds no data");
		seg_report_advise(report,
				  "write redis+sentinel://HOST,HOST/MASTER in the address, with the name "
				  "of the master that it watches");
	} else if (*mode) {
		seg_report_ok(report, "mode", "%s", mode);
	}
}

static void judge_replica(const seg_facts *facts, seg_report *report)
{
	char mode[SEG_VALUE_MAX], host[SEG_VALUE_MAX], port[SEG_VALUE_MAX];
	if (strcmp(seg_facts_mode(facts, mode), "cluster") == 0) {
		seg_report_ok(report, "role", "replica, which knows the cluster's masters");
		return;
	}
	seg_values_get(&facts->info, "master_host", host);
	seg_values_get(&facts->info, "master_port", port);
	seg_report_fail(report, EX_UNAVAILABLE, "role", "the server is a read-only replica");
	if (*host)
		seg_report_advise(report, "connect to its master, %.255s:%.15s", host, port);
	else
		seg_report_advise(report, "connect to its master");
}

void seg_judge_role(const seg_facts *facts, seg_report *report)
{
	char role[SEG_VALUE_MAX];
	seg_facts_role(facts, role);
	if (strcmp(role, "master") == 0)
		seg_report_ok(report, "role", "master");
	if (strcmp(role, "slave") == 0)
		judge_replica(facts, report);
	if (seg_values_number(&facts->info, "loading", 0) == 1) {
		seg_report_fail(report, EX_UNAVAILABLE, "role", "the server is loading its data from disk");
		seg_report_advise(report, "wait until it has finished");
	}
}

/* --- clock -------------------------------------------------------------------------------- */

void seg_judge_clock(const seg_facts *facts, seg_report *report)
{
	double offset = fabs(facts->clock_offset);
	if (!facts->clock_known)
		return;
	if (offset - facts->clock_doubt <= CLOCK_OFFSET_MAX) {
		seg_report_ok(report, "clock", "within %.0f ms of this machine's",
			      ceil((offset + facts->clock_doubt) * 1000));
		return;
	}
	seg_report_warn(report, "clock",
			"Redis's clock is %.1f s %s this machine's, so ages and start times are wrong",
			offset, facts->clock_offset > 0 ? "ahead of" : "behind");
	seg_report_advise(report, "synchronise both machines' clocks (NTP)");
}

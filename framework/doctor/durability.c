/* durability.c - judges what a crash of the server loses. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "doctor/judge.h"

enum { REPLICA_LAG_MAX = 10 /* seconds */ };

/* --- persistence ---------------------------------------------------------------------------- */

static bool appends(const seg_facts *facts)
{
	char value[SEG_VALUE_MAX];
	return seg_values_number(&facts->info, "aof_enabled", 0) == 1 ||
	       strcmp(seg_values_get(&facts->config, "appendonly", value), "yes") == 0;
}

static void judge_append_only(const seg_facts *facts, seg_report *report)
{
	char fsync[SEG_VALUE_MAX];
	seg_values_get(&facts->config, "appendfsync", fsync);
	if (strcmp(fsync, "no") == 0) {
		seg_report_warn(report, "persistence",
				"append-only file, but appendfsync is no: a power cut loses what the system "
				"had not written, often 30 s");
		seg_report_advise(report, "run CONFIG SET appendfsync everysec, or always");
	} else if (strcmp(fsync, "everysec") == 0) {
		seg_report_ok(report, "persistence",
			      "append-only file, fsync every second: a power cut can lose about 2 s");
	} else {
		seg_report_ok(report, "persistence", "append-only file%s%s", *fsync ? ", appendfsync " : "",
			      fsync);
	}
}

void seg_judge_persistence(const seg_facts *facts, seg_report *report)
{
	char save[SEG_VALUE_MAX];
	bool config_known = facts->config.text && *facts->config.text;
	seg_values_get(&facts->config, "save", save);
	if (!facts->info.text && !config_known)
		return;
	if (appends(facts)) {
		judge_append_only(facts, report);
		return;
	}
	if (*save)
		seg_report_warn(report, "persistence",
				"snapshots only: a crash loses all messages since the newest snapshot");
	else if (config_known)
		seg_report_warn(report, "persistence",
				"Redis keeps nothing on disk: a restart loses all messages");
	else
		seg_report_warn(report, "persistence",
				"Redis has no append-only file: a crash can lose messages");
	seg_report_advise(report, "run CONFIG SET appendonly yes, and set it in the server's configuration");
}

/* Whether its newest writes to disk succeeded. */
void seg_judge_disk(const seg_facts *facts, seg_report *report)
{
	char snapshot[SEG_VALUE_MAX], file[SEG_VALUE_MAX], rewrite[SEG_VALUE_MAX], stops[SEG_VALUE_MAX],
		save[SEG_VALUE_MAX];
	seg_values_get(&facts->info, "rdb_last_bgsave_status", snapshot);
	seg_values_get(&facts->info, "aof_last_write_status", file);
	seg_values_get(&facts->info, "aof_last_bgrewrite_status", rewrite);
	seg_values_get(&facts->config, "stop-writes-on-bgsave-error", stops);
	seg_values_get(&facts->config, "save", save);
	if (strcmp(file, "err") == 0)
		seg_report_fail(
			report, EX_UNAVAILABLE, "disk",
			"Redis cannot write its append-only file, so it refuses all writes (MISCONF)");
	else if (strcmp(snapshot, "err") == 0 && *save && strcmp(stops, "yes") == 0)
		seg_report_fail(report, EX_UNAVAILABLE, "disk",
				"the newest snapshot failed, so Redis refuses all writes (MISCONF)");
	else if (strcmp(snapshot, "err") == 0)
		seg_report_warn(report, "disk", "the newest snapshot failed");
	else if (strcmp(rewrite, "err") == 0)
		seg_report_warn(report, "disk", "the newest rewrite of the append-only file failed");
	else
		return;
	seg_report_advise(report, "check the server's log, its free disk space and its free memory");
}

/* --- replicas ------------------------------------------------------------------------------- */

typedef struct {
	char address[128], state[32];
	long long lag; /* seconds since its newest answer */
} replica;

/* "ip=10.0.0.2,port=6379,state=online,offset=14,lag=0"; Valkey adds more. */
static bool read_replica(const seg_facts *facts, int64_t number, replica *r)
{
	char name[32], value[SEG_VALUE_MAX], ip[96] = "", port[8] = "";
	snprintf(name, sizeof(name), "slave%" PRId64, number);
	seg_values_get(&facts->info, name, value);
	if (!*value)
		return false;
	*r = (replica){.lag = -1};
	char *rest = value;
	for (char *field; (field = strsep(&rest, ","));) {
		(void)sscanf(field, "ip=%95s", ip);
		(void)sscanf(field, "port=%7s", port);
		(void)sscanf(field, "state=%31s", r->state);
		(void)sscanf(field, "lag=%lld", &r->lag);
	}
	snprintf(r->address, sizeof(r->address), "%s:%s", ip, port);
	return true;
}

static void judge_bad_replica(const replica *r, seg_report *report)
{
	if (strcmp(r->state, "online") == 0) {
		seg_report_warn(report, "replicas", "replica %s last answered %lld s ago", r->address,
				r->lag);
		seg_report_advise(report, "check that it runs and that its link is fast enough");
	} else {
		seg_report_warn(report, "replicas", "replica %s is not in step yet (%s)", r->address,
				r->state);
		seg_report_advise(report,
				  "wait until it has its first copy; if that never comes, read its log");
	}
}

/* Returns how many replicas are online and near. */
static int64_t judge_each_replica(const seg_facts *facts, int64_t count, seg_report *report)
{
	int64_t good = 0;
	replica r;
	for (int64_t i = 0; i < count && read_replica(facts, i, &r); i++) {
		if (strcmp(r.state, "online") == 0 && r.lag <= REPLICA_LAG_MAX) {
			good++;
			continue;
		}
		judge_bad_replica(&r, report);
	}
	return good;
}

void seg_judge_replicas(const seg_facts *facts, seg_report *report)
{
	char role[SEG_VALUE_MAX];
	int64_t count = seg_values_number(&facts->info, "connected_slaves", -1);
	int64_t needed = seg_values_number(&facts->config, "min-replicas-to-write", 0);
	if (count < 0 || strcmp(seg_facts_role(facts, role), "master") != 0)
		return;
	int64_t good = judge_each_replica(facts, count, report);
	if (good < needed) {
		seg_report_fail(report, EX_UNAVAILABLE, "replicas",
				"min-replicas-to-write is %" PRId64 ", but %" PRId64
				" %s in reach, so Redis refuses all writes (NOREPLICAS)",
				needed, good, good == 1 ? "is" : "are");
		seg_report_advise(report, "start the replicas, or lower min-replicas-to-write");
	} else if (good < facts->ack_replicas) {
		seg_report_fail(report, EX_CONFIG, "replicas",
				"ack_replicas is %" PRIu32 ", but %" PRId64
				" %s in reach, so no send is acknowledged and no commit counts",
				facts->ack_replicas, good, good == 1 ? "is" : "are");
		seg_report_advise(report, "start the replicas, or lower ack_replicas");
	} else if (count == 0) {
		seg_report_ok(report, "replicas", "none");
	} else if (good == count) {
		seg_report_ok(report, "replicas", "%" PRId64 " connected", count);
	}
}

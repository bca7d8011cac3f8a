#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "chaos/faults.h"

enum { PATIENCE_MS = 20000, LOOK_MS = 10, FACT_SIZE = 2048 };

/* --- looking ----------------------------------------------------------------------------- */

/* The number after `field` in INFO SECTION; 0 if there is none. */
static long long number_of(chaos_world *w, const char *section, const char *field)
{
	redisReply *reply = chaos_servers_command(w->servers, "INFO %s", section);
	const char *at = reply && reply->type == REDIS_REPLY_STRING ? strstr(reply->str, field) : NULL;
	long long number = at ? atoll(at + strlen(field)) : 0;
	if (reply)
		freeReplyObject(reply);
	return number;
}

static long long refusals(chaos_world *w, const char *code)
{
	char field[64];
	snprintf(field, sizeof(field), "errorstat_%s:count=", code);
	return number_of(w, "errorstats", field);
}

static bool snapshots_fail(chaos_world *w)
{
	redisReply *reply = chaos_servers_command(w->servers, "INFO persistence");
	bool fail = reply && reply->type == REDIS_REPLY_STRING &&
		    strstr(reply->str, "rdb_last_bgsave_status:err");
	if (reply)
		freeReplyObject(reply);
	return fail;
}

/*
 * The group's position, or the end of the log, in each partition, as a text that changes whenever one of them
 * moves.
 */
static void read_marks(chaos_world *w, const char *of, const char *field, char marks[FACT_SIZE])
{
	size_t length = 0;
	marks[0] = '\0';
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(w->servers, "XINFO %s __default:chaos:partition_%d", of, p);
		const redisReply *fields = reply && reply->type == REDIS_REPLY_ARRAY ? reply : NULL;
		if (fields && fields->elements == 1)
			fields = fields->element[0];
		for (size_t i = 0; fields && i + 1 < fields->elements; i += 2)
			if (strcmp(fields->element[i]->str, field) == 0)
				length += (size_t)snprintf(marks + length, FACT_SIZE - length, "%s ",
							   fields->element[i + 1]->str);
		if (reply)
			freeReplyObject(reply);
	}
}

static void read_positions(chaos_world *w, char marks[FACT_SIZE])
{
	read_marks(w, "GROUPS", "last-delivered-id", marks);
}

static void read_ends(chaos_world *w, char marks[FACT_SIZE])
{
	read_marks(w, "STREAM", "last-generated-id", marks);
}

typedef struct {
	const char *code;
	long long refused;
	char positions[FACT_SIZE], ends[FACT_SIZE];
} state;

static void remember(chaos_world *w, state *s, const char *code)
{
	s->code = code;
	s->refused = refusals(w, code);
	read_positions(w, s->positions);
	read_ends(w, s->ends);
}

/* --- waiting ------------------------------------------------------------------------------- */

typedef bool condition(chaos_world *w, const state *before);

static bool is_refused(chaos_world *w, const state *before)
{
	return refusals(w, before->code) > before->refused;
}

/* True, too, if nothing is left to commit. */
static bool is_committed(chaos_world *w, const state *before)
{
	char positions[FACT_SIZE], ends[FACT_SIZE];
	read_positions(w, positions);
	read_ends(w, ends);
	return strcmp(positions, before->positions) != 0 || strcmp(positions, ends) == 0;
}

/*
 * Whether the group has passed everything that was there before. Dead letters move a position, too, but not
 * to the end.
 */
static bool is_caught_up(chaos_world *w, const state *before)
{
	char positions[FACT_SIZE], *position = positions;
	const char *end = before->ends;
	read_positions(w, positions);
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		seg_id at = {0, 0}, last = {0, 0};
		int length = 0, last_length = 0;
		if (sscanf(position, "%" SCNu64 "-%" SCNu64 " %n", &at.ms, &at.seq, &length) != 2 ||
		    sscanf(end, "%" SCNu64 "-%" SCNu64 " %n", &last.ms, &last.seq, &last_length) != 2 ||
		    seg_id_compare(at, last) < 0)
			return false;
		position += length;
		end += last_length;
	}
	return true;
}

static bool is_added(chaos_world *w, const state *before)
{
	char ends[FACT_SIZE];
	read_ends(w, ends);
	return strcmp(ends, before->ends) != 0;
}

static void expect(chaos_world *w, condition *holds, const state *before, const char *what)
{
	int64_t deadline = seg_now() + PATIENCE_MS * SEG_MS;
	while (!holds(w, before)) {
		if (seg_now() > deadline) {
			chaos_world_violation(w, "waited %d ms, but this did not happen: %s", PATIENCE_MS,
					      what);
			return;
		}
		chaos_world_pass(w, LOOK_MS);
	}
}

static void set(chaos_world *w, const char *option, const char *value)
{
	redisReply *reply = chaos_servers_command(w->servers, "CONFIG SET %s %s", option, value);
	if (!reply || reply->type == REDIS_REPLY_ERROR)
		chaos_world_violation(w, "CONFIG SET %s: %s", option, reply ? reply->str : "no answer");
	if (reply)
		freeReplyObject(reply);
}

static void expect_recovery(chaos_world *w, const char *code)
{
	state now;
	remember(w, &now, code);
	expect(w, is_added, &now, "records are added again");
	expect(w, is_committed, &now, "positions move again");
}

/* --- the faults ------------------------------------------------------------------------------ */

/* No log may grow. Commits make room, so they must still succeed. */
void chaos_fault_oom(const chaos_fault *f, chaos_world *w)
{
	state before;
	remember(w, &before, "OOM");
	set(w, "maxmemory", "1");
	expect(w, is_refused, &before, "Redis refuses a record because its memory is full");
	remember(w, &before, "OOM");
	chaos_world_pass(w, 200 + f->ms);
	expect(w, is_caught_up, &before, "all logged messages are committed while Redis's memory is full");
	set(w, "maxmemory", "0");
	expect_recovery(w, "OOM");
}

/*
 * Snapshots fail while a directory has the name of the snapshot's file; even a superuser cannot write there.
 */
static void obstruct(chaos_world *w, char path[256])
{
	snprintf(path, 256, "%s/dump.rdb", w->servers->primary->directory);
	unlink(path);
	if (mkdir(path, 0755))
		perror(path);
	set(w, "save", "3600 1");
}

/* Another snapshot may be in progress; callers ask again. */
static void begin_snapshot(chaos_world *w)
{
	redisReply *reply = chaos_servers_command(w->servers, "BGSAVE");
	if (reply)
		freeReplyObject(reply);
}

static bool snapshot_failed(chaos_world *w, const state *before)
{
	(void)before;
	if (snapshots_fail(w))
		return true;
	begin_snapshot(w);
	return false;
}

static bool snapshot_succeeded(chaos_world *w, const state *before)
{
	(void)before;
	if (!snapshots_fail(w))
		return true;
	begin_snapshot(w);
	return false;
}

/* Redis accepts no write until a snapshot succeeds: no records, commits or heartbeats. */
void chaos_fault_disk(const chaos_fault *f, chaos_world *w)
{
	char path[256];
	state before;
	remember(w, &before, "MISCONF");
	obstruct(w, path);
	expect(w, snapshot_failed, &before, "a snapshot fails");
	expect(w, is_refused, &before, "Redis refuses a write because the snapshot failed");
	remember(w, &before, "MISCONF");
	chaos_world_pass(w, 200 + 2 * f->ms);
	if (is_added(w, &before))
		chaos_world_violation(w, "records were added though Redis refused all writes");
	rmdir(path);
	expect(w, snapshot_succeeded, &before, "a snapshot succeeds");
	set(w, "save", "");
	expect_recovery(w, "MISCONF");
}

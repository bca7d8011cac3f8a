/*
 * coordinate.c - what the coordinator costs Redis in a large group: 1,024 partitions, 64 members.
 *
 * The members are made up: their heartbeats are sent from here, one after the other, until nothing changes
 * any more.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "experiments/experiment.h"
#include "measure/progress.h"
#include "redis/script.h"

enum { MEMBERS = 64, PARTITIONS = 1024, HEARTBEATS = 10, RELEASES_MAX = PARTITIONS };

typedef struct {
	char name[16];
	char generation[24]; /* the newest it knows */
	char releases[2 * RELEASES_MAX]
		     [24]; /* partition and epoch, to be given back with the next heartbeat */
	int release_words;
} member;

/* What a call was about. */
typedef enum { JOINED, TOLD, RELEASED, UNCHANGED, CALLS } call_kind;

typedef struct {
	bench_server *server;
	char sha[48];
	member *members;
	int member_count;
	int64_t longest; /* the longest call of the script since it was set to 0, in us */
	int64_t total;   /* and all calls */
	bool changed;    /* a call told of a change */
	/* Calls of each kind since then, and their time in us. */
	int64_t calls[CALLS];
	int64_t times[CALLS];
} group;

static int64_t script_time(group *g)
{
	redisReply *reply = bench_server_command(g->server, "INFO commandstats");
	const char *line = strstr(reply->str, "cmdstat_evalsha:");
	const char *field = line ? strstr(line, "usec=") : NULL;
	int64_t time = field ? strtoll(field + 5, NULL, 10) : 0;
	freeReplyObject(reply);
	return time;
}

static void take_share(member *m, const redisReply *owned)
{
	for (size_t i = 0; i + 2 < owned->elements; i += 3) {
		const redisReply *const *word = (const redisReply *const *)owned->element + i;
		if (strcmp(word[2]->str, "1") != 0)
			continue;
		snprintf(m->releases[m->release_words++], sizeof(m->releases[0]), "%s", word[0]->str);
		snprintf(m->releases[m->release_words++], sizeof(m->releases[0]), "%s", word[1]->str);
	}
}

static call_kind kind_of(const member *m, const char *command, const redisReply *reply)
{
	if (strcmp(command, "join") == 0)
		return JOINED;
	if (m->release_words > 0)
		return RELEASED;
	return reply->elements == 5 && reply->element[4]->type == REDIS_REPLY_ARRAY ? TOLD : UNCHANGED;
}

static void take_answer(group *g, member *m, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 5 ||
	    strcmp(reply->element[0]->str, "OK") != 0)
		errx(EX_SOFTWARE, "coordinate: %s", reply->str ? reply->str : "an answer that is no OK");
	snprintf(m->generation, sizeof(m->generation), "%s", reply->element[2]->str);
	m->release_words = 0;
	if (reply->element[4]->type == REDIS_REPLY_ARRAY) {
		g->changed = true;
		take_share(m, reply->element[4]);
	}
}

static void call(group *g, member *m, const char *command)
{
#define PREFIX "{__bench:load}:"
	char partitions[16];
	snprintf(partitions, sizeof(partitions), "%d", PARTITIONS);
	const char *words[16 + 2 * RELEASES_MAX] = {"EVALSHA",
						    g->sha,
						    "5",
						    PREFIX "large:members",
						    PREFIX "large:leases",
						    PREFIX "large:partitions",
						    PREFIX "large:control",
						    PREFIX "groups",
						    "large",
						    command,
						    m->name,
						    "incarnation",
						    "600000",
						    "100",
						    partitions,
						    m->generation};
	int count = 16;
	for (int i = 0; i < m->release_words; i++)
		words[count++] = m->releases[i];
	int64_t before = script_time(g);
	redisReply *reply = redisCommandArgv(g->server->admin, count, words, NULL);
	if (!reply)
		errx(EX_UNAVAILABLE, "redis-server: %s", g->server->admin->errstr);
	int64_t time = script_time(g) - before;
	g->total += time;
	if (time > g->longest)
		g->longest = time;
	call_kind kind = kind_of(m, command, reply);
	g->calls[kind]++;
	g->times[kind] += time;
	take_answer(g, m, reply);
	freeReplyObject(reply);
}

static void join(group *g)
{
	member *m = &g->members[g->member_count];
	snprintf(m->name, sizeof(m->name), "member-%d", g->member_count++);
	strcpy(m->generation, "0");
	m->release_words = 0;
	call(g, m, "join");
}

static void heartbeats(group *g)
{
	for (int i = 0; i < g->member_count; i++)
		call(g, &g->members[i], "heartbeat");
}

/* Until all have released what they must, and have been told what they own. */
static void settle(group *g)
{
	do {
		g->changed = false;
		heartbeats(g);
	} while (g->changed);
}

static void begin(group *g)
{
	g->total = g->longest = 0;
	memset(g->calls, 0, sizeof(g->calls));
	memset(g->times, 0, sizeof(g->times));
}

static void add_kinds(const group *g, bench_series calls[CALLS], bench_series times[CALLS])
{
	for (int kind = 0; kind < CALLS; kind++) {
		bench_series_add(&calls[kind], (double)g->calls[kind]);
		if (g->calls[kind])
			bench_series_add(&times[kind], (double)g->times[kind] / (double)g->calls[kind]);
	}
}

static void report_kinds(bench_report *report, const bench_series calls[CALLS],
			 const bench_series times[CALLS])
{
	static const char *const names[CALLS] = {[JOINED] = "the join",
						 [TOLD] = "heartbeats that are told a share",
						 [RELEASED] = "heartbeats that release",
						 [UNCHANGED] = "other heartbeats"};
	char name[64];
	for (int kind = 0; kind < CALLS; kind++) {
		snprintf(name, sizeof(name), "  of it %s", names[kind]);
		bench_report_figure(report, "coordinate", name, "calls", &calls[kind]);
		bench_report_figure(report, "coordinate", "    each", "us", &times[kind]);
	}
}

static void measure(group *g, bench_report *report, size_t rounds)
{
	bench_series heartbeat = {0}, all = {0}, total = {0}, longest = {0}, calls[CALLS] = {0},
		     times[CALLS] = {0};
	begin(g);
	while (g->member_count < MEMBERS)
		join(g);
	settle(g);
	bench_series_add(&all, (double)g->total / 1000);
	for (size_t i = 0; i < rounds; i++) {
		begin(g);
		for (int n = 0; n < HEARTBEATS; n++)
			heartbeats(g);
		bench_series_add(&heartbeat, (double)g->total / (HEARTBEATS * g->member_count));
		begin(g);
		join(g);
		settle(g);
		bench_series_add(&total, (double)g->total / 1000);
		bench_series_add(&longest, (double)g->longest / 1000);
		add_kinds(g, calls, times);
		call(g, &g->members[--g->member_count], "leave");
		settle(g);
	}
	bench_report_heading("coordinate: 1,024 partitions, 64 members, Redis's time");
	bench_report_figure(report, "coordinate", "a heartbeat in which nothing changed", "us", &heartbeat);
	bench_report_figure(report, "coordinate", "one more member: all calls until it owns its share", "ms",
			    &total);
	report_kinds(report, calls, times);
	bench_report_figure(report, "coordinate", "the longest of these calls", "ms", &longest);
	bench_report_figure(report, "coordinate", "64 members join an empty group: all calls", "ms", &all);
	bench_report_ratio(report, "heartbeat-us", &heartbeat);
	bench_report_ratio(report, "rebalance-ms", &total);
}

static void run(bench_context *context)
{
	group g = {.server = &context->server, .members = calloc(MEMBERS + 1, sizeof(member))};
	if (!g.members)
		err(EX_OSERR, "%d members", MEMBERS);
	bench_progress("coordinate: %d members share %d partitions", MEMBERS, PARTITIONS);
	bench_workload_clear(&context->workload);
	redisReply *reply = bench_server_command(g.server, "SCRIPT LOAD %s",
						 seg_script_sources[SEG_SCRIPT_COORDINATE].text);
	snprintf(g.sha, sizeof(g.sha), "%s", reply->str);
	freeReplyObject(reply);
	measure(&g, &context->report, bench_experiment_rounds(context));
	free(g.members);
}

const bench_experiment bench_experiment_coordinate = {
	.name = "coordinate",
	.help = "Redis's time for heartbeats and rebalances of a large group",
	.run = run,
};

#include "doctor/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

enum { PINGS = 7 };

void seg_facts_free(seg_facts *facts)
{
	seg_values_free(&facts->info);
	seg_values_free(&facts->config);
	seg_values_free(&facts->hello);
	seg_values_free(&facts->cluster);
}

static void got_values(void *arg, const seg_reply *reply)
{
	seg_values_read(arg, reply);
}

/* --- round trip and clock ------------------------------------------------------------- */

/* Whether the answer to a PING is one that Redis gives: any error, too, for the right may be missing. */
static void got_pong(void *arg, const seg_reply *reply)
{
	seg_error *refusal = arg;
	if (reply->type == SEG_REPLY_ERROR && strncmp(reply->text, "NOAUTH", 6) == 0)
		seg_fail(
			refusal, SEG_EAUTH,
			"the server requires a password; set password_file, or write the password into the address");
	else if (reply->type != SEG_REPLY_ERROR && !seg_reply_is(reply, "PONG"))
		seg_fail(refusal, SEG_EPROTOCOL, "the server does not answer PING as Redis does");
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int measure_round_trip(seg_link *link, seg_facts *facts, seg_error *error)
{
	const char *argv[] = {"PING"};
	int64_t times[PINGS];
	for (int i = 0; i < PINGS; i++) {
		seg_error refusal = {0};
		int64_t start = seg_now();
		int status = seg_link_ask(link, got_pong, &refusal, 1, argv, error);
		if (status == 0 && refusal.status)
			status = seg_fail(error, refusal.status, "%s", refusal.text);
		if (status)
			return status;
		times[i] = seg_now() - start;
	}
	qsort(times, PINGS, sizeof(times[0]), compare);
	int64_t median = times[PINGS / 2];
	facts->round_trip = (double)median / SEG_SECOND;
	return 0;
}

static void got_time(void *arg, const seg_reply *reply)
{
	double *seconds = arg;
	*seconds = (double)seg_reply_number(seg_reply_at(reply, 0), -1) +
		   (double)seg_reply_number(seg_reply_at(reply, 1), 0) / 1e6;
}

/* Redis read its clock between the question and the answer: most likely in the middle. */
static int compare_clocks(seg_link *link, seg_facts *facts, seg_error *error)
{
	const char *argv[] = {"TIME"};
	double there = -1;
	double before = (double)seg_wall_clock() / SEG_SECOND;
	int status = seg_link_ask(link, got_time, &there, 1, argv, error);
	double after = (double)seg_wall_clock() / SEG_SECOND;
	facts->clock_known = status == 0 && there > 0;
	facts->clock_offset = there - (before + after) / 2;
	facts->clock_doubt = (after - before) / 2;
	return status;
}

/* --- what the server says ------------------------------------------------------------- */

const char *seg_facts_mode(const seg_facts *facts, char mode[SEG_VALUE_MAX])
{
	if (!facts->info.text)
		return seg_values_get(&facts->hello, "mode", mode);
	seg_values_get(&facts->info, "redis_mode", mode);
	/* Valkey calls it so. */
	return *mode ? mode : seg_values_get(&facts->info, "server_mode", mode);
}

const char *seg_facts_role(const seg_facts *facts, char role[SEG_VALUE_MAX])
{
	seg_values_get(facts->info.text ? &facts->info : &facts->hello, "role", role);
	if (strcmp(role, "replica") == 0)
		snprintf(role, SEG_VALUE_MAX, "slave");
	return role;
}

static int ask_values(seg_link *link, seg_values *values, int argc, const char *const *argv, seg_error *error)
{
	return seg_link_ask(link, got_values, values, argc, argv, error);
}

static int ask_config(seg_link *link, seg_facts *facts, seg_error *error)
{
	const char *argv[] = {"CONFIG",
			      "GET",
			      "save",
			      "appendonly",
			      "appendfsync",
			      "stop-writes-on-bgsave-error",
			      "min-replicas-to-write",
			      "proto-max-bulk-len",
			      "client-output-buffer-limit",
			      "timeout",
			      "maxclients",
			      "tracking-table-max-keys"};
	return ask_values(link, &facts->config, sizeof(argv) / sizeof(argv[0]), argv, error);
}

int seg_facts_ask(seg_link *link, seg_facts *facts, seg_error *error)
{
	const char *info[] = {"INFO"}, *hello[] = {"HELLO"}, *cluster[] = {"CLUSTER", "INFO"};
	char mode[SEG_VALUE_MAX];
	int status = measure_round_trip(link, facts, error);
	if (status == 0)
		status = ask_values(link, &facts->info, 1, info, error);
	if (status == 0 && !facts->info.text)
		status = ask_values(link, &facts->hello, 1, hello, error);
	if (status == 0)
		status = ask_config(link, facts, error);
	if (status == 0)
		status = compare_clocks(link, facts, error);
	if (status == 0 && strcmp(seg_facts_mode(facts, mode), "cluster") == 0)
		status = ask_values(link, &facts->cluster, 2, cluster, error);
	return status;
}

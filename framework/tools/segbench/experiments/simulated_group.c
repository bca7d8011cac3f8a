#include "experiments/simulated_group.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "measure/reply.h"
#include "redis/script.h"

#define PREFIX "{__bench:load}:"

enum { RELEASES_MAX = SIMULATED_PARTITIONS, RELEASE_WORDS_MAX = 2 * RELEASES_MAX, HEAD_WORDS = 22 };

typedef char release_word[24];

struct bench_simulated_member {
	char name[16];
	char generation[24]; /* the newest generation that the member knows */
	/* The partitions that the member releases with its next heartbeat: pairs of partition and epoch. */
	release_word releases[RELEASE_WORDS_MAX];
	int release_words;
};

void bench_simulated_group_open(bench_simulated_group *group, bench_server *server)
{
	*group = (bench_simulated_group){
		.server = server,
		.members = calloc(SIMULATED_MEMBERS_MAX, sizeof(bench_simulated_member)),
	};
	if (!group->members)
		err(EX_OSERR, "%d members", SIMULATED_MEMBERS_MAX);
	redisReply *reply = bench_server_command(server, "SCRIPT LOAD %s",
						 seg_script_sources[SEG_SCRIPT_COORDINATE].text);
	snprintf(group->sha, sizeof(group->sha), "%s", bench_reply_text(reply, "SCRIPT"));
	freeReplyObject(reply);
}

void bench_simulated_group_close(bench_simulated_group *group)
{
	free(group->members);
}

void bench_simulated_group_restart(bench_simulated_group *group)
{
	group->total = group->longest = 0;
	memset(group->calls, 0, sizeof(group->calls));
	memset(group->times, 0, sizeof(group->times));
}

/* --- replies ------------------------------------------------------------------------------ */

/* {'OK', now, generation, next expiry, share or nil} */
static void check_reply(const redisReply *reply)
{
	const char *outcome =
		bench_reply_text(bench_reply_array(reply, 5, "coordinate")->element[0], "coordinate");
	if (strcmp(outcome, "OK") != 0)
		errx(EX_SOFTWARE, "coordinate: expected OK, got %s", outcome);
}

/* The share in a reply, NULL if the share did not change. */
static const redisReply *share_of(const redisReply *reply)
{
	const redisReply *share = reply->element[4];
	return share->type == REDIS_REPLY_NIL ? NULL : bench_reply_array(share, 0, "coordinate");
}

static void add_release_word(bench_simulated_member *member, const redisReply *word)
{
	if (member->release_words == RELEASE_WORDS_MAX)
		errx(EX_PROTOCOL, "coordinate: a share of more than %d partitions", RELEASES_MAX);
	snprintf(member->releases[member->release_words++], sizeof(release_word), "%s",
		 bench_reply_text(word, "coordinate"));
}

/* A share is a flat list: partition, epoch, and "1" if the member must release the partition. */
static void take_share(bench_simulated_member *member, const redisReply *share)
{
	for (size_t i = 0; i + 2 < share->elements; i += 3) {
		if (strcmp(bench_reply_text(share->element[i + 2], "coordinate"), "1") != 0)
			continue;
		add_release_word(member, share->element[i]);
		add_release_word(member, share->element[i + 1]);
	}
}

static void take_reply(bench_simulated_group *group, bench_simulated_member *member, const redisReply *reply)
{
	const redisReply *share = share_of(reply);
	snprintf(member->generation, sizeof(member->generation), "%s",
		 bench_reply_text(reply->element[2], "coordinate"));
	member->release_words = 0;
	if (share) {
		group->changed = true;
		take_share(member, share);
	}
}

/* --- calls -------------------------------------------------------------------------------- */

/* Redis's time for all EVALSHA so far, in us. */
static int64_t script_time(bench_simulated_group *group)
{
	redisReply *reply = bench_server_command(group->server, "INFO commandstats");
	const char *line = strstr(bench_reply_text(reply, "INFO"), "cmdstat_evalsha:");
	const char *field = line ? strstr(line, "usec=") : NULL;
	int64_t time = field ? strtoll(field + 5, NULL, 10) : 0;
	freeReplyObject(reply);
	return time;
}

static redisReply *send_call(bench_simulated_group *group, const bench_simulated_member *member,
			     const char *command)
{
	char partitions[16];
	snprintf(partitions, sizeof(partitions), "%d", SIMULATED_PARTITIONS);
	/* clang-format off */
	const char *words[HEAD_WORDS + RELEASE_WORDS_MAX] = {
		"EVALSHA", group->sha, "6",
		PREFIX "large:members", PREFIX "large:leases", PREFIX "large:partitions",
		PREFIX "large:control", PREFIX "groups", PREFIX "info",
		"large", command, member->name, "incarnation", "600000", "100", partitions, member->generation,
		"0", "1000000", "reject", "1", "off",
	};
	/* clang-format on */
	int count = HEAD_WORDS;
	for (int i = 0; i < member->release_words; i++)
		words[count++] = member->releases[i];
	redisAppendCommandArgv(group->server->admin, count, words, NULL);
	redisReply *reply = bench_server_reply(group->server->admin, "coordinate");
	check_reply(reply);
	return reply;
}

static bench_call kind_of(const bench_simulated_member *member, const char *command, const redisReply *reply)
{
	if (strcmp(command, "join") == 0)
		return CALL_JOIN;
	if (member->release_words > 0)
		return CALL_RELEASE;
	return share_of(reply) ? CALL_SHARE : CALL_OTHER;
}

static void call(bench_simulated_group *group, bench_simulated_member *member, const char *command)
{
	int64_t before = script_time(group);
	redisReply *reply = send_call(group, member, command);
	int64_t time = script_time(group) - before;
	bench_call kind = kind_of(member, command, reply);
	group->total += time;
	if (time > group->longest)
		group->longest = time;
	group->calls[kind]++;
	group->times[kind] += time;
	take_reply(group, member, reply);
	freeReplyObject(reply);
}

void bench_simulated_group_join(bench_simulated_group *group)
{
	bench_simulated_member *member = &group->members[group->member_count];
	snprintf(member->name, sizeof(member->name), "member-%d", group->member_count++);
	strcpy(member->generation, "0");
	member->release_words = 0;
	call(group, member, "join");
}

void bench_simulated_group_leave(bench_simulated_group *group)
{
	call(group, &group->members[--group->member_count], "leave");
}

void bench_simulated_group_heartbeat(bench_simulated_group *group)
{
	for (int i = 0; i < group->member_count; i++)
		call(group, &group->members[i], "heartbeat");
}

void bench_simulated_group_settle(bench_simulated_group *group)
{
	do {
		group->changed = false;
		bench_simulated_group_heartbeat(group);
	} while (group->changed);
}

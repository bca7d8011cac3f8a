#include "experiments/simulated_group.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "measure/process.h"
#include "measure/reply.h"
#include "redis/script.h"

#define PREFIX "{__bench:load}:"

enum { HEAD_WORDS = 22 };

typedef char release_word[24];

struct bench_simulated_member {
	char name[16];
	char generation[24]; /* the newest generation that the member knows */
	/* The partitions that the member releases with its next heartbeat: pairs of partition and epoch. */
	release_word *releases;
	int release_words, release_room;
};

static void load(bench_server *server, enum seg_script script, char sha[48])
{
	redisReply *reply = bench_server_command(server, "SCRIPT LOAD %s", seg_script_sources[script].text);
	snprintf(sha, 48, "%s", bench_reply_text(reply, "SCRIPT"));
	freeReplyObject(reply);
}

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

static void *get(size_t count, size_t size)
{
	void *memory = calloc(count, size);
	if (!memory)
		err(EX_OSERR, "%zu members or partitions", count);
	return memory;
}

void bench_simulated_group_open(bench_simulated_group *group, bench_server *server,
				const bench_simulated_size *size)
{
	*group = (bench_simulated_group){
		.server = server,
		.size = *size,
		.members = get((size_t)size->members_max, sizeof(bench_simulated_member)),
		.claimed = get((size_t)size->partitions, sizeof(*group->claimed)),
	};
	load(server, SEG_SCRIPT_COORDINATE, group->sha);
	load(server, SEG_SCRIPT_OPEN_GROUP, group->open_sha);
	load(server, SEG_SCRIPT_CLAIM, group->claim_sha);
}

void bench_simulated_group_close(bench_simulated_group *group)
{
	for (int i = 0; i < group->size.members_max; i++)
		free(group->members[i].releases);
	free(group->members);
	free(group->claimed);
}

void bench_simulated_group_restart(bench_simulated_group *group)
{
	group->total = group->longest = 0;
	memset(group->calls, 0, sizeof(group->calls));
	memset(group->times, 0, sizeof(group->times));
	group->clock = script_time(group);
}

/* Notes Redis's time for what was called since the last time: `calls` of a kind. */
static void note_time(bench_simulated_group *group, bench_call kind, int calls)
{
	int64_t now = script_time(group), time = now - group->clock;
	group->clock = now;
	group->total += time;
	if (calls > 0 && time / calls > group->longest)
		group->longest = time / calls;
	group->calls[kind] += calls;
	group->times[kind] += time;
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
	if (member->release_words == member->release_room) {
		member->release_room = 2 * member->release_room + 16;
		member->releases =
			realloc(member->releases, (size_t)member->release_room * sizeof(*member->releases));
		if (!member->releases)
			err(EX_OSERR, "a share of many partitions");
	}
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

/* While the group gathers, the generation is 0, and everybody waits. */
static void take_reply(bench_simulated_group *group, bench_simulated_member *member, const redisReply *reply)
{
	const redisReply *share = share_of(reply);
	snprintf(member->generation, sizeof(member->generation), "%s",
		 bench_reply_text(reply->element[2], "coordinate"));
	member->release_words = 0;
	group->wait_ms = 0;
	if (strcmp(member->generation, "0") == 0)
		group->wait_ms = atoi(bench_reply_text(reply->element[3], "coordinate")) + 1;
	if (share) {
		group->changed = true;
		take_share(member, share);
	}
}

/* --- calls -------------------------------------------------------------------------------- */

static redisReply *send_call(bench_simulated_group *group, const bench_simulated_member *member,
			     const char *command)
{
	char partitions[16];
	snprintf(partitions, sizeof(partitions), "%d", group->size.partitions);
	/* clang-format off */
	const char *head[HEAD_WORDS] = {
		"EVALSHA", group->sha, "6",
		PREFIX "large:members", PREFIX "large:leases", PREFIX "large:partitions",
		PREFIX "large:control", PREFIX "groups", PREFIX "info",
		"large", command, member->name, "incarnation", "600000", "100", partitions, member->generation,
		"0", "1000000", "reject", "1", "off",
	};
	/* clang-format on */
	const char **words = get(HEAD_WORDS + (size_t)member->release_words, sizeof(*words));
	int count = HEAD_WORDS;
	memcpy(words, head, sizeof(head));
	for (int i = 0; i < member->release_words; i++)
		words[count++] = member->releases[i];
	redisAppendCommandArgv(group->server->admin, count, words, NULL);
	free(words);
	redisReply *reply = bench_server_reply(group->server->admin, "coordinate");
	check_reply(reply);
	return reply;
}

static bench_call kind_of(const bench_simulated_member *member, const char *command, const redisReply *reply)
{
	if (strcmp(command, "heartbeat") != 0)
		return CALL_JOIN;
	if (member->release_words > 0)
		return CALL_RELEASE;
	return share_of(reply) ? CALL_SHARE : CALL_OTHER;
}

/* The logs and states of a partition are where WORKLOAD_STREAM's are not: nobody reads them. */
static void call_claim(bench_simulated_group *group, const bench_simulated_member *member, const char *p,
		       const char *epoch)
{
	bench_server_do(group->server,
			"EVALSHA %s 3 {load_%s}:log {load_%s}:state {load_%s}:values large 0 %s %s nonce ? 1",
			group->claim_sha, p, p, p, member->name, epoch);
}

/* Claims what the share has of new epochs, and the member need not release. */
static void claim_share(bench_simulated_group *group, const bench_simulated_member *member,
			const redisReply *share)
{
	int calls = 0;
	for (size_t i = 0; i + 2 < share->elements; i += 3) {
		const char *p = bench_reply_text(share->element[i], "coordinate"),
			   *epoch = bench_reply_text(share->element[i + 1], "coordinate");
		long long *claimed = &group->claimed[atoi(p)], its_epoch = atoll(epoch);
		if (*claimed == its_epoch ||
		    strcmp(bench_reply_text(share->element[i + 2], "coordinate"), "0") != 0)
			continue;
		*claimed = its_epoch;
		call_claim(group, member, p, epoch);
		calls++;
	}
	if (calls > 0)
		note_time(group, CALL_CLAIM, calls);
}

static void call(bench_simulated_group *group, bench_simulated_member *member, const char *command)
{
	redisReply *reply = send_call(group, member, command);
	note_time(group, kind_of(member, command, reply), 1);
	take_reply(group, member, reply);
	if (group->claims && share_of(reply))
		claim_share(group, member, share_of(reply));
	freeReplyObject(reply);
}

/* --- what members do ------------------------------------------------------------------------- */

static void come(bench_simulated_group *group, const char *command)
{
	bench_simulated_member *member = &group->members[group->member_count];
	snprintf(member->name, sizeof(member->name), "member-%d", group->member_count++);
	strcpy(member->generation, "0");
	member->release_words = 0;
	call(group, member, command);
}

static void open_all(bench_simulated_group *group)
{
	for (int p = 0; p < group->size.partitions; p++)
		bench_server_do(group->server, "EVALSHA %s 2 {load_%d}:log {load_%d}:state large 0 ? 1",
				group->open_sha, p, p);
	note_time(group, CALL_OPEN, group->size.partitions);
}

void bench_simulated_group_start(bench_simulated_group *group, int members)
{
	group->claims = true;
	open_all(group);
	while (group->member_count < members)
		come(group, "arrive");
	bench_simulated_group_settle(group);
}

void bench_simulated_group_join(bench_simulated_group *group)
{
	come(group, "join");
}

void bench_simulated_group_leave(bench_simulated_group *group)
{
	call(group, &group->members[--group->member_count], "leave");
}

void bench_simulated_group_die(bench_simulated_group *group)
{
	const bench_simulated_member *member = &group->members[--group->member_count];
	bench_server_do(group->server, "ZADD " PREFIX "large:leases 1 %s", member->name);
}

void bench_simulated_group_heartbeat(bench_simulated_group *group)
{
	for (int i = 0; i < group->member_count; i++)
		call(group, &group->members[i], "heartbeat");
}

void bench_simulated_group_settle(bench_simulated_group *group)
{
	do {
		bench_pause_ms(group->wait_ms);
		group->changed = false;
		bench_simulated_group_heartbeat(group);
	} while (group->changed);
}

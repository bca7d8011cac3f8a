#include "ways/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "measure/process.h"
#include "measure/reply.h"
#include "measure/topology.h"
#include "ways/host.h"

typedef char owner_name[128]; /* "" for a partition without an owner */

static void read_owner(const bench_workload *workload, const char *group, uint32_t partition,
		       owner_name owner)
{
	char key[WORKLOAD_KEY_MAX];
	bench_workload_key(partition, key);
	redisReply *reply = bench_server_command(bench_topology_owner(workload->server, key),
						 "HGET {%s}:%s:state owner", key, group);
	snprintf(owner, sizeof(owner_name), "%s", bench_reply_text_or_nil(reply, "HGET"));
	freeReplyObject(reply);
}

static bool has_owner(const bench_workload *workload, const char *group, uint32_t partition)
{
	owner_name owner;
	read_owner(workload, group, partition, owner);
	return *owner != '\0';
}

static bool is_shared(const bench_workload *workload, const char *group, uint32_t members)
{
	owner_name owners[TALLY_PARTITIONS];
	for (uint32_t p = 0; p < workload->partitions; p++)
		read_owner(workload, group, p, owners[p]);
	for (uint32_t p = 0; p < workload->partitions; p++) {
		uint32_t share = 0;
		for (uint32_t i = 0; i < workload->partitions; i++)
			share += *owners[p] && strcmp(owners[i], owners[p]) == 0;
		if (share != workload->partitions / members)
			return false;
	}
	return true;
}

/* The value of `name` in a flat list of names and values, "" if the list has no such name. */
static const char *value_of(const redisReply *list, const char *name)
{
	bench_reply_array(list, 0, "XINFO");
	for (size_t i = 0; i + 1 < list->elements; i += 2)
		if (strcmp(bench_reply_text(list->element[i], "XINFO"), name) == 0)
			return bench_reply_text(list->element[i + 1], "XINFO");
	return "";
}

static bool has_committed(const bench_workload *workload, const char *group, uint32_t partition)
{
	char key[WORKLOAD_KEY_MAX];
	bool committed = false;
	bench_workload_key(partition, key);
	bench_server *server = bench_topology_owner(workload->server, key);
	redisReply *stream = bench_server_command(server, "XINFO STREAM %s", key);
	redisReply *groups = bench_server_command(server, "XINFO GROUPS %s", key);
	const char *last = value_of(stream, "last-generated-id");
	bench_reply_array(groups, 0, "XINFO");
	for (size_t i = 0; i < groups->elements; i++)
		committed =
			committed || (strcmp(value_of(groups->element[i], "name"), group) == 0 &&
				      strcmp(value_of(groups->element[i], "last-delivered-id"), last) == 0);
	freeReplyObject(stream);
	freeReplyObject(groups);
	return committed;
}

/* Waits until `reached` holds for each partition; `verb` completes "segrunner did not". */
static void wait_for_partitions(const bench_workload *workload, const char *group,
				bool (*reached)(const bench_workload *workload, const char *group,
						uint32_t partition),
				const char *verb)
{
	int64_t since = tally_now();
	for (uint32_t p = 0; p < workload->partitions; p++)
		while (!reached(workload, group, p)) {
			if (tally_now() - since > HOST_PATIENCE_NS)
				bench_host_give_up(workload, "segrunner did not %s partition %" PRIu32, verb,
						   p);
			bench_pause_ms(2);
		}
}

/* The first partition from `next` on without an owner, in one call: 10,000 of them would prolong what they wait for. */
static uint32_t first_without_owner(const bench_workload *workload, const char *group, uint32_t next)
{
	static const char script[] =
		"for p = ARGV[1], ARGV[2] - 1 do local log = ARGV[3] .. p "
		"if redis.call('HEXISTS', '{' .. log .. '}:' .. ARGV[4] .. ':state', 'owner') == 0 "
		"then return p end end return tonumber(ARGV[2])";
	char log[WORKLOAD_KEY_MAX];
	bench_workload_key(0, log);
	log[strlen(log) - 1] = '\0'; /* without its number 0 */
	redisReply *reply = bench_server_command(workload->server, "EVAL %s 0 %" PRIu32 " %" PRIu32 " %s %s",
						 script, next, workload->partitions, log, group);
	next = (uint32_t)reply->integer;
	freeReplyObject(reply);
	return next;
}

void bench_group_wait_all_claimed(const bench_workload *workload, const char *group)
{
	int64_t since = tally_now();
	uint32_t next = 0;
	while ((next = first_without_owner(workload, group, next)) < workload->partitions) {
		if (tally_now() - since > 2 * HOST_PATIENCE_NS)
			bench_host_give_up(workload, "segrunner did not claim partition %" PRIu32, next);
		bench_pause_ms(10);
	}
}

void bench_group_wait_claimed(const bench_workload *workload, const char *group)
{
	wait_for_partitions(workload, group, has_owner, "claim");
}

void bench_group_wait_committed(const bench_workload *workload, const char *group)
{
	wait_for_partitions(workload, group, has_committed, "commit");
}

void bench_group_wait_shared(const bench_workload *workload, const char *group, uint32_t members)
{
	int64_t since = tally_now();
	while (!is_shared(workload, group, members)) {
		if (tally_now() - since > HOST_PATIENCE_NS)
			bench_host_give_up(workload,
					   "%" PRIu32 " segrunners did not share the partitions evenly",
					   members);
		bench_pause_ms(5);
	}
}

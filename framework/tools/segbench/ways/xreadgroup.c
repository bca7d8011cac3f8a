/*
 * xreadgroup.c - consumes with XREADGROUP and XACK, as most programs do: through stock hiredis, which builds
 * a tree for each reply. One way reads batches and sends the XACK of a whole batch together with the next
 * read; the other acknowledges message by message.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "measure/reply.h"
#include "ways/way.h"

enum { ONE_BY_ONE_READ = 10 };

/* Creates a group that only this round uses. */
static void make_group(bench_workload *workload, redisContext *redis, char group[32])
{
	char key[WORKLOAD_KEY_MAX];
	snprintf(group, 32, "stock-%" PRId64, tally_now());
	for (uint32_t p = 0; p < workload->partitions; p++) {
		bench_workload_key(p, key);
		redisAppendCommand(redis, "XGROUP CREATE %s %s 0", key, group);
		freeReplyObject(bench_server_reply(redis, "XGROUP"));
	}
}

/* The ID of an entry of a reply to XREADGROUP. */
static const redisReply *id_of(const redisReply *entry)
{
	const redisReply *id = bench_reply_array(entry, 1, "XREADGROUP")->element[0];
	bench_reply_text(id, "XREADGROUP");
	return id;
}

static void append_acknowledgement(redisContext *redis, const char *key, const char *group,
				   const redisReply *entries)
{
	const char *words[WORKLOAD_BATCH + 3] = {"XACK", key, group};
	size_t lengths[WORKLOAD_BATCH + 3] = {4, strlen(key), strlen(group)};
	for (size_t i = 0; i < entries->elements; i++) {
		const redisReply *id = id_of(entries->element[i]);
		words[i + 3] = id->str;
		lengths[i + 3] = id->len;
	}
	redisAppendCommandArgv(redis, (int)entries->elements + 3, words, lengths);
}

static void append_read(redisContext *redis, const char *key, const char *group, uint64_t count)
{
	redisAppendCommand(redis, "XREADGROUP GROUP %s reader COUNT %" PRIu64 " STREAMS %s >", group, count,
			   key);
}

/* The entries in the reply to XREADGROUP of one stream, of which the command asked for at most `count`. */
static const redisReply *entries_of(const redisReply *reply, uint64_t count)
{
	if (reply->type == REDIS_REPLY_NIL)
		errx(EX_SOFTWARE, "XREADGROUP found fewer messages than segbench added");
	const redisReply *stream = bench_reply_array(reply, 1, "XREADGROUP")->element[0];
	const redisReply *entries = bench_reply_array(stream, 2, "XREADGROUP")->element[1];
	bench_reply_array(entries, 1, "XREADGROUP");
	if (entries->elements > count)
		errx(EX_PROTOCOL, "redis-server: XREADGROUP COUNT %" PRIu64 " returned %zu entries", count,
		     entries->elements);
	return entries;
}

/* Reads and handles a batch; the reply to its XACK is still to come. */
static void read_batch(bench_workload *workload, redisContext *redis, uint32_t partition, const char *group,
		       uint64_t count, bool acknowledging)
{
	char key[WORKLOAD_KEY_MAX];
	bench_workload_key(partition, key);
	append_read(redis, key, group, count);
	if (acknowledging)
		freeReplyObject(bench_server_reply(redis, "XACK"));
	redisReply *reply = bench_server_reply(redis, "XREADGROUP");
	const redisReply *entries = entries_of(reply, count);
	tally_arrived(workload->tally, partition, entries->elements);
	append_acknowledgement(redis, key, group, entries);
	freeReplyObject(reply);
}

static int read_batches(void *arg)
{
	bench_workload *workload = arg;
	char group[32];
	redisContext *redis = bench_server_connect(workload->server);
	bool acknowledging = false;
	make_group(workload, redis, group);
	uint32_t most = bench_workload_batch(workload);
	for (uint64_t left = workload->round / workload->partitions, step; left > 0; left -= step) {
		step = left < most ? left : most;
		for (uint32_t p = 0; p < workload->partitions; p++) {
			read_batch(workload, redis, p, group, step, acknowledging);
			acknowledging = true;
		}
	}
	freeReplyObject(bench_server_reply(redis, "XACK"));
	redisFree(redis);
	return 0;
}

/* Handles and acknowledges each message before the next one. */
static void read_few(bench_workload *workload, redisContext *redis, uint32_t partition, const char *group,
		     uint64_t count)
{
	char key[WORKLOAD_KEY_MAX];
	bench_workload_key(partition, key);
	append_read(redis, key, group, count);
	redisReply *reply = bench_server_reply(redis, "XREADGROUP");
	const redisReply *entries = entries_of(reply, count);
	for (size_t i = 0; i < entries->elements; i++) {
		tally_arrived(workload->tally, partition, 1);
		redisAppendCommand(redis, "XACK %s %s %s", key, group, id_of(entries->element[i])->str);
		freeReplyObject(bench_server_reply(redis, "XACK"));
	}
	freeReplyObject(reply);
}

static int read_one_by_one(void *arg)
{
	bench_workload *workload = arg;
	char group[32];
	redisContext *redis = bench_server_connect(workload->server);
	make_group(workload, redis, group);
	for (uint64_t left = workload->round / workload->partitions, step; left > 0; left -= step) {
		step = left < ONE_BY_ONE_READ ? left : ONE_BY_ONE_READ;
		for (uint32_t p = 0; p < workload->partitions; p++)
			read_few(workload, redis, p, group, step);
	}
	redisFree(redis);
	return 0;
}

static void run_batches(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(read_batches, workload, measure, "the XREADGROUP loop");
}

static void run_one_by_one(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(read_one_by_one, workload, measure, "the XREADGROUP loop");
}

const bench_way bench_way_xreadgroup = {
	.name = "xreadgroup",
	.help = "XREADGROUP and XACK of whole batches, stock hiredis",
	.part = 2,
	.run = run_batches,
};

const bench_way bench_way_xreadgroup_one = {
	.name = "xreadgroup-one",
	.help = "XREADGROUP of ten messages and an XACK for each, stock hiredis",
	.part = 50,
	.run = run_one_by_one,
};

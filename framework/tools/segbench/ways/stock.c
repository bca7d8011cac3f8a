/*
 * stock.c - the field's usual ways, with stock hiredis, whose replies are trees. Consuming: XREADGROUP and
 * XACK, in batches, the XACK of a whole batch on its way together with the next read; and message by message.
 * Producing: XADD pipelined.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ways/way.h"

enum { ONE_BY_ONE_READ = 10 };

static redisReply *reply_of(redisContext *redis)
{
	void *reply;
	if (redisGetReply(redis, &reply) != REDIS_OK)
		errx(EX_UNAVAILABLE, "redis-server: %s", redis->errstr);
	if (((redisReply *)reply)->type == REDIS_REPLY_ERROR)
		errx(EX_SOFTWARE, "redis-server: %s", ((redisReply *)reply)->str);
	return reply;
}

/* A group of its own for each round. */
static void make_group(bench_workload *workload, redisContext *redis, char group[32])
{
	char key[WORKLOAD_KEY_MAX];
	snprintf(group, 32, "stock-%" PRId64, tally_now());
	for (uint32_t p = 0; p < workload->partitions; p++) {
		bench_workload_key(p, key);
		redisAppendCommand(redis, "XGROUP CREATE %s %s 0", key, group);
		freeReplyObject(reply_of(redis));
	}
}

static void append_acknowledgement(redisContext *redis, const char *key, const char *group,
				   const redisReply *entries)
{
	const char *words[WORKLOAD_BATCH + 3] = {"XACK", key, group};
	size_t lengths[WORKLOAD_BATCH + 3] = {4, strlen(key), strlen(group)};
	for (size_t i = 0; i < entries->elements; i++) {
		words[i + 3] = entries->element[i]->element[0]->str;
		lengths[i + 3] = entries->element[i]->element[0]->len;
	}
	redisAppendCommandArgv(redis, (int)entries->elements + 3, words, lengths);
}

static void append_read(redisContext *redis, const char *key, const char *group, uint64_t count)
{
	redisAppendCommand(redis, "XREADGROUP GROUP %s reader COUNT %" PRIu64 " STREAMS %s >", group, count,
			   key);
}

/* What XREADGROUP of one stream brought. */
static const redisReply *entries_of(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY)
		errx(EX_SOFTWARE, "XREADGROUP found fewer messages than there are");
	return reply->element[0]->element[1];
}

static int read_batches(void *arg)
{
	bench_workload *workload = arg;
	char group[32], key[WORKLOAD_KEY_MAX];
	redisContext *redis = bench_server_connect(workload->server);
	bool acknowledging = false;
	make_group(workload, redis, group);
	uint32_t most = bench_workload_batch(workload);
	for (uint64_t left = workload->round / workload->partitions, step; left > 0; left -= step) {
		step = left < most ? left : most;
		for (uint32_t p = 0; p < workload->partitions; p++) {
			bench_workload_key(p, key);
			append_read(redis, key, group, step);
			if (acknowledging)
				freeReplyObject(reply_of(redis));
			redisReply *reply = reply_of(redis);
			tally_arrived(workload->tally, p, entries_of(reply)->elements);
			append_acknowledgement(redis, key, group, entries_of(reply));
			acknowledging = true;
			freeReplyObject(reply);
		}
	}
	freeReplyObject(reply_of(redis));
	redisFree(redis);
	return 0;
}

/* Handles each message and acknowledges it before the next. */
static void read_few(bench_workload *workload, redisContext *redis, uint32_t partition, const char *group,
		     uint64_t count)
{
	char key[WORKLOAD_KEY_MAX];
	bench_workload_key(partition, key);
	append_read(redis, key, group, count);
	redisReply *reply = reply_of(redis);
	const redisReply *entries = entries_of(reply);
	for (size_t i = 0; i < entries->elements; i++) {
		tally_arrived(workload->tally, partition, 1);
		redisAppendCommand(redis, "XACK %s %s %s", key, group, entries->element[i]->element[0]->str);
		freeReplyObject(reply_of(redis));
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

/* --- producing --------------------------------------------------------------------------------- */

enum { PIPELINED = 256 };

static int add_all(void *arg)
{
	bench_workload *workload = arg;
	char logs[TALLY_PARTITIONS][WORKLOAD_KEY_MAX], keys[TALLY_PARTITIONS][WORKLOAD_KEY_MAX];
	char *data = bench_workload_data(workload);
	redisContext *redis = bench_server_connect(workload->server);
	for (uint32_t p = 0; p < workload->partitions; p++) {
		bench_workload_key(p, logs[p]);
		bench_workload_partition_key(workload, p, keys[p]);
	}
	int64_t first_at = tally_begin(workload->tally);
	for (uint64_t done = 0, step; done < workload->round; done += step) {
		step = workload->round - done < PIPELINED ? workload->round - done : PIPELINED;
		for (uint64_t i = done; i < done + step; i++) {
			uint32_t p = (uint32_t)(i % workload->partitions);
			redisAppendCommand(redis, "XADD %s * partitionKey %s data %b", logs[p], keys[p], data,
					   (size_t)workload->size);
		}
		for (uint64_t i = 0; i < step; i++)
			freeReplyObject(reply_of(redis));
	}
	int64_t last_at = tally_now();
	for (uint32_t p = 0; p < workload->partitions; p++)
		tally_sent(workload->tally, p, workload->round / workload->partitions, first_at, last_at);
	redisFree(redis);
	free(data);
	return 0;
}

static void run_xadd(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(add_all, workload, measure, "the XADD loop of stock hiredis");
}

const bench_way bench_way_xadd_stock = {
	.name = "xadd-hiredis",
	.help = "XADD pipelined by 256, stock hiredis",
	.sends = true,
	.run = run_xadd,
};

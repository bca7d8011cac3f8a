#include "chaos/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { CATCH_UP_MS = 5000, LOOK_MS = 5 };

static void pause_ms(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
}

static void tell(const test_server *server, const char *command)
{
	redisContext *context = chaos_servers_connect(server);
	redisReply *reply = context ? redisCommand(context, command) : NULL;
	if (!reply || reply->type == REDIS_REPLY_ERROR)
		fprintf(stderr, "chaos: %s: %s\n", command, reply ? reply->str : "no answer");
	if (reply)
		freeReplyObject(reply);
	if (context)
		redisFree(context);
}

void chaos_pair_follow(const test_server *replica, const test_server *primary)
{
	char command[64];
	snprintf(command, sizeof(command), "REPLICAOF 127.0.0.1 %d", primary->port);
	tell(replica, command);
}

/* --- faults of the servers ---------------------------------------------------------------- */

void chaos_pair_crash(chaos_servers *s, int down_ms)
{
	chaos_servers_disconnect(s);
	test_server_kill(s->primary);
	pause_ms(down_ms);
	test_server_restart(s->primary);
}

static long long number_in(const char *info, const char *field)
{
	const char *at = info ? strstr(info, field) : NULL;
	return at ? atoll(at + strlen(field)) : -1;
}

static long long offset_of(const test_server *server, const char *field, bool *linked)
{
	redisContext *context = chaos_servers_connect(server);
	redisReply *reply = context ? redisCommand(context, "INFO replication") : NULL;
	const char *text = reply && reply->type == REDIS_REPLY_STRING ? reply->str : NULL;
	long long offset = number_in(text, field);
	if (linked)
		*linked = text && strstr(text, "master_link_status:up");
	if (reply)
		freeReplyObject(reply);
	if (context)
		redisFree(context);
	return offset;
}

static bool caught_up(const chaos_servers *s)
{
	bool linked = false;
	long long behind = offset_of(s->replica, "slave_repl_offset:", &linked);
	return linked && behind >= 0 && behind == offset_of(s->primary, "master_repl_offset:", NULL);
}

/* From now on the former replica is the primary. */
static void change_over(chaos_servers *s, const chaos_rollback *rollbacks, size_t count)
{
	test_server *old = s->primary;
	s->primary = s->replica;
	s->replica = old;
	chaos_servers_disconnect(s);
	chaos_audit_point(s->audit, s->primary->socket, rollbacks, count);
	chaos_proxy_point(s->proxy, s->primary->socket);
	chaos_pair_follow(old, s->primary);
	chaos_proxy_cut(s->proxy, CHAOS_ALL_LINKS);
	tell(old, "CLIENT UNPAUSE");
}

bool chaos_pair_fail_over(chaos_servers *s)
{
	/*
	 * PINGs to replicas move offsets on. With writes paused, offsets that are equal once mean that the
	 * replica has everything.
	 */
	tell(s->primary, "CLIENT PAUSE 10000 WRITE");
	bool good = false;
	for (int64_t deadline = seg_now() + CATCH_UP_MS * SEG_MS; !good && seg_now() < deadline;
	     pause_ms(LOOK_MS))
		good = caught_up(s);
	if (!good) {
		tell(s->primary, "CLIENT UNPAUSE");
		return false;
	}
	tell(s->replica, "REPLICAOF NO ONE");
	change_over(s, NULL, 0);
	return true;
}

/* --- a failover that loses entries -------------------------------------------------- */

bool chaos_pair_part(chaos_servers *s)
{
	bool linked = false;
	for (int64_t deadline = seg_now() + CATCH_UP_MS * SEG_MS; !linked && seg_now() < deadline;
	     pause_ms(LOOK_MS))
		offset_of(s->replica, "slave_repl_offset:", &linked);
	if (linked)
		tell(s->replica, "REPLICAOF NO ONE");
	return linked;
}

static redisReply *ask(redisContext *context, const char *format, uint32_t partition)
	__attribute__((format(printf, 2, 0)));

static redisReply *ask(redisContext *context, const char *format, uint32_t partition)
{
	redisReply *reply = redisCommand(context, format, partition);
	if (!reply || reply->type != REDIS_REPLY_ARRAY) {
		fprintf(stderr, "chaos: %s: %s\n", format, reply && reply->str ? reply->str : "no answer");
		exit(1);
	}
	return reply;
}

/* The newest id that the partition's log ever had. */
static seg_id end_of_log(redisContext *context, uint32_t partition)
{
	seg_id id = {0, 0};
	redisReply *reply = ask(context, "XINFO STREAM __default:chaos:partition_%u", partition);
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (strcmp(reply->element[i]->str, "last-generated-id") == 0)
			seg_id_parse(reply->element[i + 1]->str, &id);
	freeReplyObject(reply);
	return id;
}

static const char *text_at(const redisReply *reply, size_t i)
{
	return reply->element[i]->str ? reply->element[i]->str : "";
}

static chaos_rollback compare(redisContext *old, redisContext *new, uint32_t partition)
{
	chaos_rollback r = {.partition = partition,
			    .time = seg_now(),
			    .kept = end_of_log(new, partition),
			    .lost = end_of_log(old, partition)};
	redisReply *state =
		ask(new, "HMGET {__default:chaos:partition_%u}:workers:state position epoch clean",
		    partition);
	seg_id_parse(text_at(state, 0), &r.position);
	r.epoch = strtoull(text_at(state, 1), NULL, 10);
	r.released = strcmp(text_at(state, 2), "1") == 0;
	freeReplyObject(state);
	r.until = r.time;
	return r;
}

void chaos_pair_promote(chaos_servers *s, chaos_rollback *rollbacks, uint32_t partitions)
{
	tell(s->primary, "CLIENT PAUSE 10000 WRITE");
	redisContext *old = chaos_servers_connect(s->primary), *new = chaos_servers_connect(s->replica);
	if (!old || !new) {
		fputs("chaos: a server does not answer\n", stderr);
		exit(1);
	}
	for (uint32_t p = 0; p < partitions; p++)
		rollbacks[p] = compare(old, new, p);
	redisFree(old);
	redisFree(new);
	change_over(s, rollbacks, partitions);
}

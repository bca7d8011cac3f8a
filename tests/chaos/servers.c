#include "chaos/servers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static const char replicated[] = "--repl-diskless-sync-delay 0 --repl-ping-replica-period 1";
static const char durable[] = "--repl-diskless-sync-delay 0 --repl-ping-replica-period 1 "
			      "--appendonly yes --appendfsync always";

enum { ANSWER_S = 5, WAIT_MS = 20000, CATCH_UP_MS = 5000, LOOK_MS = 5 };

static void pause_ms(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
}

/* --- commands ------------------------------------------------------------------------- */

static redisContext *connect_to(const test_server *server)
{
	redisContext *context = redisConnectUnixWithTimeout(server->socket, (struct timeval){.tv_sec = 1});
	if (context && context->err) {
		redisFree(context);
		return NULL;
	}
	if (context)
		redisSetTimeout(context, (struct timeval){.tv_sec = ANSWER_S});
	return context;
}

static void disconnect(chaos_servers *s)
{
	if (s->control)
		redisFree(s->control);
	s->control = NULL;
}

redisReply *chaos_servers_command(chaos_servers *s, const char *format, ...)
{
	if (!s->control)
		s->control = connect_to(s->primary);
	if (!s->control)
		return NULL;
	va_list args;
	va_start(args, format);
	redisReply *reply = redisvCommand(s->control, format, args);
	va_end(args);
	if (!reply)
		disconnect(s);
	return reply;
}

static void tell(const test_server *server, const char *command)
{
	redisContext *context = connect_to(server);
	redisReply *reply = context ? redisCommand(context, command) : NULL;
	if (!reply || reply->type == REDIS_REPLY_ERROR)
		fprintf(stderr, "chaos: %s: %s\n", command, reply ? reply->str : "no answer");
	if (reply)
		freeReplyObject(reply);
	if (context)
		redisFree(context);
}

static void follow(const test_server *replica, const test_server *primary)
{
	char command[64];
	snprintf(command, sizeof(command), "REPLICAOF 127.0.0.1 %d", primary->port);
	tell(replica, command);
}

bool chaos_servers_wait(chaos_servers *s)
{
	for (int64_t deadline = seg_now() + WAIT_MS * SEG_MS; seg_now() < deadline; pause_ms(LOOK_MS)) {
		redisReply *reply = chaos_servers_command(s, "PING");
		bool good = reply && reply->type == REDIS_REPLY_STATUS && chaos_audit_listens(s->audit);
		if (reply)
			freeReplyObject(reply);
		if (good)
			return true;
	}
	return false;
}

/* --- faults of the servers ---------------------------------------------------------------- */

void chaos_servers_crash(chaos_servers *s, int down_ms)
{
	disconnect(s);
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
	redisContext *context = connect_to(server);
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
	disconnect(s);
	chaos_audit_point(s->audit, s->primary->socket, rollbacks, count);
	chaos_proxy_point(s->proxy, s->primary->socket);
	follow(old, s->primary);
	chaos_proxy_cut(s->proxy, CHAOS_ALL_LINKS);
	tell(old, "CLIENT UNPAUSE");
}

bool chaos_servers_fail_over(chaos_servers *s)
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

bool chaos_servers_part(chaos_servers *s)
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
	return r;
}

void chaos_servers_promote(chaos_servers *s, chaos_rollback *rollbacks, uint32_t partitions)
{
	tell(s->primary, "CLIENT PAUSE 10000 WRITE");
	redisContext *old = connect_to(s->primary), *new = connect_to(s->replica);
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

void chaos_servers_kill_clients(chaos_servers *s)
{
	long long spared = chaos_audit_client_id(s->audit);
	redisReply *list = chaos_servers_command(s, "CLIENT LIST TYPE normal");
	if (!list || list->type != REDIS_REPLY_STRING)
		return;
	for (char *line = strtok(list->str, "\n"); line; line = strtok(NULL, "\n")) {
		long long id = number_in(line, "id=");
		if (id == spared || strstr(line, "cmd=client"))
			continue;
		redisReply *reply = chaos_servers_command(s, "CLIENT KILL ID %lld", id);
		if (reply)
			freeReplyObject(reply);
	}
	freeReplyObject(list);
}

/* --- starting and stopping ---------------------------------------------------------------- */

void chaos_servers_start(chaos_servers *s, bool crashes)
{
	const char *arguments = crashes ? durable : replicated;
	*s = (chaos_servers){0};
	s->primary = test_server_start_tcp(arguments);
	s->replica = test_server_start_tcp(arguments);
	follow(s->replica, s->primary);
	s->proxy = chaos_proxy_start(s->primary->socket);
	s->audit = chaos_audit_start(s->primary->socket);
	if (!s->proxy || !s->audit || !chaos_servers_wait(s)) {
		fputs("chaos: the servers did not start\n", stderr);
		exit(1);
	}
}

void chaos_servers_stop(chaos_servers *s, chaos_history *history)
{
	chaos_audit_stop(s->audit, history);
	chaos_proxy_stop(s->proxy);
	disconnect(s);
	test_server_stop(s->primary);
	test_server_stop(s->replica);
}

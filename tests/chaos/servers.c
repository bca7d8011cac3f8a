#include "chaos/servers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "chaos/topologies.h"

enum { ANSWER_S = 5, WAIT_MS = 20000, LOOK_MS = 5, REDIRECTIONS = 5 };

static void pause_ms(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
}

/* --- commands ------------------------------------------------------------------------- */

redisContext *chaos_servers_connect(const test_server *server)
{
	redisContext *context = redisConnectUnixWithTimeout(server->socket, (struct timeval){.tv_sec = 1});
	if (context && context->err) {
		redisFree(context);
		return NULL;
	}
	if (context)
		redisSetTimeout(context, (struct timeval){.tv_sec = ANSWER_S});
	/* Whatever becomes of the clients' password, this user needs none. */
	redisReply *reply =
		context && server->password[0] ? redisCommand(context, "AUTH control none") : NULL;
	if (reply)
		freeReplyObject(reply);
	return context;
}

void chaos_servers_disconnect(chaos_servers *s)
{
	if (s->control)
		redisFree(s->control);
	s->control = NULL;
}

void chaos_servers_turn_to(chaos_servers *s, test_server *primary)
{
	chaos_servers_disconnect(s);
	s->primary = primary;
}

/* The node that "MOVED 1234 127.0.0.1:7001" names, or NULL. */
static test_server *redirected(const chaos_servers *s, const redisReply *reply)
{
	int port;
	if (!s->cluster || !reply || reply->type != REDIS_REPLY_ERROR ||
	    sscanf(reply->str, "MOVED %*d %*[^:]:%d", &port) != 1)
		return NULL;
	for (int i = 0; i < s->cluster->count; i++)
		if (test_cluster_lives(s->cluster, i) && s->cluster->nodes[i]->port == port)
			return s->cluster->nodes[i];
	return NULL;
}

static redisReply *command(chaos_servers *s, const char *format, va_list args)
{
	if (!s->control)
		s->control = chaos_servers_connect(s->primary);
	if (!s->control)
		return NULL;
	redisReply *reply = redisvCommand(s->control, format, args);
	if (!reply)
		chaos_servers_disconnect(s);
	return reply;
}

redisReply *chaos_servers_command(chaos_servers *s, const char *format, ...)
{
	redisReply *reply = NULL;
	test_server *other = s->cluster && s->primary->pid <= 0 ? chaos_cluster_any(s->cluster) : NULL;
	for (int i = 0; i < REDIRECTIONS && (i == 0 || other); i++) {
		if (other)
			chaos_servers_turn_to(s, other);
		if (reply)
			freeReplyObject(reply);
		va_list args;
		va_start(args, format);
		reply = command(s, format, args);
		va_end(args);
		other = redirected(s, reply);
	}
	return reply;
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

/* --- clients ----------------------------------------------------------------------------- */

static long long number_in(const char *info, const char *field)
{
	const char *at = info ? strstr(info, field) : NULL;
	return at ? atoll(at + strlen(field)) : -1;
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

/* The clients that came by TCP, so none of the run's own; S and M are the links of replication. */
static int count_clients(const test_server *server, bool kill)
{
	int count = 0;
	redisContext *context = chaos_servers_connect(server);
	redisReply *list = context ? redisCommand(context, "CLIENT LIST") : NULL;
	char *rest = list && list->type == REDIS_REPLY_STRING ? list->str : NULL;
	for (char *line; rest && (line = strsep(&rest, "\n"));) {
		if (!strstr(line, " addr=127.0.0.1") || strstr(line, " flags=S") ||
		    strstr(line, " flags=M") || strstr(line, " cmd=auth ") || strstr(line, " cmd=NULL "))
			continue;
		count++;
		redisReply *reply =
			kill ? redisCommand(context, "CLIENT KILL ID %lld", number_in(line, "id=")) : NULL;
		if (reply)
			freeReplyObject(reply);
	}
	if (list)
		freeReplyObject(list);
	if (context)
		redisFree(context);
	return count;
}

int chaos_servers_kill_clients_of(const test_server *server)
{
	return count_clients(server, true);
}

int chaos_servers_clients_of(const test_server *server)
{
	return count_clients(server, false);
}

/* --- starting and stopping ---------------------------------------------------------------- */

void chaos_servers_start(chaos_servers *s)
{
	static void (*const starters[])(chaos_servers *) = {
		[CHAOS_SINGLE] = chaos_single_start,
		[CHAOS_CLUSTER] = chaos_cluster_start,
		[CHAOS_SENTINEL] = chaos_sentinel_start,
		[CHAOS_TLS] = chaos_tls_start,
	};
	starters[s->topology](s);
	if (!s->audit || !chaos_servers_wait(s)) {
		fputs("chaos: the servers did not start\n", stderr);
		exit(1);
	}
}

void chaos_servers_stop(chaos_servers *s, chaos_history *history)
{
	chaos_audit_stop(s->audit, history);
	chaos_proxy_stop(s->proxy);
	chaos_servers_disconnect(s);
	if (s->cluster)
		test_cluster_stop(s->cluster);
	else if (s->sentinel)
		test_sentinel_stop(s->sentinel);
	else
		test_server_stop(s->primary);
	test_server_stop(s->replica);
	test_certificates_remove(s->certificates);
	if (s->shim)
		test_directory_remove(s->shim_directory);
}

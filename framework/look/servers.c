#include "look/servers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "redis/values.h"

enum { START_KNOWN_TO = 2 /* seconds */ };

struct look;

typedef struct {
	struct look *look;
	seg_server_look *server;
	int64_t sent_at;
} question;

typedef struct look {
	seg_exchange exchange; /* first: issue gets its address */
	seg_servers *servers;
	question questions[SEG_SERVERS_MAX];
} look;

/* --- what INFO says -------------------------------------------------------------------- */

static int64_t is(const seg_values *info, const char *name, const char *bad)
{
	char value[SEG_VALUE_MAX];
	seg_values_get(info, name, value);
	return *value ? strcmp(value, bad) == 0 : -1;
}

/* slave<n>:ip=...,port=...,state=online,offset=...,lag=... */
static int64_t farthest_behind(const seg_values *info)
{
	char name[32], value[SEG_VALUE_MAX];
	int64_t end = seg_values_number(info, "master_repl_offset", -1), most = -1;
	for (int i = 0; i < 16 && end >= 0; i++) {
		snprintf(name, sizeof(name), "slave%d", i);
		const char *offset = strstr(seg_values_get(info, name, value), "offset=");
		int64_t behind = offset ? end - strtoll(offset + strlen("offset="), NULL, 10) : -1;
		most = behind > most ? behind : most;
	}
	return most;
}

/*
 * Redis says that its last snapshot was when it started, if it has taken none since. Before version 7 it does not count
 * snapshots, and its start is known to the second.
 */
static int64_t last_save(const seg_values *info)
{
	int64_t saved_at = seg_values_number(info, "rdb_last_save_time", -1);
	int64_t saves = seg_values_number(info, "rdb_saves", -1);
	int64_t now = seg_values_number(info, "server_time_usec", -1) / 1000000;
	int64_t uptime = seg_values_number(info, "uptime_in_seconds", -1);
	if (saved_at < 0 || saves > 0)
		return saved_at;
	if (saves == 0)
		return 0;
	return now > 0 && uptime >= 0 && saved_at <= now - uptime + START_KNOWN_TO ? 0 : saved_at;
}

static void copy(const seg_values *info, const char *name, char *text, size_t size)
{
	char value[SEG_VALUE_MAX];
	snprintf(text, size, "%.*s", (int)size - 1, seg_values_get(info, name, value));
}

static void read_info(seg_server_look *s, const seg_values *info)
{
	static const struct {
		const char *name;
		size_t offset;
	} numbers[] = {
		{"uptime_in_seconds", offsetof(seg_server_look, uptime)},
		{"used_memory", offsetof(seg_server_look, used_memory)},
		{"maxmemory", offsetof(seg_server_look, max_memory)},
		{"connected_clients", offsetof(seg_server_look, clients)},
		{"maxclients", offsetof(seg_server_look, max_clients)},
		{"evicted_keys", offsetof(seg_server_look, evicted)},
		{"connected_slaves", offsetof(seg_server_look, replicas)},
		{"aof_enabled", offsetof(seg_server_look, appends)},
		{"aof_delayed_fsync", offsetof(seg_server_look, append_fsync)},
		{"rdb_changes_since_last_save", offsetof(seg_server_look, unsaved)},
		{"loading", offsetof(seg_server_look, loading)},
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*(int64_t *)(void *)((char *)s + numbers[i].offset) =
			seg_values_number(info, numbers[i].name, -1);
	copy(info, "redis_version", s->version, sizeof(s->version));
	copy(info, "role", s->role, sizeof(s->role));
	s->append_fails = is(info, "aof_last_write_status", "err");
	s->save_fails = is(info, "rdb_last_bgsave_status", "err");
	s->saved_at = last_save(info);
	s->replicas_behind = farthest_behind(info);
}

/* --- asking ------------------------------------------------------------------------------ */

static void got_info(void *arg, const seg_reply *reply)
{
	question *q = arg;
	seg_values info = {0};
	seg_exchange_counted(&q->look->exchange);
	if (!reply)
		return;
	seg_values_read(&info, reply);
	snprintf(q->server->refusal, sizeof(q->server->refusal), "%s", info.refusal);
	if (info.text)
		read_info(q->server, &info);
	seg_values_free(&info);
}

/* CONFIG GET save */
static void got_save(void *arg, const seg_reply *reply)
{
	question *q = arg;
	seg_values config = {0};
	char value[SEG_VALUE_MAX];
	seg_exchange_counted(&q->look->exchange);
	seg_values_read(&config, reply);
	if (config.text && strncmp(config.text, "save:", 5) == 0)
		q->server->plans_snapshots = *seg_values_get(&config, "save", value) != '\0';
	seg_values_free(&config);
}

/* Whatever it answers. */
static void got_time(void *arg, const seg_reply *reply)
{
	question *q = arg;
	seg_exchange_counted(&q->look->exchange);
	if (!reply)
		return;
	q->server->answers = true;
	q->server->round_trip = (double)(seg_now() - q->sent_at) / SEG_SECOND;
}

static seg_server_look *add(seg_servers *servers, const char *node)
{
	seg_server_look *s = &servers->list[servers->count++];
	*s = (seg_server_look){.round_trip = -1};
	s->uptime = s->used_memory = s->max_memory = s->clients = s->max_clients = s->evicted = s->replicas =
		s->replicas_behind = s->appends = s->append_fails = s->append_fsync = s->plans_snapshots =
			s->saved_at = s->save_fails = s->unsaved = s->loading = -1;
	snprintf(s->node, sizeof(s->node), "%s", node);
	return s;
}

/* A node that does not answer is given up before the deadline. */
static void ask(look *l, seg_connection *connection, seg_server_look *server)
{
	question *q = &l->questions[server - l->servers->list];
	*q = (question){l, server, seg_now()};
	if (!connection || !seg_connection_words(connection, got_time, q, "TIME", (char *)NULL))
		return;
	l->exchange.waiting++;
	l->exchange.waiting += seg_connection_words(connection, got_info, q, "INFO", (char *)NULL);
	l->exchange.waiting +=
		seg_connection_words(connection, got_save, q, "CONFIG", "GET", "save", (char *)NULL);
}

static bool issue(seg_exchange *exchange, seg_route *route)
{
	look *l = (look *)exchange;
	l->servers->cluster = seg_route_is_cluster(route);
	l->servers->count = 0;
	if (!l->servers->cluster) {
		ask(l, seg_route_connection(route, NULL), add(l->servers, ""));
		return true;
	}
	for (seg_node node = seg_route_next(route, 0); node && l->servers->count < SEG_SERVERS_MAX;
	     node = seg_route_next(route, node))
		ask(l, seg_route_node_connection(route, node), add(l->servers, seg_route_where(route, node)));
	return true;
}

int seg_servers_look(seg_client *client, int64_t deadline, seg_servers *servers, seg_error *error)
{
	look l = {.exchange = {.issue = issue, .deadline = deadline, .partial = true}, .servers = servers};
	*servers = (seg_servers){.list = calloc(SEG_SERVERS_MAX, sizeof(seg_server_look))};
	if (!servers->list)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a look at Redis");
	return seg_exchange_run(&l.exchange, client, error);
}

void seg_servers_free(seg_servers *servers)
{
	free(servers->list);
	*servers = (seg_servers){0};
}

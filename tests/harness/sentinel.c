#include "harness/sentinel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REPLICAS = 1, SENTINELS = 3, DOWN_AFTER_MS = 1000, PATIENCE_MS = 30000, ARGUMENTS_MAX = 1536 };

/* A Sentinel that has voted, or was not elected, begins no failover for twice this long. */
enum { FAILOVER_MS = 5000 };

/* --- the start ---------------------------------------------------------------------------------------- */

static void add_certificates(const test_sentinel *s, char arguments[ARGUMENTS_MAX])
{
	size_t n = strlen(arguments);
	if (s->options.certificates)
		snprintf(arguments + n, ARGUMENTS_MAX - n, " --tls-replication yes %s",
			 test_certificates_arguments(s->options.certificates, "server",
						     s->options.client_certificates));
}

static void launch_server(test_sentinel *s)
{
	char arguments[ARGUMENTS_MAX] = "--repl-diskless-sync-delay 0 ";
	strncat(arguments, s->options.arguments ? s->options.arguments : "", 512);
	add_certificates(s, arguments);
	s->servers[s->server_count++] = test_server_launch(&(test_server_options){
		.arguments = arguments,
		.tcp = true,
		.tls = s->options.certificates != NULL,
		.password = s->options.password,
	});
}

static void launch_sentinel(test_sentinel *s)
{
	char lines[1024], arguments[ARGUMENTS_MAX] = "";
	const test_sentinel_options *options = &s->options;
	int n = snprintf(lines, sizeof(lines),
			 "sentinel monitor " TEST_SENTINEL_NAME " 127.0.0.1 %d %d\n"
			 "sentinel down-after-milliseconds " TEST_SENTINEL_NAME " %d\n"
			 "sentinel failover-timeout " TEST_SENTINEL_NAME " %d\n",
			 s->servers[0]->port, options->sentinels / 2 + 1, options->down_after_ms,
			 FAILOVER_MS);
	if (options->password)
		n += snprintf(lines + n, sizeof(lines) - (size_t)n,
			      "sentinel auth-pass " TEST_SENTINEL_NAME " %s\n", options->password);
	if (options->sentinel_password)
		snprintf(lines + n, sizeof(lines) - (size_t)n, "sentinel sentinel-pass %s\n",
			 options->sentinel_password);
	add_certificates(s, arguments);
	s->sentinels[s->sentinel_count++] = test_server_launch(&(test_server_options){
		.arguments = arguments,
		.tcp = true,
		.tls = options->certificates != NULL,
		.password = options->sentinel_password,
		.sentinel = lines,
	});
}

static bool follows_the_master(void *server)
{
	return test_server_seems(server, "INFO replication", "master_link_status:up");
}

static void start_servers(test_sentinel *s)
{
	for (int i = 0; i < 1 + s->options.replicas; i++)
		launch_server(s);
	for (int i = 0; i < s->server_count; i++)
		test_server_wait(s->servers[i]);
	for (int i = 1; i < s->server_count; i++)
		test_server_follow(s->servers[i], s->servers[0]);
	for (int i = 1; i < s->server_count; i++)
		test_wait_until(follows_the_master, s->servers[i], PATIENCE_MS, "the replica is in step");
}

/*
 * Sentinels introduce themselves every 2 s, and look at the servers every 10 s; tests need not wait. But four such periods
 * are what another Sentinel gives a new master before it makes that a replica again.
 */
static void hurry(const test_server *sentinel)
{
	test_server_tell(sentinel, "SENTINEL DEBUG PUBLISH-PERIOD 500 INFO-PERIOD 500 ASK-PERIOD 100");
}

static void start_sentinels(test_sentinel *s)
{
	for (int i = 0; i < s->options.sentinels; i++)
		launch_sentinel(s);
	for (int i = 0; i < s->sentinel_count; i++) {
		test_server_wait(s->sentinels[i]);
		hurry(s->sentinels[i]);
	}
}

void test_sentinel_restart(test_sentinel *s, int number)
{
	test_server_restart(s->sentinels[number]);
	hurry(s->sentinels[number]);
}

/* --- what the Sentinels know -------------------------------------------------------------------------- */

/* NULL: it has no such field. */
static const char *text_of(const redisReply *fields, const char *name)
{
	for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2)
		if (strcmp(fields->element[i]->str, name) == 0)
			return fields->element[i + 1]->str;
	return NULL;
}

static int number_in(const redisReply *fields, const char *name)
{
	const char *text = text_of(fields, name);
	return text ? atoi(text) : -1;
}

static bool knows_the_others(const test_sentinel *s, const test_server *sentinel)
{
	redisReply *fields = test_server_ask(sentinel, "SENTINEL MASTER " TEST_SENTINEL_NAME);
	bool all = number_in(fields, "num-slaves") == s->server_count - 1 &&
		   number_in(fields, "num-other-sentinels") == s->sentinel_count - 1;
	freeReplyObject(fields);
	return all;
}

static bool all_know_all(void *sentinel)
{
	const test_sentinel *s = sentinel;
	for (int i = 0; i < s->sentinel_count; i++)
		if (!knows_the_others(s, s->sentinels[i]))
			return false;
	return true;
}

static int named_by(const test_sentinel *s, const test_server *sentinel)
{
	int master = -1;
	redisReply *address =
		test_server_ask(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME " TEST_SENTINEL_NAME);
	assert_true(address->type == REDIS_REPLY_ARRAY && address->elements == 2);
	for (int i = 0; i < s->server_count; i++)
		if (atoi(address->element[1]->str) == s->servers[i]->port)
			master = i;
	freeReplyObject(address);
	assert_true(master >= 0);
	return master;
}

static const test_server *first_alive(const test_sentinel *s)
{
	for (int i = 0; i < s->sentinel_count; i++)
		if (s->sentinels[i]->pid > 0)
			return s->sentinels[i];
	fail_msg("no Sentinel lives");
	return NULL;
}

/* One alone may be wrong for long: its failover does not end while the server that it has promoted is dead again. */
int test_sentinel_master(const test_sentinel *s)
{
	int votes[TEST_SENTINEL_SERVERS_MAX] = {0}, most = named_by(s, first_alive(s));
	for (int i = 0; i < s->sentinel_count; i++)
		if (s->sentinels[i]->pid > 0)
			votes[named_by(s, s->sentinels[i])]++;
	for (int i = 0; i < s->server_count; i++)
		if (votes[i] > votes[most])
			most = i;
	return most;
}

/* --- start and stop ----------------------------------------------------------------------------------- */

static void write_address(test_sentinel *s)
{
	int n = snprintf(s->address, sizeof(s->address), "%s+sentinel://",
			 s->options.certificates ? "rediss" : "redis");
	for (int i = 0; i < s->sentinel_count; i++)
		n += snprintf(s->address + n, sizeof(s->address) - (size_t)n, "%s127.0.0.1:%d", i ? "," : "",
			      s->sentinels[i]->port);
	snprintf(s->address + n, sizeof(s->address) - (size_t)n, "/" TEST_SENTINEL_NAME "/0");
}

test_sentinel *test_sentinel_start(const test_sentinel_options *options)
{
	test_sentinel *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	if (options)
		s->options = *options;
	if (s->options.replicas == 0)
		s->options.replicas = REPLICAS;
	if (s->options.sentinels == 0)
		s->options.sentinels = SENTINELS;
	if (s->options.down_after_ms == 0)
		s->options.down_after_ms = DOWN_AFTER_MS;
	assert_true(s->options.replicas < TEST_SENTINEL_SERVERS_MAX);
	assert_true(s->options.sentinels <= TEST_SENTINEL_SENTINELS_MAX);
	start_servers(s);
	start_sentinels(s);
	write_address(s);
	test_wait_until(all_know_all, s, PATIENCE_MS, "the Sentinels know each other and the replicas");
	return s;
}

void test_sentinel_stop(test_sentinel *s)
{
	if (!s)
		return;
	/* The Sentinels first, so that they see no failure. */
	for (int i = 0; i < s->sentinel_count; i++)
		test_server_stop(s->sentinels[i]);
	for (int i = 0; i < s->server_count; i++)
		test_server_stop(s->servers[i]);
	free(s);
}

/* --- failovers ---------------------------------------------------------------------------------------- */

typedef struct {
	const test_sentinel *sentinel;
	int old;
} failover;

static bool is_master(const test_server *server)
{
	/* A server that has just become a master, or a replica, closes its connections. */
	return server->pid > 0 && test_server_seems(server, "INFO replication", "role:master");
}

/*
 * The leader names the new master before it has told the other replicas. If that master dies meanwhile, the leader never ends its
 * failover; and if the others go back to the old master, the leader never hears of it, because it has that address already.
 */
static bool leads_a_failover(const test_server *sentinel)
{
	redisReply *fields = test_server_ask(sentinel, "SENTINEL MASTER " TEST_SENTINEL_NAME);
	const char *flags = text_of(fields, "flags");
	bool leads = flags && strstr(flags, "failover_in_progress");
	freeReplyObject(fields);
	return leads;
}

bool test_sentinel_is_settled(const test_sentinel *s)
{
	char port[32];
	int master = test_sentinel_master(s);
	snprintf(port, sizeof(port), "master_port:%d\r", s->servers[master]->port);
	for (int i = 0; i < s->sentinel_count; i++)
		if (s->sentinels[i]->pid > 0 &&
		    (named_by(s, s->sentinels[i]) != master || leads_a_failover(s->sentinels[i])))
			return false;
	for (int i = 0; i < s->server_count; i++)
		if (i != master && s->servers[i]->pid > 0 &&
		    !(test_server_seems(s->servers[i], "INFO replication", port) &&
		      follows_the_master(s->servers[i])))
			return false;
	return is_master(s->servers[master]);
}

static bool is_over(void *failover_)
{
	const failover *f = failover_;
	const test_sentinel *s = f->sentinel;
	int master = test_sentinel_master(s);
	for (int i = 0; i < s->sentinel_count; i++)
		if (s->sentinels[i]->pid > 0 && named_by(s, s->sentinels[i]) != master)
			return false;
	return master != f->old && is_master(s->servers[master]);
}

int test_sentinel_wait_failover(const test_sentinel *s, int old, int timeout_ms)
{
	failover f = {s, old};
	test_wait_until(is_over, &f, timeout_ms, "the Sentinels name another master");
	return test_sentinel_master(s);
}

/* A Sentinel refuses, or gives up, while it has not heard from the replica for a while, as on a busy machine. */
static bool is_over_when_asked(void *failover_)
{
	const failover *f = failover_;
	const test_server *sentinel = first_alive(f->sentinel);
	if (named_by(f->sentinel, sentinel) != f->old)
		return is_over(failover_);
	freeReplyObject(test_server_ask(sentinel, "SENTINEL FAILOVER " TEST_SENTINEL_NAME));
	return false;
}

int test_sentinel_failover(const test_sentinel *s)
{
	failover f = {s, test_sentinel_master(s)};
	test_wait_until(is_over_when_asked, &f, PATIENCE_MS, "the Sentinels fail over");
	return test_sentinel_master(s);
}

int test_sentinel_kill_master(const test_sentinel *s)
{
	int master = test_sentinel_master(s);
	test_server_kill(s->servers[master]);
	return master;
}

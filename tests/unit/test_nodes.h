/*
 * test_nodes.h - a route, and fake nodes of a cluster at its other end. One thread: the test runs both sides in turns.
 * For test_route.c, test_bell.c and test_history.c; include it after cmocka.h.
 */
#ifndef TEST_NODES_H
#define TEST_NODES_H

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness/server.h"
#include "redis/route.h"

enum { PATIENCE_MS = 10000, NODES = 3, CLIENTS_MAX = 16, COMMANDS_MAX = 4096, COMMAND_TEXT = 64 };

typedef struct {
	int fd; /* -1: none */
	redisReader *reader;
	bool subscribed;
} fake_client;

/* --- the nodes ------------------------------------------------------------------------------ */

static struct fake_node {
	int listener, port; /* listener -1: it is dead */
	fake_client clients[CLIENTS_MAX];
	char (*commands)[COMMAND_TEXT]; /* the commands received, without those that prepare a connection */
	int count;
	bool silent;            /* reads, and answers nothing */
	const char *special;    /* commands that begin like this ... */
	const char *special_is; /* ... get this answer ... */
	int special_times;      /* ... so many times */
} fakes[NODES];

/* Which node has each third of the slots; -1: none. With `alone`, no node knows of a cluster. */
static int thirds[NODES];
static bool alone;

/* A key in each third. */
static const char *const keys[NODES] = {"k2", "k0", "k1"};

static void node_listen(struct fake_node *node, int port)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons((uint16_t)port)};
	socklen_t length = sizeof(name);
	int yes = 1;
	node->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(node->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(node->listener, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(node->listener, 8), 0);
	assert_int_equal(getsockname(node->listener, (struct sockaddr *)&name, &length), 0);
	node->port = ntohs(name.sin_port);
}

static void client_hang_up(fake_client *client)
{
	if (client->fd < 0)
		return;
	close(client->fd);
	redisReaderFree(client->reader);
	*client = (fake_client){.fd = -1};
}

static void node_kill(int n)
{
	if (fakes[n].listener >= 0)
		close(fakes[n].listener);
	fakes[n].listener = -1;
	for (int i = 0; i < CLIENTS_MAX; i++)
		client_hang_up(&fakes[n].clients[i]);
}

static void nodes_start(void)
{
	alone = false;
	for (int n = 0; n < NODES; n++) {
		fakes[n] = (struct fake_node){.listener = -1};
		for (int i = 0; i < CLIENTS_MAX; i++)
			fakes[n].clients[i].fd = -1;
		fakes[n].commands = calloc(COMMANDS_MAX, sizeof(*fakes[n].commands));
		node_listen(&fakes[n], 0);
		thirds[n] = n;
	}
}

static void nodes_stop(void)
{
	for (int n = 0; n < NODES; n++) {
		node_kill(n);
		free(fakes[n].commands);
	}
}

static void say(const fake_client *client, const char *text)
{
	assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void say_hash(const fake_client *client, const char *script)
{
	unsigned char hash[SHA_DIGEST_LENGTH];
	char text[16 + 2 * SHA_DIGEST_LENGTH] = "$40\r\n";
	SHA1((const unsigned char *)script, strlen(script), hash);
	for (int i = 0; i < SHA_DIGEST_LENGTH; i++)
		snprintf(text + strlen(text), 3, "%02x", hash[i]);
	say(client, strcat(text, "\r\n"));
}

static void say_slots(const fake_client *client)
{
	char text[1024], part[256];
	int ranges = 0;
	text[0] = '\0';
	for (int i = 0; i < NODES; i++) {
		if (thirds[i] < 0)
			continue;
		int first = i * (SEG_SLOT_COUNT / NODES);
		int last = i == NODES - 1 ? SEG_SLOT_COUNT - 1 : first + SEG_SLOT_COUNT / NODES - 1;
		/* An empty host is the one that was asked. */
		snprintf(part, sizeof(part), "*3\r\n:%d\r\n:%d\r\n*3\r\n$0\r\n\r\n:%d\r\n$2\r\nid\r\n", first,
			 last, fakes[thirds[i]].port);
		strcat(text, part);
		ranges++;
	}
	snprintf(part, sizeof(part), "*%d\r\n", ranges);
	say(client, part);
	say(client, text);
}

static bool begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void node_answer(struct fake_node *node, fake_client *client, const redisReply *command,
			const char *text)
{
	char number[48];
	if (node->silent)
		return;
	if (node->special && node->special_times > 0 && begins(text, node->special)) {
		node->special_times--;
		say(client, node->special_is);
	} else if (begins(text, "SCRIPT LOAD")) {
		say_hash(client, command->element[2]->str);
	} else if (begins(text, "CLUSTER SLOTS")) {
		if (alone)
			say(client, "-ERR This instance has cluster support disabled\r\n");
		else
			say_slots(client);
	} else if (begins(text, "CLIENT ID")) {
		say(client, ":7\r\n");
	} else if (begins(text, "SUBSCRIBE")) {
		client->subscribed = true;
		say(client, "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n");
	} else if (begins(text, "GET")) {
		snprintf(number, sizeof(number), ":%d\r\n", (int)(node - fakes));
		say(client, number);
	} else {
		say(client, "+OK\r\n");
	}
}

static void node_hear(struct fake_node *node, fake_client *client, const redisReply *command)
{
	char text[COMMAND_TEXT] = "";
	size_t n = 0;
	for (size_t i = 0; i < command->elements && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
				      command->element[i]->str);
	if (!begins(text, "SCRIPT LOAD") && node->count < COMMANDS_MAX)
		memcpy(node->commands[node->count++], text, sizeof(text));
	node_answer(node, client, command, text);
}

static void node_accept(struct fake_node *node)
{
	for (int i = 0; i < CLIENTS_MAX && node->listener >= 0; i++) {
		if (node->clients[i].fd >= 0)
			continue;
		int fd = accept4(node->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		node->clients[i] = (fake_client){.fd = fd, .reader = redisReaderCreate()};
	}
}

static void node_serve(struct fake_node *node)
{
	static char bytes[65536];
	node_accept(node);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		fake_client *client = &node->clients[i];
		ssize_t n = client->fd >= 0 ? recv(client->fd, bytes, sizeof(bytes), 0) : -1;
		if (n == 0)
			client_hang_up(client);
		if (n <= 0)
			continue;
		redisReaderFeed(client->reader, bytes, (size_t)n);
		for (redisReply *command = NULL;
		     client->fd >= 0 && redisReaderGetReply(client->reader, (void **)&command) == REDIS_OK &&
		     command;) {
			node_hear(node, client, command);
			freeReplyObject(command);
		}
	}
}

/* How many commands with this beginning have come to a node. */
__attribute__((unused)) static int heard(int n, const char *beginning)
{
	int times = 0;
	for (int i = 0; i < fakes[n].count; i++)
		times += begins(fakes[n].commands[i], beginning);
	return times;
}

/* Commands of this beginning get this answer from node n, so many times. */
static void answers(int n, const char *beginning, const char *answer, int times)
{
	fakes[n].special = beginning;
	fakes[n].special_is = answer;
	fakes[n].special_times = times;
}

/* A redirection of node n's key, "MOVED" or "ASK", to another node. */
static const char *redirection(char text[64], const char *kind, int n, int to)
{
	snprintf(text, 64, "-%s %d 127.0.0.1:%d\r\n", kind, seg_slot_of(keys[n]), fakes[to].port);
	return text;
}

/* --- the route ------------------------------------------------------------------------------ */

static seg_address address;
static seg_route *route;
static char told[8192]; /* each state and each answer, in order */
static char logged[4096];
static int warnings;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
	size_t n = strlen(told);
	va_list args;
	va_start(args, format);
	vsnprintf(told + n, sizeof(told) - n, format, args);
	va_end(args);
}

static void on_state(void *arg, seg_node node, bool up, const seg_error *why)
{
	(void)arg;
	(void)why;
	tell("%s%u ", up ? "up" : "down", (unsigned)node);
}

static void on_ring(void *arg, seg_node node, const char *key, size_t length)
{
	(void)arg;
	tell("ring%u:%.*s ", (unsigned)node, key ? (int)length : 3, key ? key : "all");
}

static void on_reply(void *arg, const seg_reply *reply)
{
	const char *name = arg;
	if (!reply)
		tell("%s:%s ", name, seg_route_lost_unwritten(route) ? "unwritten" : "lost");
	else if (reply->type == SEG_REPLY_ERROR)
		tell("%s:%.9s ", name, reply->text);
	else if (reply->type == SEG_REPLY_INTEGER)
		tell("%s:%d ", name, (int)reply->integer);
	else
		tell("%s:ok ", name);
}

static void on_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	size_t n = strlen(logged);
	snprintf(logged + n, sizeof(logged) - n, "%s\n", event->text);
	warnings += event->level == SEG_LOG_WARNING;
}

/* One turn of both sides. */
static void turn(void)
{
	seg_poll_set *set = seg_route_waiting_set(route);
	seg_poll_set_clear(set);
	seg_route_poll(route, set);
	seg_poll_set_wait(set, 0);
	seg_route_tick(route, seg_now(), true);
	for (int n = 0; n < NODES; n++)
		node_serve(&fakes[n]);
}

static void until_told(const char *what)
{
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (!strstr(told, what)) {
		if (test_now_ms() > deadline)
			fail_msg("never told \"%s\", only \"%s\"; %s", what, told,
				 seg_route_error(route)->text);
		turn();
	}
}

static void until(bool (*condition)(void), const char *what)
{
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (!condition()) {
		if (test_now_ms() > deadline)
			fail_msg("never: %s; told \"%s\"", what, told);
		turn();
	}
}

/* Runs both sides for so long. */
__attribute__((unused)) static void turns_for(int ms)
{
	for (long long deadline = test_now_ms() + ms; test_now_ms() < deadline;)
		turn();
}

static bool is_ready(void)
{
	return seg_route_ready(route);
}

/* The seed is the first node. */
static void open_route(void)
{
	char url[64];
	seg_error error;
	told[0] = logged[0] = '\0';
	warnings = 0;
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", fakes[0].port);
	if (seg_address_parse(url, &address, &error))
		fail_msg("%s", error.text);
	seg_connection_options options = {
		.address = &address,
		.client_name = "tester",
		.connect_timeout = SEG_SECOND,
		.answer_timeout = 3 * SEG_SECOND,
		.logger = seg_logger_make(on_log, NULL),
	};
	route = seg_route_create(&options, &(seg_route_hooks){NULL, on_state, on_ring});
	assert_non_null(route);
}

static void close_route(void)
{
	seg_route_destroy(route);
	route = NULL;
	seg_address_fini(&address);
}

/* Asks for node n's key; the answer is the number of the node that gives it. */
static bool get(int n, const char *name)
{
	return seg_route_words(route, on_reply, (void *)(uintptr_t)name, "GET", keys[n], (char *)NULL);
}

#endif

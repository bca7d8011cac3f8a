/*
 * test_connection.h - a connection, and a fake Redis at its other end. One thread: the test runs both sides
 * in turns. For test_connection*.c; include it after cmocka.h.
 */
#ifndef TEST_CONNECTION_H
#define TEST_CONNECTION_H

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness/server.h"
#include "redis/connection.h"

enum { PATIENCE_MS = 10000, COMMANDS_MAX = 20000, COMMAND_TEXT = 64, UNSENT_MAX = 1 << 20 };

/* --- the other end -------------------------------------------------------------------------- */

static struct {
	char directory[64];
	struct sockaddr_un name;
	int listener, client;
	redisReader *reader;
	int accepted;
	char (*commands)[COMMAND_TEXT]; /* the commands received: words joined by blanks, cut */
	int count;
	int answered;
	char *unsent;
	size_t unsent_length;
	int answer_most;        /* commands per connection; -1: all */
	const char *special;    /* commands that begin like this ... */
	const char *special_is; /* ... get this answer */
} fake;

static void fake_hang_up(void)
{
	if (fake.client >= 0)
		close(fake.client);
	if (fake.reader)
		redisReaderFree(fake.reader);
	fake.client = -1;
	fake.reader = NULL;
	fake.unsent_length = 0;
}

static void fake_listen(void)
{
	fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fake.listener, (struct sockaddr *)&fake.name, sizeof(fake.name)), 0);
	assert_int_equal(listen(fake.listener, 8), 0);
}

static void fake_start(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.client = -1;
	fake.answer_most = -1;
	fake.commands = calloc(COMMANDS_MAX, sizeof(*fake.commands));
	fake.unsent = malloc(UNSENT_MAX);
	test_directory_make(fake.directory);
	fake.name.sun_family = AF_UNIX;
	snprintf(fake.name.sun_path, sizeof(fake.name.sun_path), "%s/redis.sock", fake.directory);
	fake_listen();
}

static void fake_stop(void)
{
	fake_hang_up();
	close(fake.listener);
	test_directory_remove(fake.directory);
	free(fake.commands);
	free(fake.unsent);
}

static void fake_flush(void)
{
	while (fake.unsent_length > 0) {
		ssize_t n = send(fake.client, fake.unsent, fake.unsent_length, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		fake.unsent_length -= (size_t)n;
		memmove(fake.unsent, fake.unsent + n, fake.unsent_length);
	}
}

static void fake_say(const char *bytes)
{
	assert_true(fake.unsent_length + strlen(bytes) < UNSENT_MAX);
	memcpy(fake.unsent + fake.unsent_length, bytes, strlen(bytes));
	fake.unsent_length += strlen(bytes);
	fake_flush();
}

static void fake_note(const redisReply *command)
{
	char *text = fake.commands[fake.count++ % COMMANDS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < command->elements && n < COMMAND_TEXT; i++)
		n += (size_t)snprintf(text + n, COMMAND_TEXT - n, "%s%s", i ? " " : "",
				      command->element[i]->str);
}

static void fake_say_hash(const char *script)
{
	unsigned char hash[SHA_DIGEST_LENGTH];
	char text[16 + 2 * SHA_DIGEST_LENGTH] = "$40\r\n";
	SHA1((const unsigned char *)script, strlen(script), hash);
	for (int i = 0; i < SHA_DIGEST_LENGTH; i++)
		snprintf(text + strlen(text), 3, "%02x", hash[i]);
	fake_say(strcat(text, "\r\n"));
}

static void fake_answer(const char *command, const char *newest_argument)
{
	if (fake.answer_most >= 0 && fake.answered >= fake.answer_most)
		return;
	fake.answered++;
	if (fake.special && strncmp(command, fake.special, strlen(fake.special)) == 0)
		fake_say(fake.special_is);
	else if (strncmp(command, "SCRIPT LOAD", 11) == 0)
		fake_say_hash(newest_argument);
	else if (strncmp(command, "CLIENT ID", 9) == 0)
		fake_say(":5\r\n");
	else if (strncmp(command, "ECHO ", 5) == 0)
		fake_say(":"), fake_say(newest_argument), fake_say("\r\n");
	else
		fake_say("+OK\r\n");
}

/* Accepts, reads and answers everything that is there now. */
static void fake_serve(void)
{
	static char bytes[65536];
	if (fake.client < 0) {
		fake.client = accept4(fake.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fake.client < 0)
			return;
		fake.accepted++;
		fake.answered = 0;
		fake.reader = redisReaderCreate();
	}
	fake_flush();
	ssize_t n = recv(fake.client, bytes, sizeof(bytes), 0);
	if (n == 0) {
		fake_hang_up();
		return;
	}
	if (n > 0)
		redisReaderFeed(fake.reader, bytes, (size_t)n);
	for (redisReply *command = NULL;
	     redisReaderGetReply(fake.reader, (void **)&command) == REDIS_OK && command;) {
		fake_note(command);
		fake_answer(fake.commands[(fake.count - 1) % COMMANDS_MAX],
			    command->element[command->elements - 1]->str);
		freeReplyObject(command);
	}
}

/* How many commands with this beginning have come. */
static int fake_heard(const char *beginning)
{
	int n = 0;
	for (int i = 0; i < fake.count && i < COMMANDS_MAX; i++)
		n += strncmp(fake.commands[i], beginning, strlen(beginning)) == 0;
	return n;
}

/* --- this end ------------------------------------------------------------------------------------ */

static seg_address address;
static seg_connection *connection;

/* Everything that the connection reported: each state and each answer, in order. */
static char told[8192];

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
	size_t n = strlen(told);
	va_list args;
	va_start(args, format);
	vsnprintf(told + n, sizeof(told) - n, format, args);
	va_end(args);
}

static void on_state(void *arg, bool up, const seg_error *why)
{
	(void)arg;
	(void)why;
	tell(up ? "up " : "down ");
}

static void on_reply(void *arg, const seg_reply *reply)
{
	const char *name = arg;
	if (!reply)
		tell("%s:lost ", name);
	else if (reply->type == SEG_REPLY_ERROR)
		tell("%s:error ", name);
	else if (reply->type == SEG_REPLY_INTEGER)
		tell("%s:%lld ", name, (long long)reply->integer);
	else
		tell("%s:ok ", name);
}

/* Set them before connecting. */
static seg_reply_fn on_message;
static bool scripts_at_use;

static void connect_to(const char *url, int64_t answer_timeout)
{
	seg_error error;
	told[0] = '\0';
	if (seg_address_parse(url, &address, &error))
		fail_msg("%s", error.text);
	seg_connection_options options = {
		.address = &address,
		.client_name = "tester",
		.connect_timeout = SEG_SECOND,
		.answer_timeout = answer_timeout,
		.logger = seg_logger_make(NULL, NULL),
		.on_state = on_state,
		.on_message = on_message,
		.scripts_at_use = scripts_at_use,
	};
	connection = seg_connection_create(&options);
	assert_non_null(connection);
}

/* Connects to the fake Redis; `login` is "" or "user:password@", `query` "" or "?db=1". */
static void connect_to_fake(const char *login, const char *query)
{
	char url[256];
	snprintf(url, sizeof(url), "unix://%s%s%s", login, fake.name.sun_path, query);
	connect_to(url, 3 * SEG_SECOND);
}

static void disconnect(void)
{
	seg_connection_destroy(connection);
	connection = NULL;
	seg_address_fini(&address);
}

/* Runs both sides in turns until this is reported. A connection that is down waits for its pause to end. */
static void until_told(const char *what)
{
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (!strstr(told, what)) {
		if (test_now_ms() > deadline)
			fail_msg("never told \"%s\", only \"%s\"; %s", what, told,
				 seg_connection_error(connection)->text);
		seg_connection_tick(connection, seg_now(), true);
		fake_serve();
	}
}

static void error_says(int status, const char *text)
{
	const seg_error *error = seg_connection_error(connection);
	if (error->status != status || !strstr(error->text, text))
		fail_msg("%s \"%s\" does not say \"%s\"", seg_status_name(error->status), error->text, text);
}

#endif

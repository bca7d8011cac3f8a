#include "harness/server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/environment.h"
#include "harness/port.h"

enum { START_TIMEOUT_MS = 20000 };

long long test_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000L};
	nanosleep(&t, NULL);
}

void test_wait_until(bool (*condition)(void *arg), void *arg, int timeout_ms, const char *what)
{
	long long deadline = test_now_ms() + timeout_ms;
	while (!condition(arg)) {
		if (test_now_ms() > deadline)
			fail_msg("waited %d ms, but this did not happen: %s", timeout_ms, what);
		pause_ms(2);
	}
}

void test_directory_make(char directory[64])
{
	const char *parent = getenv("TMPDIR");
	/* A Unix socket's path holds at most 107 characters. */
	if (!parent || strlen(parent) > 32)
		parent = "/tmp";
	snprintf(directory, 64, "%s/seg-test-XXXXXX", parent);
	if (!mkdtemp(directory))
		fail_msg("mkdtemp %s: %s", directory, strerror(errno));
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	(void)status;
	(void)flag;
	(void)walk;
	return remove(path);
}

void test_directory_remove(const char *directory)
{
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool answers_ping(const test_server *server)
{
	redisContext *context = redisConnectUnix(server->socket);
	bool good = false;
	if (context && !context->err) {
		redisReply *reply = redisCommand(context, "PING");
		good = reply && (reply->type == REDIS_REPLY_STATUS ||
				 (reply->type == REDIS_REPLY_ERROR && !strncmp(reply->str, "NOAUTH", 6)));
		if (reply)
			freeReplyObject(reply);
	}
	if (context)
		redisFree(context);
	return good;
}

const char *test_server_program(const char *purpose)
{
	static char path[256];
	const char *server = getenv("SEG_TEST_REDIS_SERVER");
	if (!server || !*server)
		server = "redis-server";
	size_t length = strlen(server), suffix = strlen("-server");
	if (length < suffix || strcmp(server + length - suffix, "-server") != 0)
		fail_msg("SEG_TEST_REDIS_SERVER is %s, but its name must end in -server", server);
	snprintf(path, sizeof(path), "%.*s-%s", (int)(length - suffix), server, purpose);
	return path;
}

/*
 * Removes a transaction that a kill cut short, as an operator would. Redis 7.0 truncates the AOF within the
 * transaction; at the next start but one it would read the rest as part of the commands that follow.
 */
static void repair(const test_server *server)
{
	char command[640];
	snprintf(command, sizeof(command),
		 "cd %s && test ! -e appendonlydir/appendonly.aof.manifest ||"
		 " echo y | '%s' --fix appendonlydir/appendonly.aof.manifest >>check-aof.log 2>&1",
		 server->directory, test_server_program("check-aof"));
	if (system(command) != 0)
		fail_msg("redis-check-aof cannot repair the file in %s", server->directory);
}

/* Becomes the server. If the test dies, its server dies, too. */
static void become_server(const char *program, char **argv, char **environment, pid_t parent)
{
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvpe(program, argv, environment);
	_exit(127);
}

static void spawn(test_server *server)
{
	char port[16], configuration[96], program[256];
	char *argv[128] = {program};
	int n = 1;
	snprintf(program, sizeof(program), "%s", test_server_program("server"));
	snprintf(configuration, sizeof(configuration), "%s/sentinel.conf", server->directory);
	snprintf(port, sizeof(port), "%d", server->port);
	if (server->sentinel) {
		argv[n++] = configuration;
		argv[n++] = "--sentinel";
	}
	char *const own[] = {"--port",
			     server->tls ? "0" : port,
			     "--bind",
			     "127.0.0.1",
			     "--unixsocket",
			     server->socket,
			     "--dir",
			     server->directory,
			     "--save",
			     "",
			     "--daemonize",
			     "no",
			     "--logfile",
			     "server.log",
			     "--enable-debug-command",
			     "yes"};
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		argv[n++] = own[i];
	/* A server that was built without TLS does not know the option. */
	if (server->tls) {
		argv[n++] = "--tls-port";
		argv[n++] = port;
	}
	for (int i = 0; server->extra[i]; i++)
		argv[n++] = server->extra[i];

	static const char *const nothing[] = {NULL};
	char **environment = test_environment_with(server->environment ? server->environment : nothing);
	pid_t parent = getpid();
	server->pid = fork();
	if (server->pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (server->pid == 0)
		become_server(program, argv, environment, parent);
	free(environment);
}

void test_server_wait(test_server *server)
{
	long long deadline = test_now_ms() + START_TIMEOUT_MS;
	while (!answers_ping(server)) {
		int status;
		if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
			server->pid = 0;
			fail_msg("%s did not start; see %s/server.log", test_server_program("server"),
				 server->directory);
		}
		if (test_now_ms() > deadline)
			fail_msg("%s did not answer within %d ms", test_server_program("server"),
				 START_TIMEOUT_MS);
		pause_ms(2);
	}
}

void test_server_restart(test_server *server)
{
	repair(server);
	spawn(server);
	test_server_wait(server);
}

static void add_words(test_server *server, const char *arguments)
{
	char *words = strdup(arguments ? arguments : "");
	int n = 0, most = sizeof(server->extra) / sizeof(server->extra[0]) - 1;
	while (server->extra[n])
		n++;
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
		assert_true(n < most);
		server->extra[n++] = strdup(word);
	}
	free(words);
}

static void write_configuration(const test_server *server, const char *lines)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/sentinel.conf", server->directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(lines, file);
	fclose(file);
}

static void set_password(test_server *server, const char *password)
{
	char arguments[192];
	snprintf(server->password, sizeof(server->password), "%s", password);
	/* A Sentinel follows nobody, and refuses the option. */
	snprintf(arguments, sizeof(arguments),
		 server->sentinel ? "--requirepass %s" : "--requirepass %s --masterauth %s", password,
		 password);
	add_words(server, arguments);
}

test_server *test_server_launch(const test_server_options *options)
{
	test_server *server = calloc(1, sizeof(*server));
	if (!server)
		fail_msg("out of memory");
	test_directory_make(server->directory);
	snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->directory);
	snprintf(server->address, sizeof(server->address), "unix://%s", server->socket);
	server->tls = options->tls;
	server->sentinel = options->sentinel != NULL;
	server->environment = options->environment;
	if (options->tcp || options->tls) {
		server->port = test_port_free();
		snprintf(server->url, sizeof(server->url), "%s://127.0.0.1:%d",
			 options->tls ? "rediss" : "redis", server->port);
	}
	if (options->sentinel)
		write_configuration(server, options->sentinel);
	if (options->password)
		set_password(server, options->password);
	add_words(server, options->arguments);
	spawn(server);
	return server;
}

test_server *test_server_start_with(const test_server_options *options)
{
	test_server *server = test_server_launch(options);
	test_server_wait(server);
	return server;
}

test_server *test_server_start(const char *arguments)
{
	return test_server_start_with(&(test_server_options){.arguments = arguments});
}

test_server *test_server_start_tcp(const char *arguments)
{
	return test_server_start_with(&(test_server_options){.arguments = arguments, .tcp = true});
}

void test_server_kill(test_server *server)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, SIGKILL);
	while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
		;
	server->pid = 0;
}

void test_server_stop(test_server *server)
{
	if (!server)
		return;
	test_server_kill(server);
	test_directory_remove(server->directory);
	for (int i = 0; server->extra[i]; i++)
		free(server->extra[i]);
	free(server);
}

redisContext *test_server_connect(const test_server *server)
{
	redisContext *context = redisConnectUnix(server->socket);
	if (!context || context->err)
		fail_msg("cannot connect to %s: %s", server->socket,
			 context ? context->errstr : "out of memory");
	if (server->password[0]) {
		redisReply *reply = test_server_command(context, "AUTH %s", server->password);
		if (reply->type == REDIS_REPLY_ERROR)
			fail_msg("%s refuses the login: %s", server->socket, reply->str);
		freeReplyObject(reply);
	}
	return context;
}

redisReply *test_server_command(redisContext *context, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = redisvCommand(context, format, args);
	va_end(args);
	if (!reply)
		fail_msg("no reply to %s: %s", format, context->errstr);
	return reply;
}

static redisReply *ask(const test_server *server, const char *format, va_list args)
{
	redisContext *context = test_server_connect(server);
	redisReply *reply = redisvCommand(context, format, args);
	if (!reply)
		fail_msg("no reply to %s: %s", format, context->errstr);
	redisFree(context);
	return reply;
}

redisReply *test_server_ask(const test_server *server, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = ask(server, format, args);
	va_end(args);
	return reply;
}

void test_server_tell(const test_server *server, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = ask(server, format, args);
	va_end(args);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", format, reply->str);
	freeReplyObject(reply);
}

bool test_server_says(const test_server *server, const char *command, const char *part)
{
	redisReply *reply = test_server_ask(server, command);
	bool found = reply->str && strstr(reply->str, part);
	freeReplyObject(reply);
	return found;
}

bool test_server_seems(const test_server *server, const char *command, const char *part)
{
	redisContext *context = redisConnectUnix(server->socket);
	redisReply *reply = NULL;
	if (context && !context->err && server->password[0])
		freeReplyObject(redisCommand(context, "AUTH %s", server->password));
	if (context && !context->err)
		reply = redisCommand(context, command);
	bool found = reply && reply->str && strstr(reply->str, part);
	if (reply)
		freeReplyObject(reply);
	if (context)
		redisFree(context);
	return found;
}

typedef struct {
	const test_server *server;
	char command[48];
} order;

static bool is_obeyed(void *arg)
{
	const order *o = arg;
	return test_server_seems(o->server, o->command, "OK");
}

/* A server whose role changes closes its connections: a Sentinel may change it at this moment, too. */
void test_server_follow(const test_server *server, const test_server *master)
{
	order o = {server, "REPLICAOF NO ONE"};
	if (master)
		snprintf(o.command, sizeof(o.command), "REPLICAOF 127.0.0.1 %d", master->port);
	test_wait_until(is_obeyed, &o, START_TIMEOUT_MS, o.command);
}

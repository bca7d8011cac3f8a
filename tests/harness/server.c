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
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

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

static int free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		fail_msg("no free port: %s", strerror(errno));
	close(fd);
	return ntohs(address.sin_port);
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

/*
 * Removes a transaction that a kill cut short, as an operator would. Redis 7.0 truncates the AOF within the
 * transaction; at the next start but one it would read the rest as part of the commands that follow.
 */
static void repair(const test_server *server)
{
	char command[512];
	snprintf(command, sizeof(command),
		 "cd %s && test ! -e appendonlydir/appendonly.aof.manifest ||"
		 " echo y | redis-check-aof --fix appendonlydir/appendonly.aof.manifest >>check-aof.log 2>&1",
		 server->directory);
	if (system(command) != 0)
		fail_msg("redis-check-aof cannot repair the file in %s", server->directory);
}

void test_server_restart(test_server *server)
{
	repair(server);
	char port[16];
	snprintf(port, sizeof(port), "%d", server->port);
	char *argv[64] = {"redis-server",
			  "--port",
			  port,
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
	int n = 17;
	for (int i = 0; server->extra[i]; i++)
		argv[n++] = server->extra[i];
	argv[n] = NULL;

	pid_t parent = getpid();
	server->pid = fork();
	if (server->pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (server->pid == 0) {
		/* If the test dies, its server dies, too. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv[0], argv);
		_exit(127);
	}
	long long deadline = test_now_ms() + START_TIMEOUT_MS;
	while (!answers_ping(server)) {
		int status;
		if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
			server->pid = 0;
			fail_msg("redis-server did not start; see %s/server.log", server->directory);
		}
		if (test_now_ms() > deadline)
			fail_msg("redis-server did not answer within %d ms", START_TIMEOUT_MS);
		pause_ms(2);
	}
}

static test_server *start(const char *arguments, int port)
{
	test_server *server = calloc(1, sizeof(*server));
	if (!server)
		fail_msg("out of memory");
	test_directory_make(server->directory);
	snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->directory);
	snprintf(server->address, sizeof(server->address), "unix://%s", server->socket);
	server->port = port;
	char *words = strdup(arguments ? arguments : "");
	int n = 0;
	for (char *word = strtok(words, " "); word && n < 31; word = strtok(NULL, " "))
		server->extra[n++] = strdup(word);
	free(words);
	test_server_restart(server);
	return server;
}

test_server *test_server_start(const char *arguments)
{
	return start(arguments, 0);
}

test_server *test_server_start_tcp(const char *arguments)
{
	return start(arguments, free_port());
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

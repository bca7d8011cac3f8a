#include "measure/server.h"

#include <err.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "measure/process.h"
#include "measure/reply.h"

enum { START_TIMEOUT_MS = 10000 };

static int free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		err(EX_OSERR, "no free TCP port for redis-server");
	close(fd);
	return ntohs(address.sin_port);
}

static void make_directory(bench_server *server)
{
	const char *parent = getenv("TMPDIR");
	/* The path of a Unix socket has at most 107 characters. */
	if (!parent || strlen(parent) > 32)
		parent = "/tmp";
	snprintf(server->directory, sizeof(server->directory), "%s/segbench-XXXXXX", parent);
	if (!mkdtemp(server->directory))
		err(EX_CANTCREAT, "cannot create a directory in %s (set TMPDIR to a writable directory)",
		    parent);
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	(void)status;
	(void)flag;
	(void)walk;
	return remove(path);
}

/* Opens the admin connection; returns false while redis-server does not reply to PING. */
static bool connect_admin(bench_server *server)
{
	redisContext *context = redisConnectUnix(server->socket);
	redisReply *reply = context && !context->err ? redisCommand(context, "PING") : NULL;
	bool good = reply && reply->type == REDIS_REPLY_STATUS;
	freeReplyObject(reply);
	if (good)
		server->admin = context;
	else if (context)
		redisFree(context);
	return good;
}

static void wait_until_ready(bench_server *server)
{
	for (int waited = 0; waited < START_TIMEOUT_MS && !connect_admin(server); waited += 5) {
		if (bench_process_has_ended(server->pid)) {
			server->pid = 0;
			errx(EX_UNAVAILABLE,
			     "redis-server did not start; is it installed? (apt-get install redis-server)");
		}
		bench_pause_ms(5);
	}
	if (!server->admin)
		errx(EX_UNAVAILABLE, "redis-server did not reply to PING within %d s",
		     START_TIMEOUT_MS / 1000);
}

static pid_t start_process(const bench_server *server)
{
	char port[16], log[112];
	snprintf(port, sizeof(port), "%d", server->port);
	snprintf(log, sizeof(log), "%s/redis.log", server->directory);
	/* clang-format off */
	const char *argv[] = {
		"redis-server",
		"--port", port,
		"--bind", "127.0.0.1",
		"--unixsocket", server->socket,
		"--dir", server->directory,
		"--save", "",
		"--appendonly", "no",
		"--daemonize", "no",
		NULL,
	};
	/* clang-format on */
	return bench_process_start(argv, NULL, log);
}

void bench_server_set_port(bench_server *server, int port)
{
	server->client_port = port;
	snprintf(server->address, sizeof(server->address), "redis://127.0.0.1:%d", port);
}

void bench_server_set_socket(bench_server *server, const char *path)
{
	snprintf(server->client_socket, sizeof(server->client_socket), "%s", path);
	snprintf(server->address, sizeof(server->address), "unix://%s", server->client_socket);
}

void bench_server_start(bench_server *server, bool tcp)
{
	*server = (bench_server){.tcp = tcp, .port = free_port()};
	make_directory(server);
	snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->directory);
	if (tcp)
		bench_server_set_port(server, server->port);
	else
		bench_server_set_socket(server, server->socket);
	server->pid = start_process(server);
	wait_until_ready(server);
}

void bench_server_stop(bench_server *server)
{
	if (server->admin)
		redisFree(server->admin);
	server->admin = NULL;
	if (server->pid > 0)
		bench_process_kill(server->pid);
	if (server->link_pid > 0)
		bench_process_kill(server->link_pid);
	server->pid = server->link_pid = 0;
	if (server->directory[0])
		nftw(server->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	server->directory[0] = '\0';
}

redisContext *bench_server_connect(const bench_server *server)
{
	redisContext *context = server->tcp ? redisConnect("127.0.0.1", server->client_port)
					    : redisConnectUnix(server->client_socket);
	if (!context || context->err)
		errx(EX_UNAVAILABLE, "cannot connect to redis-server: %s",
		     context ? context->errstr : "out of memory");
	return context;
}

redisReply *bench_server_reply(redisContext *connection, const char *command)
{
	void *reply;
	if (redisGetReply(connection, &reply) != REDIS_OK)
		errx(EX_UNAVAILABLE, "redis-server: no reply to %s: %s", command, connection->errstr);
	bench_reply_check(reply, command);
	return reply;
}

static redisReply *command(bench_server *server, const char *format, va_list args)
{
	char name[32]; /* the first word, for errors */
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(format, " "), format);
	if (redisvAppendCommand(server->admin, format, args) != REDIS_OK)
		errx(EX_OSERR, "%s: %s", name, server->admin->errstr);
	return bench_server_reply(server->admin, name);
}

redisReply *bench_server_command(bench_server *server, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = command(server, format, args);
	va_end(args);
	return reply;
}

void bench_server_do(bench_server *server, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	freeReplyObject(command(server, format, args));
	va_end(args);
}

double bench_server_info(bench_server *server, const char *section, const char *name)
{
	redisReply *reply = bench_server_command(server, "INFO %s", section);
	char key[64];
	int length = snprintf(key, sizeof(key), "\n%s:", name);
	const char *found = strstr(bench_reply_text(reply, "INFO"), key);
	if (!found)
		errx(EX_PROTOCOL, "redis-server: INFO %s has no %s", section, name);
	double value = strtod(found + length, NULL);
	freeReplyObject(reply);
	return value;
}

int64_t bench_server_cpu(bench_server *server)
{
	double seconds = bench_server_info(server, "cpu", "used_cpu_user") +
			 bench_server_info(server, "cpu", "used_cpu_sys");
	return (int64_t)(seconds * 1e9);
}

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

#include "measure/certificate.h"
#include "measure/process.h"
#include "measure/reply.h"

enum { START_TIMEOUT_MS = 10000 };

int bench_server_free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		err(EX_OSERR, "no free TCP port for a server");
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

/* It has ended already. Its log is gone with the directory, so its last words come along. */
static void did_not_start(const bench_server *server)
{
	char path[112], words[256] = "";
	snprintf(path, sizeof(path), "%s/redis.log", server->directory);
	FILE *log = fopen(path, "r");
	while (log && fgets(words, sizeof(words), log))
		words[strcspn(words, "\n")] = '\0';
	if (log)
		fclose(log);
	if (words[0])
		errx(EX_UNAVAILABLE, "%s did not start: %s", server->program, words);
	errx(EX_UNAVAILABLE,
	     "%s cannot be run; is it installed? (apt-get install redis-server, or --redis PROGRAM)",
	     server->program);
}

static void wait_until_ready(bench_server *server)
{
	for (int waited = 0; waited < START_TIMEOUT_MS && !connect_admin(server); waited += 5) {
		if (bench_process_has_ended(server->pid)) {
			server->pid = 0;
			did_not_start(server);
		}
		bench_pause_ms(5);
	}
	if (!server->admin)
		errx(EX_UNAVAILABLE, "%s did not reply to PING within %d s", server->program,
		     START_TIMEOUT_MS / 1000);
}

enum { ARGUMENTS = 32, TEXTS = 4 };

/* The command line of redis-server; `texts` holds its numbers and file names. */
typedef struct {
	const char *argv[ARGUMENTS]; /* ended by NULL */
	int count;
	char texts[TEXTS][112];
} command_line;

static void add(command_line *line, const char *option, const char *value)
{
	line->argv[line->count++] = option;
	line->argv[line->count++] = value;
}

static const char *number(char text[112], int value)
{
	snprintf(text, 112, "%d", value);
	return text;
}

static void add_port(command_line *line, const bench_server *server, bench_server_kind kind)
{
	const char *port = number(line->texts[0], server->port);
	add(line, "--port", kind == SERVER_TLS ? "0" : port);
	if (kind == SERVER_TLS) {
		bench_certificate_path(server->directory, CERTIFICATE_KEY, line->texts[1]);
		add(line, "--tls-port", port);
		add(line, "--tls-cert-file", server->ca_file);
		add(line, "--tls-key-file", line->texts[1]);
		add(line, "--tls-ca-cert-file", server->ca_file);
		add(line, "--tls-auth-clients", "no");
	}
	if (kind == SERVER_CLUSTER) {
		add(line, "--cluster-enabled", "yes");
		add(line, "--cluster-port", number(line->texts[1], server->bus_port));
	}
}

static pid_t start_process(const bench_server *server, bench_server_kind kind)
{
	command_line line = {.argv = {server->program}, .count = 1};
	char log[112];
	snprintf(log, sizeof(log), "%s/redis.log", server->directory);
	add_port(&line, server, kind);
	add(&line, "--bind", "127.0.0.1");
	add(&line, "--unixsocket", server->socket);
	add(&line, "--dir", server->directory);
	add(&line, "--save", "");
	add(&line, "--appendonly", "no");
	add(&line, "--daemonize", "no");
	/* A replica gets its copy at once. */
	add(&line, "--repl-diskless-sync-delay", "0");
	return bench_process_start(line.argv, NULL, log);
}

void bench_server_set_port(bench_server *server, int port)
{
	server->client_port = port;
	snprintf(server->address, sizeof(server->address), "%s://127.0.0.1:%d",
		 server->ca_file[0] ? "rediss" : "redis", port);
}

void bench_server_set_socket(bench_server *server, const char *path)
{
	snprintf(server->client_socket, sizeof(server->client_socket), "%s", path);
	snprintf(server->address, sizeof(server->address), "unix://%s", server->client_socket);
}

/* The directory exists. */
static void start(bench_server *server, bench_server_kind kind)
{
	snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->directory);
	if (server->tcp)
		bench_server_set_port(server, server->port);
	else
		bench_server_set_socket(server, server->socket);
	server->pid = start_process(server, kind);
	wait_until_ready(server);
}

void bench_server_start(bench_server *server, const char *program, bool tcp)
{
	*server = (bench_server){.program = program ? program : "redis-server",
				 .tcp = tcp,
				 .port = bench_server_free_port()};
	make_directory(server);
	start(server, SERVER_PLAIN);
}

void bench_server_start_beside(bench_server *server, const bench_server *beside, bench_server_kind kind)
{
	static int started;
	*server = (bench_server){.program = beside->program, .tcp = true, .port = bench_server_free_port()};
	snprintf(server->directory, sizeof(server->directory), "%.48s/%d", beside->directory, ++started);
	if (mkdir(server->directory, 0700))
		err(EX_CANTCREAT, "cannot create %s", server->directory);
	if (kind == SERVER_CLUSTER)
		server->bus_port = bench_server_free_port();
	if (kind == SERVER_TLS) {
		bench_certificate_path(server->directory, CERTIFICATE_FILE, server->ca_file);
		bench_certificate_make(server->directory);
	}
	start(server, kind);
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
	double seconds = 0;
	if (server->peer)
		return bench_process_cpu(server->pid);
	for (; server; server = server->next)
		seconds += bench_server_info(server, "cpu", "used_cpu_user") +
			   bench_server_info(server, "cpu", "used_cpu_sys");
	return (int64_t)(seconds * 1e9);
}

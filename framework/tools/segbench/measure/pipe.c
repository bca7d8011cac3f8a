#include "measure/pipe.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "measure/secure.h"

enum { INPUT_SIZE = 1 << 20 };

static int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(EX_UNAVAILABLE, "cannot connect to %s", path);
	return fd;
}

static int connect_tcp(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(EX_UNAVAILABLE, "cannot connect to port %d", port);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

void bench_pipe_open(bench_pipe *pipe, const bench_server *server, redisReplyObjectFunctions *functions,
		     void *arg)
{
	*pipe = (bench_pipe){
		.fd = server->tcp ? connect_tcp(server->client_port) : connect_unix(server->client_socket),
		.reader = redisReaderCreateWithFunctions(functions),
		.input = malloc(INPUT_SIZE),
	};
	if (!pipe->reader || !pipe->input)
		err(EX_OSERR, "cannot allocate the buffers of a connection");
	if (server->ca_file[0])
		pipe->tls = bench_secure_open(pipe->fd, server->ca_file);
	pipe->reader->privdata = arg;
	pipe->reader->maxbuf = 0; /* hiredis keeps the buffer between replies */
}

void bench_pipe_close(bench_pipe *pipe)
{
	bench_secure_close(pipe->tls);
	close(pipe->fd);
	redisReaderFree(pipe->reader);
	free(pipe->output);
	free(pipe->input);
}

static void reserve(bench_pipe *pipe, size_t more)
{
	if (pipe->length + more <= pipe->capacity)
		return;
	pipe->capacity = 2 * (pipe->length + more);
	pipe->output = realloc(pipe->output, pipe->capacity);
	if (!pipe->output)
		err(EX_OSERR, "cannot allocate %zu bytes for a connection", pipe->capacity);
}

void bench_pipe_add(bench_pipe *pipe, int count, const char *const *words, const size_t *lengths)
{
	enum { HEAD = 24 };
	reserve(pipe, HEAD);
	pipe->length += (size_t)sprintf(pipe->output + pipe->length, "*%d\r\n", count);
	for (int i = 0; i < count; i++) {
		size_t length = lengths ? lengths[i] : strlen(words[i]);
		reserve(pipe, HEAD + length + 2);
		pipe->length += (size_t)sprintf(pipe->output + pipe->length, "$%zu\r\n", length);
		memcpy(pipe->output + pipe->length, words[i], length);
		memcpy(pipe->output + pipe->length + length, "\r\n", 2);
		pipe->length += length + 2;
	}
}

void bench_pipe_flush(bench_pipe *pipe)
{
	for (size_t sent = 0; sent < pipe->length;) {
		size_t left = pipe->length - sent;
		ssize_t n = pipe->tls ? SSL_write(pipe->tls, pipe->output + sent, (int)left)
				      : write(pipe->fd, pipe->output + sent, left);
		if (n < 0 && errno != EINTR)
			err(EX_UNAVAILABLE, "cannot write to redis-server");
		if (n > 0)
			sent += (size_t)n;
	}
	pipe->length = 0;
}

void bench_pipe_receive(bench_pipe *pipe)
{
	ssize_t n;
	do
		n = pipe->tls ? SSL_read(pipe->tls, pipe->input, INPUT_SIZE)
			      : read(pipe->fd, pipe->input, INPUT_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		err(EX_UNAVAILABLE, "cannot read from redis-server");
	if (n == 0)
		errx(EX_UNAVAILABLE, "redis-server closed the connection");
	if (redisReaderFeed(pipe->reader, pipe->input, (size_t)n) != REDIS_OK)
		errx(EX_OSERR, "cannot parse a reply of redis-server: %s", pipe->reader->errstr);
}

bool bench_pipe_next(bench_pipe *pipe, void **reply)
{
	*reply = NULL;
	if (redisReaderGetReply(pipe->reader, reply) != REDIS_OK)
		errx(EX_PROTOCOL, "cannot parse a reply of redis-server: %s", pipe->reader->errstr);
	return *reply != NULL;
}

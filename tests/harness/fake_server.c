#include "harness/fake_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINKS_MAX = 16, CHUNK = 64 * 1024, NOISE_MAX = 300, DEPTH_MAX = 10000, DRIP_MS = 1 };

typedef struct {
	char *bytes;
	size_t length, capacity;
} buffer;

/* A client, and the connection to the real server on its behalf. */
typedef struct {
	int client, real;              /* -1: none */
	buffer commands, replies;      /* bytes of a command or reply that is not complete yet */
	buffer out;                    /* to the client */
	bool silent, dripping, ending; /* ending: closed when `out` is gone */
} connection;

struct test_fake_server {
	const test_server *server;
	char directory[64], path[96], address[112];
	int listener, wake;
	pthread_t thread;
	connection links[LINKS_MAX];

	pthread_mutex_t lock; /* of the plan */
	test_fake_plan plan;
	unsigned replies; /* since arming */
	uint64_t random;

	atomic_ulong connections, commands, broken;
	atomic_bool stopping;
};

static const char *const fault_names[] = {
	"none",       "noise", "cut",     "half",  "huge",    "negative", "deep",
	"wrong type", "nil",   "missing", "twice", "silence", "drip",     "given",
};

const char *test_fault_name(test_fault fault)
{
	return fault_names[fault];
}

/* --- buffers; a NUL follows the bytes ---------------------------------- */

static void append(buffer *b, const void *bytes, size_t length)
{
	if (b->length + length + 1 > b->capacity) {
		b->capacity = (b->length + length + 1) * 2;
		b->bytes = realloc(b->bytes, b->capacity);
		if (!b->bytes)
			abort();
	}
	memcpy(b->bytes + b->length, bytes, length);
	b->length += length;
	b->bytes[b->length] = '\0';
}

static void consume(buffer *b, size_t length)
{
	b->length -= length;
	memmove(b->bytes, b->bytes + length, b->length + 1);
}

/* The length of the first complete value (a command is a value, too); 0 if none is complete. */
static size_t value_length(const buffer *b)
{
	size_t at = 0;
	for (long left = 1; left > 0; left--) {
		const char *end = at < b->length ? memchr(b->bytes + at, '\n', b->length - at) : NULL;
		if (!end)
			return 0;
		char type = b->bytes[at];
		long number = strtol(b->bytes + at + 1, NULL, 10);
		at = (size_t)(end - b->bytes) + 1;
		if (type == '$' && number >= 0)
			at += (size_t)number + 2;
		else if (type == '*' && number > 0)
			left += number;
	}
	return at <= b->length ? at : 0;
}

/* --- faults ------------------------------------------------------------------------------------ */

static uint64_t draw(test_fake_server *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static void append_text(buffer *b, const char *text)
{
	append(b, text, strlen(text));
}

static const char *pick(test_fake_server *s, const char *const *texts, size_t count)
{
	return texts[draw(s) % count];
}

#define PICK(server, ...)                                \
	pick(server, (const char *const[]){__VA_ARGS__}, \
	     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void make_noise(test_fake_server *s, buffer *out)
{
	/* Half of the time it begins like a reply. */
	if (draw(s) % 2)
		append(out, &"+-:$*_,#!=(%~>|"[draw(s) % 15], 1);
	for (size_t n = 1 + draw(s) % NOISE_MAX; n > 0; n--)
		append(out, &(char){(char)draw(s)}, 1);
	append_text(out, "\r\n");
}

static void nest(test_fake_server *s, buffer *out)
{
	for (size_t depth = 9 + draw(s) % DEPTH_MAX; depth > 0; depth--)
		append_text(out, "*1\r\n");
	append_text(out, ":1\r\n");
}

static size_t kept_length(test_fake_server *s, size_t length)
{
	size_t drawn = draw(s) % length;
	return s->plan.keep == 0 ? drawn : s->plan.keep < length ? s->plan.keep : length - 1;
}

/* Sends the client a broken version of one reply of the real server. */
static void break_reply(test_fake_server *s, connection *link, const char *reply, size_t length)
{
	buffer *out = &link->out;
	atomic_fetch_add(&s->broken, 1);
	switch (s->plan.fault) {
	case TEST_FAULT_NOISE:
		make_noise(s, out);
		break;
	case TEST_FAULT_CUT:
		append(out, reply, kept_length(s, length));
		link->ending = true;
		break;
	case TEST_FAULT_HALF:
		append(out, reply, kept_length(s, length));
		link->silent = true;
		break;
	case TEST_FAULT_HUGE:
		append_text(out, PICK(s, "$2147483647\r\nabc", "$9223372036854775807\r\nabc",
				      "$536870912\r\n", "*2147483647\r\n:1\r\n", "*1048577\r\n:1\r\n",
				      "*1048576\r\n:1\r\n", "*4294967295\r\n",
				      "*9223372036854775807\r\n+a\r\n", "$99999999999999999999999\r\n"));
		link->silent = draw(s) % 2;
		break;
	case TEST_FAULT_NEGATIVE:
		append_text(out,
			    PICK(s, "$-2\r\n", "*-2\r\n", "$-9223372036854775808\r\n", "*-2147483648\r\n",
				 "$-\r\n", "*2\r\n$-5\r\nab\r\n:1\r\n", "*-1\r\n", "$-1\r\n"));
		break;
	case TEST_FAULT_DEEP:
		nest(s, out);
		break;
	case TEST_FAULT_WRONG_TYPE:
		append_text(out, PICK(s, "+OK\r\n", ":1\r\n", ":-9223372036854775808\r\n", "$-1\r\n",
				      "*-1\r\n", "*0\r\n", "$0\r\n\r\n", "*1\r\n$2\r\nOK\r\n",
				      "*2\r\n$2\r\nOK\r\n*0\r\n", "*4\r\n$2\r\nOK\r\n:-1\r\n$-1\r\n+x\r\n",
				      "*5\r\n+OK\r\n+1\r\n+2\r\n+3\r\n*1\r\n*0\r\n",
				      "*3\r\n$3\r\nDUP\r\n$3\r\n0-x\r\n:999999\r\n",
				      "-ERR \x1b[31mnot\ttoday\x7f\r\n", "-BUSY try again\r\n",
				      "-NOSCRIPT none\r\n", "-LOADING still\r\n", "-OOM none left\r\n",
				      "-\r\n", "*2\r\n$6\r\nFENCED\r\n:5\r\n", "*1\r\n$7\r\nUNKNOWN\r\n",
				      "*1\r\n*2\r\n$3\r\nkey\r\n*1\r\n*2\r\n$3\r\n5-5\r\n*1\r\n$1\r\na\r\n"));
		break;
	case TEST_FAULT_NIL:
		append_text(out, "*-1\r\n");
		break;
	case TEST_FAULT_MISSING:
		break;
	case TEST_FAULT_TWICE:
		append(out, reply, length);
		append(out, reply, length);
		break;
	case TEST_FAULT_SILENCE:
		link->silent = true;
		break;
	case TEST_FAULT_DRIP:
		link->dripping = true;
		append(out, reply, length);
		break;
	case TEST_FAULT_GIVEN:
		append_text(out, s->plan.given);
		break;
	case TEST_FAULT_NONE:
		append(out, reply, length);
		break;
	}
}

static bool is_to_be_broken(test_fake_server *s)
{
	const test_fake_plan *plan = &s->plan;
	unsigned number = s->replies++;
	if (plan->fault == TEST_FAULT_NONE || number < plan->at)
		return false;
	return number == plan->at || (plan->period > 0 && (number - plan->at) % plan->period == 0);
}

/* --- passing on ------------------------------------------------------------------------------------ */

static void take_replies(test_fake_server *s, connection *link)
{
	for (size_t length; !link->ending && !link->silent && (length = value_length(&link->replies));) {
		pthread_mutex_lock(&s->lock);
		if (is_to_be_broken(s))
			break_reply(s, link, link->replies.bytes, length);
		else
			append(&link->out, link->replies.bytes, length);
		pthread_mutex_unlock(&s->lock);
		consume(&link->replies, length);
	}
	if (link->silent)
		link->replies.length = 0;
}

/* Reads into the buffer; false at the end. */
static bool receive(int fd, buffer *b)
{
	char chunk[CHUNK];
	ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (n > 0)
		append(b, chunk, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool pass_commands(test_fake_server *s, connection *link)
{
	if (!receive(link->client, &link->commands))
		return false;
	for (size_t length; (length = value_length(&link->commands));) {
		atomic_fetch_add(&s->commands, 1);
		if (send(link->real, link->commands.bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
			return false;
		consume(&link->commands, length);
	}
	return true;
}

static bool pass_replies(test_fake_server *s, connection *link)
{
	if (!receive(link->real, &link->replies))
		return false;
	take_replies(s, link);
	return true;
}

static bool flush(connection *link)
{
	if (link->out.length > 0) {
		size_t length = link->dripping ? 1 : link->out.length;
		ssize_t n = send(link->client, link->out.bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0)
			consume(&link->out, (size_t)n);
	}
	return !link->ending || link->out.length > 0;
}

/* --- connections ------------------------------------------------------------------------------------- */

static int unix_socket(const char *path, struct sockaddr_un *name)
{
	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(name->sun_path, sizeof(name->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void close_link(connection *link)
{
	close(link->client);
	if (link->real >= 0)
		close(link->real);
	free(link->commands.bytes);
	free(link->replies.bytes);
	free(link->out.bytes);
	*link = (connection){.client = -1, .real = -1};
}

static void accept_link(test_fake_server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	struct sockaddr_un name;
	connection *link = NULL;
	if (fd < 0)
		return;
	atomic_fetch_add(&s->connections, 1);
	for (int i = 0; i < LINKS_MAX && !link; i++)
		if (s->links[i].client < 0)
			link = &s->links[i];
	if (!link) {
		close(fd);
		return;
	}
	*link = (connection){.client = fd, .real = unix_socket(s->server->socket, &name)};
	if (connect(link->real, (struct sockaddr *)&name, sizeof(name)))
		close_link(link);
}

static void serve_link(test_fake_server *s, connection *link, short client_events, short real_events)
{
	bool good = true;
	if (client_events)
		good = pass_commands(s, link);
	if (good && real_events)
		good = pass_replies(s, link);
	if (!good || !flush(link))
		close_link(link);
}

static void *serve(void *arg)
{
	test_fake_server *s = arg;
	while (!atomic_load(&s->stopping)) {
		struct pollfd polled[2 + 2 * LINKS_MAX] = {{.fd = s->listener, .events = POLLIN},
							   {.fd = s->wake, .events = POLLIN}};
		int timeout = -1;
		for (int i = 0; i < LINKS_MAX; i++) {
			const connection *link = &s->links[i];
			bool out = link->out.length > 0 && !link->dripping;
			if (link->out.length > 0 && link->dripping)
				timeout = DRIP_MS;
			polled[2 + 2 * i] =
				(struct pollfd){link->client, (short)(POLLIN | (out ? POLLOUT : 0)), 0};
			polled[3 + 2 * i] = (struct pollfd){link->real, POLLIN, 0};
		}
		poll(polled, 2 + 2 * LINKS_MAX, timeout);
		for (int i = 0; i < LINKS_MAX; i++)
			if (s->links[i].client >= 0)
				serve_link(s, &s->links[i], polled[2 + 2 * i].revents & ~POLLOUT,
					   polled[3 + 2 * i].revents);
		if (polled[0].revents)
			accept_link(s);
	}
	return NULL;
}

/* --- starting and stopping --------------------------------------------------------------------------- */

test_fake_server *test_fake_server_start(const test_server *real)
{
	struct sockaddr_un name;
	test_fake_server *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->server = real;
	for (int i = 0; i < LINKS_MAX; i++)
		s->links[i] = (connection){.client = -1, .real = -1};
	test_directory_make(s->directory);
	snprintf(s->path, sizeof(s->path), "%s/fake.sock", s->directory);
	snprintf(s->address, sizeof(s->address), "unix://%s", s->path);
	pthread_mutex_init(&s->lock, NULL);
	s->wake = eventfd(0, EFD_CLOEXEC);
	s->listener = unix_socket(s->path, &name);
	if (s->wake < 0 || bind(s->listener, (struct sockaddr *)&name, sizeof(name)) ||
	    listen(s->listener, 64) || pthread_create(&s->thread, NULL, serve, s)) {
		perror("fake server");
		abort();
	}
	return s;
}

const char *test_fake_server_address(const test_fake_server *server)
{
	return server->address;
}

void test_fake_server_arm(test_fake_server *server, const test_fake_plan *plan)
{
	pthread_mutex_lock(&server->lock);
	server->plan = *plan;
	server->random = plan->seed;
	server->replies = 0;
	pthread_mutex_unlock(&server->lock);
}

unsigned long test_fake_server_connections(const test_fake_server *server)
{
	return atomic_load(&server->connections);
}

unsigned long test_fake_server_commands(const test_fake_server *server)
{
	return atomic_load(&server->commands);
}

unsigned long test_fake_server_broken(const test_fake_server *server)
{
	return atomic_load(&server->broken);
}

void test_fake_server_stop(test_fake_server *server)
{
	if (!server)
		return;
	uint64_t one = 1;
	atomic_store(&server->stopping, true);
	ssize_t n = write(server->wake, &one, sizeof(one));
	(void)n;
	pthread_join(server->thread, NULL);
	for (int i = 0; i < LINKS_MAX; i++)
		if (server->links[i].client >= 0)
			close_link(&server->links[i]);
	close(server->listener);
	close(server->wake);
	pthread_mutex_destroy(&server->lock);
	test_directory_remove(server->directory);
	free(server);
}

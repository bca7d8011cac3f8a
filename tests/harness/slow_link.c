#include "harness/slow_link.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { CONNECTIONS_MAX = 64, PIECE = 16 * 1024, SOCKET_BUFFER = 64 * 1024 };

/* While a direction may carry nothing, and to notice the end. */
#define LOOK_MOST (50 * SEG_MS)

/* One direction. It takes the next piece at free_at, from the connection after the one that came last. */
typedef struct {
	int64_t free_at;
	unsigned last;
} lane;

struct test_slow_link {
	char target[96], path[104], address[120];
	unsigned bytes_per_second;
	int listener;
	pthread_t thread;
	atomic_bool stopping;
	/* The thread's own. [0]: the client's end, [1]: the server's; -1: the place is free. */
	int ends[CONNECTIONS_MAX][2];
	lane lanes[2]; /* from the clients, from the server */
};

static int open_socket(const char *path, bool listens)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	const struct sockaddr *to = (const struct sockaddr *)&address;
	int failed = listens ? bind(fd, to, sizeof(address)) || listen(fd, CONNECTIONS_MAX)
			     : connect(fd, to, sizeof(address));
	if (failed) {
		close(fd);
		return -1;
	}
	return fd;
}

static void drop(test_slow_link *l, unsigned i)
{
	for (int side = 0; side < 2; side++) {
		if (l->ends[i][side] >= 0)
			close(l->ends[i][side]);
		l->ends[i][side] = -1;
	}
}

/* The link holds little itself: a piece is not on its way while it waits in a large buffer. */
static void shrink_buffers(int fd)
{
	const int size = SOCKET_BUFFER;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static void accept_one(test_slow_link *l)
{
	int client = accept(l->listener, NULL, NULL);
	for (unsigned i = 0; i < CONNECTIONS_MAX && client >= 0; i++) {
		if (l->ends[i][0] >= 0)
			continue;
		l->ends[i][0] = client;
		l->ends[i][1] = open_socket(l->target, false);
		shrink_buffers(client);
		if (l->ends[i][1] < 0)
			drop(l, i);
		return;
	}
	if (client >= 0)
		close(client);
}

/* Carries one piece of connection i. */
static void carry(test_slow_link *l, unsigned i, int side)
{
	static _Thread_local char piece[PIECE];
	lane *at = &l->lanes[side];
	int64_t now = seg_now();
	ssize_t n = recv(l->ends[i][side], piece, sizeof(piece), 0);
	if (n <= 0 || send(l->ends[i][!side], piece, (size_t)n, MSG_NOSIGNAL) != n) {
		drop(l, i);
		return;
	}
	at->free_at = (at->free_at > now ? at->free_at : now) + n * SEG_SECOND / l->bytes_per_second;
	at->last = i;
}

static int fill(const test_slow_link *l, struct pollfd *set, int64_t now, int64_t *pause)
{
	set[0] = (struct pollfd){.fd = l->listener, .events = POLLIN};
	for (int side = 0; side < 2; side++) {
		int64_t wait = l->lanes[side].free_at - now;
		if (wait > 0 && wait < *pause)
			*pause = wait;
		for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
			set[1 + side * CONNECTIONS_MAX + i] =
				(struct pollfd){.fd = wait > 0 ? -1 : l->ends[i][side], .events = POLLIN};
	}
	return 1 + 2 * CONNECTIONS_MAX;
}

static void *run(void *arg)
{
	test_slow_link *l = arg;
	struct pollfd set[1 + 2 * CONNECTIONS_MAX];
	while (!atomic_load(&l->stopping)) {
		int64_t pause = LOOK_MOST;
		int count = fill(l, set, seg_now(), &pause);
		struct timespec timeout = {.tv_nsec = pause};
		if (ppoll(set, (nfds_t)count, &timeout, NULL) <= 0)
			continue;
		for (int side = 0; side < 2; side++) {
			for (unsigned n = 1; n <= CONNECTIONS_MAX; n++) {
				unsigned i = (l->lanes[side].last + n) % CONNECTIONS_MAX;
				if (!set[1 + side * CONNECTIONS_MAX + i].revents || l->ends[i][side] < 0)
					continue;
				carry(l, i, side);
				break;
			}
		}
		if (set[0].revents)
			accept_one(l);
	}
	return NULL;
}

test_slow_link *test_slow_link_start(const char *path, unsigned bytes_per_second)
{
	test_slow_link *l = calloc(1, sizeof(*l));
	assert_non_null(l);
	snprintf(l->target, sizeof(l->target), "%s", path);
	snprintf(l->path, sizeof(l->path), "%s.slow", path);
	snprintf(l->address, sizeof(l->address), "unix://%s", l->path);
	l->bytes_per_second = bytes_per_second;
	memset(l->ends, -1, sizeof(l->ends));
	l->listener = open_socket(l->path, true);
	if (l->listener < 0 || pthread_create(&l->thread, NULL, run, l))
		fail_msg("no slow link at %s", l->path);
	return l;
}

const char *test_slow_link_address(const test_slow_link *l)
{
	return l->address;
}

void test_slow_link_stop(test_slow_link *l)
{
	if (!l)
		return;
	atomic_store(&l->stopping, true);
	pthread_join(l->thread, NULL);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		drop(l, i);
	close(l->listener);
	unlink(l->path);
	free(l);
}

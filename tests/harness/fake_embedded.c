#include "harness/fake_embedded.h"

#include <fcntl.h>
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
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/server.h"

enum { LINKS_MAX = 16, LOOK_MS = 20, PATIENCE_MS = 20000 };

struct test_fake_embedded {
	const char *answer;
	struct sockaddr_un name;
	int lock, listener, links[LINKS_MAX]; /* -1: none */
	atomic_bool stopping;
	pthread_t thread;
};

static void take_link(test_fake_embedded *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	for (int i = 0; fd >= 0 && i < LINKS_MAX; i++)
		if (s->links[i] < 0) {
			s->links[i] = fd;
			return;
		}
	if (fd >= 0)
		close(fd);
}

static void serve_link(test_fake_embedded *s, int *link)
{
	char command[1024];
	if (recv(*link, command, sizeof(command), 0) <= 0) {
		close(*link);
		*link = -1;
	} else if (s->answer) {
		ssize_t sent = send(*link, s->answer, strlen(s->answer), MSG_NOSIGNAL);
		(void)sent;
	}
}

static void *serve(void *arg)
{
	test_fake_embedded *s = arg;
	while (!atomic_load(&s->stopping)) {
		struct pollfd polled[1 + LINKS_MAX] = {{.fd = s->listener, .events = POLLIN}};
		for (int i = 0; i < LINKS_MAX; i++)
			polled[1 + i] = (struct pollfd){.fd = s->links[i], .events = POLLIN};
		poll(polled, 1 + LINKS_MAX, LOOK_MS);
		for (int i = 0; i < LINKS_MAX; i++)
			if (s->links[i] >= 0 && polled[1 + i].revents)
				serve_link(s, &s->links[i]);
		if (polled[0].revents)
			take_link(s);
	}
	return NULL;
}

static bool has_lock(void *arg)
{
	const test_fake_embedded *s = arg;
	return flock(s->lock, LOCK_EX | LOCK_NB) == 0;
}

test_fake_embedded *test_fake_embedded_start(const char *directory, const char *answer)
{
	char path[160];
	test_fake_embedded *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->answer = answer;
	for (int i = 0; i < LINKS_MAX; i++)
		s->links[i] = -1;
	snprintf(path, sizeof(path), "%s/server.lock", directory);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(s->lock >= 0);
	test_wait_until(has_lock, s, PATIENCE_MS, "server.lock to be free");
	/* Every start of a real server sets this time, too. */
	assert_int_equal(futimens(s->lock, NULL), 0);
	s->name.sun_family = AF_UNIX;
	snprintf(s->name.sun_path, sizeof(s->name.sun_path), "%s/redis.sock", directory);
	unlink(s->name.sun_path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->listener, (const struct sockaddr *)&s->name, sizeof(s->name)), 0);
	assert_int_equal(listen(s->listener, LINKS_MAX), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return s;
}

void test_fake_embedded_stop(test_fake_embedded *s)
{
	if (!s)
		return;
	atomic_store(&s->stopping, true);
	pthread_join(s->thread, NULL);
	for (int i = 0; i < LINKS_MAX; i++)
		if (s->links[i] >= 0)
			close(s->links[i]);
	close(s->listener);
	unlink(s->name.sun_path);
	close(s->lock);
	free(s);
}

#include "embedded/embedded.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "embedded/inspect.h"
#include "embedded/link.h"
#include "embedded/lock.h"
#include "embedded/paths.h"
#include "embedded/repair.h"
#include "embedded/server.h"

#define LOCK_TIMEOUT (60 * SEG_SECOND)
#define STOP_TIMEOUT (60 * SEG_SECOND)
#define ANSWER_TIMEOUT (30 * SEG_SECOND)
#define PAUSE (5 * SEG_MS) /* between two looks at a server that does not answer yet */

struct seg_embedded {
	seg_embedded_paths paths;
	char *address;
	bool always;                             /* this user's appendfsync */
	int start_lock, users_lock, server_lock; /* descriptors; -1: not open */
	struct timespec started; /* mtime of server.lock when this user last saw the server answer */
};

const char *seg_embedded_address(const seg_embedded *e)
{
	return e->address;
}

/* --- the locks --------------------------------------------------------------- */

static int begin(seg_embedded *e, seg_error *error)
{
	if (seg_embedded_lock_wait(e->start_lock, LOCK_EX, LOCK_TIMEOUT))
		return 0;
	return seg_fail(
		error, SEG_ETIMEOUT,
		"another segrunner has been starting or stopping the embedded Redis on %s for %d s; look for a segrunner "
		"that is suspended (SIGSTOP), and into %s",
		e->paths.directory, (int)(LOCK_TIMEOUT / SEG_SECOND), e->paths.log);
}

static void end(seg_embedded *e)
{
	seg_embedded_lock_drop(e->start_lock);
}

/* Whether no server runs; then server_lock is held. Under start_lock. */
static bool take_server_lock(seg_embedded *e)
{
	return seg_embedded_lock_try(e->server_lock, LOCK_EX);
}

static void drop_server_lock(seg_embedded *e)
{
	seg_embedded_lock_drop(e->server_lock);
}

/* When the newest server was started: tells it from the servers before. */
static struct timespec start_time(const seg_embedded *e)
{
	struct stat status = {0};
	fstat(e->server_lock, &status);
	return status.st_mtim;
}

/* --- starting ------------------------------------------------------------------ */

/* The last line of the server's log, for an error. */
static void read_last_words(const seg_embedded *e, char *text, size_t size)
{
	char tail[1024];
	ssize_t n = -1;
	int fd = open(e->paths.log, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		off_t length = lseek(fd, 0, SEEK_END);
		n = pread(fd, tail, sizeof(tail) - 1,
			  length > (off_t)sizeof(tail) - 1 ? length - (off_t)sizeof(tail) + 1 : 0);
		close(fd);
	}
	while (n > 0 && isspace((unsigned char)tail[n - 1]))
		n--;
	if (n <= 0) {
		snprintf(text, size, "nothing");
		return;
	}
	tail[n] = '\0';
	const char *line = strrchr(tail, '\n');
	snprintf(text, size, "\"%.200s\"", line ? line + 1 : tail);
}

/* Under start_lock, with server_lock held; the server takes server_lock over. */
static int start_server(seg_embedded *e, seg_error *error)
{
	seg_embedded_link link;
	if (seg_embedded_link_open(&link, e->paths.socket) == 0) {
		pid_t peer = link.peer;
		seg_embedded_link_close(&link);
		return seg_fail(
			error, SEG_ESERVER,
			"a server that segrunner did not start (process %d) listens on %s; stop it, or choose "
			"another directory for the embedded Redis",
			(int)peer, e->paths.socket);
	}
	int status = seg_embedded_repair(e->paths.directory, e->start_lock, error);
	return status ? status
		      : seg_embedded_server_start(&e->paths, e->always ? "always" : "everysec",
						  e->server_lock, error);
}

/* Reopens server_lock. The lock stays with the old file description, which only the server has then. */
static int hand_server_lock_over(seg_embedded *e, seg_error *error)
{
	close(e->server_lock);
	return seg_embedded_lock_open(e->paths.server_lock, &e->server_lock, error);
}

/* 0: a server runs; 1: none ran, and one was started; or an error. */
static int start_if_none_runs(seg_embedded *e, seg_error *error)
{
	int status = begin(e, error);
	if (status)
		return status;
	if (take_server_lock(e)) {
		futimens(e->server_lock, NULL);
		status = start_server(e, error);
		if (status)
			drop_server_lock(e);
		else
			status = hand_server_lock_over(e, error);
		if (!status)
			status = 1;
	}
	end(e);
	return status;
}

/* --- waiting until it answers ----------------------------------------------------- */

static int died(seg_embedded *e, seg_error *error)
{
	char last[256];
	read_last_words(e, last, sizeof(last));
	return seg_fail(
		error, SEG_ESERVER,
		"the embedded Redis on %s did not start (it must be redis-server 7.0 or later); the last line of its "
		"log redis.log there is: %s",
		e->paths.directory, last);
}

static int hangs(seg_embedded *e, seg_error *error)
{
	char last[256];
	read_last_words(e, last, sizeof(last));
	return seg_fail(
		error, SEG_EUNREACHABLE,
		"the embedded Redis on %s runs (its process is in redis.pid there) but has not answered for %d s; the "
		"last line of its log redis.log is: %s",
		e->paths.directory, (int)(ANSWER_TIMEOUT / SEG_SECOND), last);
}

static seg_embedded_state look(seg_embedded *e, int *status, seg_error *error)
{
	seg_embedded_link link;
	if (seg_embedded_link_open(&link, e->paths.socket))
		return SEG_EMBEDDED_SILENT;
	seg_embedded_state state = seg_embedded_ping(&link);
	if (state == SEG_EMBEDDED_ANSWERING)
		*status = seg_embedded_check(&link, &e->paths, e->always, error);
	seg_embedded_link_close(&link);
	return state;
}

/* An error if no server runs any more. */
static int check_alive(seg_embedded *e, seg_error *error)
{
	int status = begin(e, error);
	if (status)
		return status;
	bool dead = take_server_lock(e);
	if (dead)
		drop_server_lock(e);
	end(e);
	return dead ? died(e, error) : 0;
}

/* Loading takes as long as it takes. A silent server is given up after ANSWER_TIMEOUT. */
static int wait_until_it_answers(seg_embedded *e, seg_error *error)
{
	int64_t deadline = seg_now() + ANSWER_TIMEOUT;
	int status = 0;
	e->started = start_time(e);
	for (;;) {
		switch (look(e, &status, error)) {
		case SEG_EMBEDDED_ANSWERING:
			return status;
		case SEG_EMBEDDED_LOADING:
			deadline = seg_now() + ANSWER_TIMEOUT;
			break;
		case SEG_EMBEDDED_SILENT:
			status = check_alive(e, error);
			break;
		}
		if (status)
			return status;
		if (seg_now() > deadline)
			return hangs(e, error);
		nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
	}
}

static bool is_the_one_seen(const seg_embedded *e)
{
	struct timespec newest = start_time(e);
	return newest.tv_sec == e->started.tv_sec && newest.tv_nsec == e->started.tv_nsec;
}

bool seg_embedded_is_well(seg_embedded *e)
{
	if (!seg_embedded_lock_try(e->start_lock, LOCK_EX))
		return false; /* another user is starting a server, or stopping it */
	bool dead = take_server_lock(e);
	if (dead)
		drop_server_lock(e);
	end(e);
	return !dead && is_the_one_seen(e);
}

int seg_embedded_ensure(seg_embedded *e, seg_error *error)
{
	int started = start_if_none_runs(e, error);
	if (started < 0)
		return started;
	if (is_the_one_seen(e))
		return 0;
	/* Also where another runner has started it: its appendfsync may be less strict than this user's. */
	int status = wait_until_it_answers(e, error);
	return status ? status : started;
}

/* --- attaching and detaching ---------------------------------------------------- */

static void release(seg_embedded *e)
{
	int fds[] = {e->users_lock, e->server_lock, e->start_lock};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	seg_embedded_paths_fini(&e->paths);
	free(e->address);
	free(e);
}

/* Waits where the keeper is stopping the server. */
static int become_user(seg_embedded *e, seg_error *error)
{
	int status = begin(e, error);
	if (status)
		return status;
	if (!seg_embedded_lock_wait(e->users_lock, LOCK_SH, STOP_TIMEOUT))
		status = seg_fail(
			error, SEG_ETIMEOUT,
			"the embedded Redis on %s has been stopping for %d s; look into its log redis.log there",
			e->paths.directory, (int)(STOP_TIMEOUT / SEG_SECOND));
	end(e);
	return status;
}

static int open_locks(seg_embedded *e, seg_error *error)
{
	int status = seg_embedded_lock_open(e->paths.start_lock, &e->start_lock, error);
	if (!status)
		status = seg_embedded_lock_open(e->paths.users_lock, &e->users_lock, error);
	if (!status)
		status = seg_embedded_lock_open(e->paths.server_lock, &e->server_lock, error);
	return status;
}

static int make(seg_embedded *e, const char *directory, seg_error *error)
{
	int status = seg_embedded_paths_init(&e->paths, directory, error);
	if (status)
		return status;
	e->address = seg_embedded_paths_address(e->paths.directory);
	return e->address ? open_locks(e, error) : seg_fail(error, SEG_ENOMEM, "out of memory");
}

int seg_embedded_attach(const char *directory, const char *appendfsync, seg_embedded **embedded,
			seg_error *error)
{
	*embedded = NULL;
	bool always = strcmp(appendfsync, "always") == 0;
	if (!always && strcmp(appendfsync, "everysec") != 0)
		return seg_fail(error, SEG_EINVAL, "appendfsync must be always or everysec, not \"%.40s\"",
				appendfsync);
	seg_embedded *e = calloc(1, sizeof(*e));
	if (!e)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	e->always = always;
	e->start_lock = e->users_lock = e->server_lock = -1;
	int status = make(e, directory, error);
	if (!status)
		status = become_user(e, error);
	if (!status)
		status = start_if_none_runs(e, error);
	if (status >= 0)
		status = wait_until_it_answers(e, error);
	if (status) {
		release(e);
		return status;
	}
	*embedded = e;
	return 0;
}

static int stop_server(seg_embedded *e, seg_error *error)
{
	char refusal[200];
	if (take_server_lock(e))
		return 0;
	seg_embedded_shut_down(&e->paths, STOP_TIMEOUT, refusal, sizeof(refusal));
	if (seg_embedded_lock_wait(e->server_lock, LOCK_EX, STOP_TIMEOUT))
		return 0;
	return seg_fail(
		error, SEG_ETIMEOUT,
		"the embedded Redis on %s did not stop within %d s: %s; look into its log redis.log there",
		e->paths.directory, (int)(STOP_TIMEOUT / SEG_SECOND), refusal);
}

int seg_embedded_detach(seg_embedded *e, seg_error *error)
{
	if (!e)
		return 0;
	int status = begin(e, error);
	if (!status) {
		/* LOCK_EX fails where others use the server, and also where the keeper already stops it. */
		bool last = seg_embedded_lock_try(e->users_lock, LOCK_EX) ||
			    !seg_embedded_lock_try(e->users_lock, LOCK_SH);
		if (last)
			status = stop_server(e, error);
	}
	release(e);
	return status;
}

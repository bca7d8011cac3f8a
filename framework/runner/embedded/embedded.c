#include "embedded/embedded.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "embedded/link.h"
#include "embedded/repair.h"
#include "embedded/server.h"

enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

#define LOCK_TIMEOUT (60 * SEG_SECOND)
#define STOP_TIMEOUT (60 * SEG_SECOND)
#define ANSWER_TIMEOUT (30 * SEG_SECOND)

struct seg_embedded {
	seg_embedded_paths paths;
	char *address;
	bool always;                             /* this user's appendfsync */
	int start_lock, users_lock, server_lock; /* descriptors, -1: none */
	struct timespec
		started; /* when the server was that this user last saw answering: server_lock's mtime */
};

const char *seg_embedded_address(const seg_embedded *e)
{
	return e->address;
}

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 5 * SEG_MS}, NULL);
}

/* --- the directory --------------------------------------------------------- */

static int check_directory(const char *directory, seg_error *error)
{
	if (mkdir(directory, 0700) && errno != EEXIST)
		return seg_fail(
			error, SEG_EINVAL,
			"cannot make the embedded Redis's directory %s: %s; make it, or choose another one",
			directory, strerror(errno));
	struct stat status;
	if (stat(directory, &status) || !S_ISDIR(status.st_mode))
		return seg_fail(error, SEG_EINVAL, "%s, for the embedded Redis's data, is not a directory",
				directory);
	if (status.st_mode & S_IWOTH)
		return seg_fail(
			error, SEG_EINVAL,
			"every user of this machine may write to %s; the embedded Redis needs a directory of "
			"its own: chmod o-w it, or choose another one",
			directory);
	return 0;
}

static char *join(const char *directory, const char *name)
{
	char *path;
	return asprintf(&path, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, name) < 0 ? NULL : path;
}

/* The socket's path as an address: what means something there is escaped. */
static char *make_address(const char *socket)
{
	char *address = malloc(sizeof("unix://") + 3 * strlen(socket));
	if (!address)
		return NULL;
	char *end = stpcpy(address, "unix://");
	for (const char *c = socket; *c; c++)
		end += sprintf(end, isalnum((unsigned char)*c) || strchr("/._-+,@:=~", *c) ? "%c" : "%%%02X",
			       (unsigned char)*c);
	return address;
}

static int make_paths(seg_embedded *e, const char *directory, seg_error *error)
{
	seg_embedded_paths *p = &e->paths;
	p->directory = realpath(directory, NULL);
	if (!p->directory)
		return seg_fail(error, SEG_EINVAL, "cannot use %s for the embedded Redis's data: %s",
				directory, strerror(errno));
	p->socket = join(p->directory, "redis.sock");
	p->log = join(p->directory, "redis.log");
	p->pid = join(p->directory, "redis.pid");
	p->start_lock = join(p->directory, "start.lock");
	p->users_lock = join(p->directory, "users.lock");
	p->server_lock = join(p->directory, "server.lock");
	if (!p->socket || !p->log || !p->pid || !p->start_lock || !p->users_lock || !p->server_lock)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	if (strlen(p->socket) > SOCKET_PATH_MAX)
		return seg_fail(
			error, SEG_EINVAL,
			"the directory's name %s is too long for the embedded Redis's socket: %zu bytes, and at most "
			"%zu can be; choose a shorter one",
			p->directory, strlen(p->directory), SOCKET_PATH_MAX - strlen("/redis.sock"));
	e->address = make_address(p->socket);
	return e->address ? 0 : seg_fail(error, SEG_ENOMEM, "out of memory");
}

static void free_paths(seg_embedded_paths *p)
{
	free(p->directory);
	free(p->socket);
	free(p->log);
	free(p->pid);
	free(p->start_lock);
	free(p->users_lock);
	free(p->server_lock);
}

/* --- the locks --------------------------------------------------------------- */

static int open_lock(const char *path, int *fd, seg_error *error)
{
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd >= 0)
		return 0;
	return seg_fail(
		error, SEG_EINVAL,
		"cannot open %s: %s; the embedded Redis's directory must be writable, and its files this user's own",
		path, strerror(errno));
}

static bool try_lock(int fd, int kind)
{
	while (flock(fd, kind | LOCK_NB))
		if (errno != EINTR)
			return false;
	return true;
}

static bool wait_for_lock(int fd, int kind, int64_t timeout)
{
	int64_t deadline = seg_now() + timeout;
	while (!try_lock(fd, kind)) {
		if (seg_now() > deadline)
			return false;
		pause_briefly();
	}
	return true;
}

static int begin(seg_embedded *e, seg_error *error)
{
	if (wait_for_lock(e->start_lock, LOCK_EX, LOCK_TIMEOUT))
		return 0;
	return seg_fail(
		error, SEG_ETIMEOUT,
		"another segrunner has been starting or stopping the embedded Redis on %s for %d s; look for one "
		"that is stopped (SIGSTOP), and into %s",
		e->paths.directory, (int)(LOCK_TIMEOUT / SEG_SECOND), e->paths.log);
}

static void end(seg_embedded *e)
{
	flock(e->start_lock, LOCK_UN);
}

/* Under start_lock: whether no server runs; server_lock is then held. */
static bool take_server_lock(seg_embedded *e)
{
	return try_lock(e->server_lock, LOCK_EX);
}

static void drop_server_lock(seg_embedded *e)
{
	flock(e->server_lock, LOCK_UN);
}

/* When the newest server was started, to tell it from its predecessor. */
static struct timespec start_time(const seg_embedded *e)
{
	struct stat status = {0};
	fstat(e->server_lock, &status);
	return status.st_mtim;
}

/* --- starting ------------------------------------------------------------------ */

/* The last line of the server's log, for messages. */
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

/* Under start_lock, with server_lock held, which the server takes over. */
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
	int status = seg_embedded_repair(e->paths.directory, error);
	return status ? status
		      : seg_embedded_server_start(&e->paths, e->always ? "always" : "everysec",
						  e->server_lock, error);
}

/* Reopens server_lock: the lock goes with the old description, which only the server then has. */
static int hand_server_lock_over(seg_embedded *e, seg_error *error)
{
	close(e->server_lock);
	return open_lock(e->paths.server_lock, &e->server_lock, error);
}

/* 0: it runs; 1: it did not, and was started; or an error. */
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

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static const char *setting(const redisReply *reply, const char *name)
{
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		return "";
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (strcmp(reply->element[i]->str, name) == 0)
			return reply->element[i + 1]->str;
	return "";
}

/* The server answers: is it the one on our directory, and as careful as this user wants it? */
static int check_server(seg_embedded *e, seg_embedded_link *link, seg_error *error)
{
	int64_t deadline = seg_now() + ANSWER_TIMEOUT;
	redisReply *reply = seg_embedded_link_ask(link, "CONFIG GET dir appendfsync appendonly", deadline);
	bool ours = same_file(setting(reply, "dir"), e->paths.directory) &&
		    strcmp(setting(reply, "appendonly"), "yes") == 0;
	bool raise = e->always && strcmp(setting(reply, "appendfsync"), "always") != 0;
	if (reply)
		freeReplyObject(reply);
	if (!ours)
		return seg_fail(
			error, SEG_ESERVER,
			"the server that listens on %s (process %d) does not keep its data in %s; stop it, or choose "
			"another directory for the embedded Redis",
			e->paths.socket, (int)link->peer, e->paths.directory);
	if (!raise)
		return 0;
	reply = seg_embedded_link_ask(link, "CONFIG SET appendfsync always", deadline);
	bool raised = reply && reply->type == REDIS_REPLY_STATUS;
	if (reply)
		freeReplyObject(reply);
	return raised ? 0
		      : seg_fail(error, SEG_ESERVER, "the embedded Redis on %s refuses appendfsync = always",
				 e->paths.directory);
}

typedef enum { SILENT, LOADING, REFUSING, ANSWERING } seg_embedded_mood;

static seg_embedded_mood ping(seg_embedded_link *link)
{
	redisReply *reply = seg_embedded_link_ask(link, "PING", seg_now() + SEG_SECOND);
	if (!reply)
		return SILENT;
	seg_embedded_mood mood = ANSWERING;
	if (reply->type == REDIS_REPLY_ERROR)
		mood = strncmp(reply->str, "LOADING", 7) == 0 ? LOADING : REFUSING;
	freeReplyObject(reply);
	return mood;
}

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
		"the embedded Redis on %s runs (redis.pid there says where) but has not answered for %d s; the last "
		"line of its log is: %s",
		e->paths.directory, (int)(ANSWER_TIMEOUT / SEG_SECOND), last);
}

/* Loading may take as long as it takes; silence may not. */
static int wait_until_it_answers(seg_embedded *e, seg_error *error)
{
	int64_t deadline = seg_now() + ANSWER_TIMEOUT;
	e->started = start_time(e);
	for (;;) {
		seg_embedded_link link;
		seg_embedded_mood mood = SILENT;
		if (seg_embedded_link_open(&link, e->paths.socket) == 0) {
			mood = ping(&link);
			int status = mood >= REFUSING ? check_server(e, &link, error) : 0;
			seg_embedded_link_close(&link);
			if (mood >= REFUSING)
				return status;
		}
		if (mood == LOADING) {
			deadline = seg_now() + ANSWER_TIMEOUT;
		} else {
			int status = begin(e, error);
			if (status)
				return status;
			bool gone = take_server_lock(e);
			if (gone)
				drop_server_lock(e);
			end(e);
			if (gone)
				return died(e, error);
		}
		if (seg_now() > deadline)
			return hangs(e, error);
		pause_briefly();
	}
}

int seg_embedded_ensure(seg_embedded *e, seg_error *error)
{
	int started = start_if_none_runs(e, error);
	if (started < 0)
		return started;
	struct timespec newest = start_time(e);
	if (newest.tv_sec == e->started.tv_sec && newest.tv_nsec == e->started.tv_nsec)
		return 0;
	/* Also where another runner has started it: that one may be content with less than our appendfsync. */
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
	free_paths(&e->paths);
	free(e->address);
	free(e);
}

/* Waits where the server is just being stopped. */
static int become_user(seg_embedded *e, seg_error *error)
{
	int status = begin(e, error);
	if (status)
		return status;
	if (!wait_for_lock(e->users_lock, LOCK_SH, STOP_TIMEOUT))
		status = seg_fail(
			error, SEG_ETIMEOUT,
			"the embedded Redis on %s has been stopping for %d s; look into its log redis.log there",
			e->paths.directory, (int)(STOP_TIMEOUT / SEG_SECOND));
	end(e);
	return status;
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

	int status = check_directory(directory, error);
	if (!status)
		status = make_paths(e, directory, error);
	if (!status)
		status = open_lock(e->paths.start_lock, &e->start_lock, error);
	if (!status)
		status = open_lock(e->paths.users_lock, &e->users_lock, error);
	if (!status)
		status = open_lock(e->paths.server_lock, &e->server_lock, error);
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
	if (take_server_lock(e))
		return 0;
	seg_embedded_link link;
	char refusal[200] = "it does not answer";
	if (seg_embedded_link_open(&link, e->paths.socket) == 0) {
		/* Without a reply it went, as it should: with an append-only file it first writes that to disk. */
		redisReply *reply = seg_embedded_link_ask(&link, "SHUTDOWN", seg_now() + STOP_TIMEOUT);
		if (reply)
			snprintf(refusal, sizeof(refusal), "%s", reply->str ? reply->str : "it refuses");
		if (reply)
			freeReplyObject(reply);
		seg_embedded_link_close(&link);
	}
	if (wait_for_lock(e->server_lock, LOCK_EX, STOP_TIMEOUT))
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
		/* Refused where others use it; but also where the keeper, seeing none, is stopping it already. */
		bool last = try_lock(e->users_lock, LOCK_EX) || !try_lock(e->users_lock, LOCK_SH);
		if (last)
			status = stop_server(e, error);
	}
	release(e);
	return status;
}

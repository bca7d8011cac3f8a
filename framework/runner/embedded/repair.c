#include "embedded/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

extern char **environ;

enum { SAID_MAX = 16 * 1024 };

/* Reads the output, and keeps its end if it is long. */
static void read_all(int fd, char said[SAID_MAX])
{
	size_t used = 0;
	for (;;) {
		if (used == SAID_MAX - 1) {
			memmove(said, said + SAID_MAX / 2, SAID_MAX / 2 - 1);
			used = SAID_MAX / 2 - 1;
		}
		ssize_t n = read(fd, said + used, SAID_MAX - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	said[used] = '\0';
}

/* Starts the program with the pipes' ends as its input, output and errors; it keeps start_lock open. 0 or an errno. */
static int spawn(const char *const *argv, int input, int output, int start_lock, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int failure = posix_spawn_file_actions_init(&actions);
	if (failure)
		return failure;
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	/* Onto itself: that takes its close-on-exec away. */
	posix_spawn_file_actions_adddup2(&actions, start_lock, start_lock);
	/* Its type predates const; posix_spawnp changes nothing. */
	union {
		const char *const *constant;
		char *const *changeable;
	} words = {argv};
	failure = posix_spawnp(pid, argv[0], &actions, NULL, words.changeable, environ);
	posix_spawn_file_actions_destroy(&actions);
	return failure;
}

/* Runs the program, and answers yes to its question. Returns 0 or an errno; *good: it exited with 0. */
static int run(const char *const *argv, int start_lock, char said[SAID_MAX], bool *good)
{
	int input[2], output[2], status = 0;
	pid_t pid;
	if (pipe2(input, O_CLOEXEC))
		return errno;
	if (pipe2(output, O_CLOEXEC)) {
		int failure = errno;
		close(input[0]);
		close(input[1]);
		return failure;
	}
	ssize_t n = write(input[1], "y\n", 2);
	(void)n;
	close(input[1]);
	int failure = spawn(argv, input[0], output[1], start_lock, &pid);
	close(input[0]);
	close(output[1]);
	if (failure == 0) {
		read_all(output[0], said);
		while (waitpid(pid, &status, 0) < 0)
			if (errno != EINTR) {
				failure = errno;
				break;
			}
	}
	close(output[0]);
	*good = failure == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return failure;
}

/* Whether it found an early end of the file, as Redis 7.0 and 8.0 word it, and no other damage. */
static bool reports_an_early_end(const char *said)
{
	static const char *const ends[] = {"Expected to read ", "Reached EOF before reading EXEC",
					   "Expected \\r\\n, got: 00", "Expected \\r\\n, got: 0d00"};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strstr(said, ends[i]))
			return !strstr(said, "format error");
	return false;
}

int seg_embedded_repair(const char *directory, int start_lock, seg_error *error)
{
	char manifest[PATH_MAX], said[SAID_MAX];
	bool good = false;
	snprintf(manifest, sizeof(manifest), "%s/appendonlydir/appendonly.aof.manifest", directory);
	if (access(manifest, F_OK))
		return 0;
	int failure = run((const char *const[]){"redis-check-aof", manifest, NULL}, start_lock, said, &good);
	if (failure == 0 && !good && reports_an_early_end(said))
		failure = run((const char *const[]){"redis-check-aof", "--fix", manifest, NULL}, start_lock,
			      said, &good);
	if (failure == ENOENT)
		return seg_fail(
			error, SEG_ESERVER,
			"redis-check-aof, which `address = embedded` needs, is not installed; install it with: "
			"apt install redis-server");
	if (failure)
		return seg_fail(error, SEG_ESYSTEM, "cannot run redis-check-aof: %s", strerror(failure));
	return 0;
}

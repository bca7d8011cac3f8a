#include "harness/postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/server.h"

enum { PATIENCE_MS = 30000, ANSWER_MAX = 1024 * 1024 };

/* --- the server's programs --------------------------------------------------------------------------------- */

/*
 * Debian keeps the server's programs outside the PATH, in one directory per version. This takes the last
 * version.
 */
static bool find_programs(char programs[256])
{
	glob_t found;
	bool good = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0 && found.gl_pathc > 0;
	if (good) {
		snprintf(programs, 256, "%s", found.gl_pathv[found.gl_pathc - 1]);
		*strrchr(programs, '/') = '\0';
	}
	globfree(&found);
	return good;
}

bool test_postgres_is_installed(void)
{
	char programs[256];
	if (find_programs(programs))
		return true;
	print_message("skipped: PostgreSQL is not installed (on Debian: apt-get install postgresql)\n");
	return false;
}

/* --- the server's processes --------------------------------------------------------------------------------- */

/* The user who runs the server if the test runs as root. */
static const struct passwd *servant(void)
{
	const struct passwd *user = getpwnam("postgres");
	return user ? user : getpwnam("nobody");
}

static void become_servant(void)
{
	const struct passwd *user = servant();
	if (geteuid() != 0)
		return;
	if (!user || setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid))
		_exit(126);
}

/* Runs one of PostgreSQL's programs, with its output in DIRECTORY/log. */
static pid_t spawn(const test_postgres *postgres, const char *const *arguments)
{
	char program[512], log[128];
	const char *argv[16] = {program};
	snprintf(program, sizeof(program), "%s/%s", postgres->programs, arguments[0]);
	snprintf(log, sizeof(log), "%s/log", postgres->directory);
	for (int i = 1; arguments[i]; i++)
		argv[i] = arguments[i];
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		become_servant();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		if (getppid() == parent && chdir(postgres->directory) == 0)
			execv(program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void show_log(const test_postgres *postgres)
{
	char line[512], path[128];
	snprintf(path, sizeof(path), "%s/log", postgres->directory);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		print_message("%s", line);
	if (file)
		fclose(file);
}

static bool answers(void *postgres_)
{
	const test_postgres *postgres = postgres_;
	char command[512];
	snprintf(command, sizeof(command), "%s/pg_isready -q -h %s", postgres->programs, postgres->directory);
	if (waitpid(postgres->pid, NULL, WNOHANG) == postgres->pid) {
		show_log(postgres);
		fail_msg("PostgreSQL ended instead of starting");
	}
	return system(command) == 0;
}

static void start(test_postgres *postgres)
{
	char data[80];
	snprintf(data, sizeof(data), "%s/data", postgres->directory);
	/* Without fsync, data survives the end of the server, but not of the machine, which no test needs. */
	postgres->pid =
		spawn(postgres, (const char *const[]){"postgres", "-D", data, "-k", postgres->directory, "-c",
						      "listen_addresses=", "-c", "fsync=off", NULL});
	test_wait_until(answers, postgres, PATIENCE_MS, "PostgreSQL answers");
}

static void make_data(test_postgres *postgres)
{
	char data[80];
	int status;
	snprintf(data, sizeof(data), "%s/data", postgres->directory);
	pid_t pid =
		spawn(postgres, (const char *const[]){"initdb", "-D", data, "-A", "trust", "-U", "segmenter",
						      "-E", "UTF8", "--locale=C", "--no-sync", NULL});
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0) {
		show_log(postgres);
		fail_msg("initdb failed");
	}
}

test_postgres *test_postgres_start(void)
{
	test_postgres *postgres = calloc(1, sizeof(*postgres));
	assert_non_null(postgres);
	assert_true(find_programs(postgres->programs));
	test_directory_make(postgres->directory);
	const struct passwd *user = servant();
	if (geteuid() == 0 && (!user || chown(postgres->directory, user->pw_uid, user->pw_gid)))
		fail_msg("there is no user that PostgreSQL could run as");
	snprintf(postgres->connection, sizeof(postgres->connection), "host=%s user=segmenter dbname=postgres",
		 postgres->directory);
	make_data(postgres);
	start(postgres);
	return postgres;
}

/* Reads the state and the parent of a process; false if the process is gone. */
static bool look_at(pid_t pid, char *state, pid_t *parent)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	bool found = file && fgets(line, sizeof(line), file);
	if (file)
		fclose(file);
	const char *behind_name = found ? strrchr(line, ')') : NULL;
	return behind_name && sscanf(behind_name, ") %c %d", state, parent) == 2;
}

static bool is_dead(void *pid)
{
	char state;
	pid_t parent;
	return !look_at(*(pid_t *)pid, &state, &parent) || state == 'Z';
}

/* Sends the signal to every session and helper of the server; they have no common process group. */
static void signal_children(const test_postgres *postgres, int signal)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	assert_non_null(processes);
	while ((entry = readdir(processes))) {
		char state;
		pid_t pid = atoi(entry->d_name), parent;
		if (pid <= 0 || !look_at(pid, &state, &parent) || parent != postgres->pid)
			continue;
		kill(pid, signal);
		if (signal == SIGKILL)
			test_wait_until(is_dead, &pid, PATIENCE_MS, "a killed session is gone");
	}
	closedir(processes);
}

void test_postgres_kill(test_postgres *postgres)
{
	if (postgres->pid == 0)
		return;
	/* Stops the server first, so that it starts no more processes. */
	kill(postgres->pid, SIGSTOP);
	signal_children(postgres, SIGKILL);
	kill(postgres->pid, SIGKILL);
	waitpid(postgres->pid, NULL, 0);
	postgres->pid = 0;
}

static bool is_unlocked(void *postgres_)
{
	const test_postgres *postgres = postgres_;
	char path[128];
	snprintf(path, sizeof(path), "%s/data/postmaster.pid", postgres->directory);
	return unlink(path) == 0 || access(path, F_OK) != 0;
}

void test_postgres_restart(test_postgres *postgres)
{
	/* The killed server's lock file may name a process that is not PostgreSQL. */
	test_wait_until(is_unlocked, postgres, PATIENCE_MS, "the lock of the killed server is gone");
	start(postgres);
}

void test_postgres_freeze(test_postgres *postgres)
{
	kill(postgres->pid, SIGSTOP);
	signal_children(postgres, SIGSTOP);
}

void test_postgres_thaw(test_postgres *postgres)
{
	kill(postgres->pid, SIGCONT);
	signal_children(postgres, SIGCONT);
}

void test_postgres_stop(test_postgres *postgres)
{
	if (!postgres)
		return;
	test_postgres_kill(postgres);
	test_directory_remove(postgres->directory);
	free(postgres);
}

/* --- SQL ---------------------------------------------------------------------------------------------- */

const char *test_postgres_query(const test_postgres *postgres, const char *format, ...)
{
	static char answer[ANSWER_MAX];
	char path[128], command[768];
	va_list args;
	snprintf(path, sizeof(path), "%s/query.sql", postgres->directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fclose(file);
	snprintf(command, sizeof(command), "%s/psql -X -q -A -t -v ON_ERROR_STOP=1 '%s' <'%s' 2>&1",
		 postgres->programs, postgres->connection, path);
	FILE *out = popen(command, "r");
	assert_non_null(out);
	size_t length = fread(answer, 1, sizeof(answer) - 1, out);
	answer[length] = '\0';
	if (pclose(out) != 0)
		fail_msg("%s", answer);
	return answer;
}

#include "measure/process.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "measure/tally.h"

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

void bench_process_init(void)
{
	struct sigaction action = {.sa_handler = interrupt};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void check_interrupt(void)
{
	if (interrupted)
		exit(128 + interrupted);
}

/* Runs in the child, right after fork. */
static void become_child(pid_t parent)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EX_TEMPFAIL);
}

static pid_t fork_child(void)
{
	pid_t parent = getpid();
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		err(EX_OSERR, "cannot start a process");
	if (pid == 0)
		become_child(parent);
	return pid;
}

pid_t bench_process_start(const char *const *argv, const char *const *environment, const char *output)
{
	pid_t pid = fork_child();
	if (pid > 0)
		return pid;
	int fd = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	for (; environment && *environment; environment += 2)
		setenv(environment[0], environment[1], 1);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(EX_UNAVAILABLE);
}

bool bench_process_is_installed(const char *program, char *path, size_t size)
{
	char directories[4 * PATH_MAX], *rest = directories;
	const char *configured = getenv("PATH");
	snprintf(directories, sizeof(directories), "%s:/usr/sbin:/usr/local/sbin",
		 configured ? configured : "");
	for (char *directory; (directory = strsep(&rest, ":"));) {
		snprintf(path, size, "%s/%s", directory, program);
		if (directory[0] && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

pid_t bench_process_fork(int (*function)(void *arg), void *arg)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		int code = function(arg);
		fflush(NULL);
		_exit(code);
	}
	return pid;
}

bool bench_process_has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == pid;
}

uint64_t bench_process_wait(pid_t pid, const char *name)
{
	struct rusage usage;
	int status;
	while (wait4(pid, &status, 0, &usage) < 0) {
		if (errno != EINTR)
			err(EX_OSERR, "cannot wait for %s", name);
		check_interrupt();
	}
	if (WIFSIGNALED(status))
		errx(EX_SOFTWARE, "%s was killed by signal %d", name, WTERMSIG(status));
	if (WEXITSTATUS(status))
		errx(EX_SOFTWARE, "%s ended with exit code %d", name, WEXITSTATUS(status));
	return (uint64_t)usage.ru_maxrss * 1024;
}

void bench_process_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int64_t bench_process_cpu(pid_t pid)
{
	clockid_t clock;
	int failure = clock_getcpuclockid(pid, &clock);
	if (failure)
		errx(EX_OSERR, "cannot read the CPU time of process %d: %s", (int)pid, strerror(failure));
	return tally_clock(clock);
}

uint64_t bench_process_status(pid_t pid, const char *line)
{
	char path[64], text[256];
	uint64_t number = 0;
	size_t length = strlen(line);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	while (file && fgets(text, sizeof(text), file))
		if (strncmp(text, line, length) == 0 && text[length] == ':')
			number = strtoull(text + length + 1, NULL, 10);
	if (file)
		fclose(file);
	return number;
}

uint64_t bench_process_memory(pid_t pid, const char *line)
{
	return bench_process_status(pid, line) * 1024;
}

void bench_process_reset_peak(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)pid);
	FILE *file = fopen(path, "w");
	if (file) {
		fputs("5", file);
		fclose(file);
	}
}

void bench_pause_ms(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
	check_interrupt();
}

void bench_process_find(const char *name, char *path, size_t size)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		err(EX_OSERR, "cannot read /proc/self/exe");
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	const char *const places[][2] = {{self, "."},
					 {self, "../.."},
					 {self, SEG_PLUGIN_FROM_PROGRAM},
					 {SEG_PLUGIN_DIRECTORY, "."}};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%s/%s/%s", places[i][0], places[i][1], name);
		if (access(path, R_OK) == 0)
			return;
	}
	errx(EX_UNAVAILABLE, "cannot find %s near segbench in %s; build or install %s there", name, self,
	     name);
}

#include "embedded/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/*
 * What the processes need, made before the fork: the child of a process with threads may allocate nothing, and may make only
 * async-signal-safe calls until exec.
 */
typedef struct launch {
	const char *const *argv;
	const char *log;
	const char *users_lock;
	int server_lock;
	int report; /* a pipe for a launch_failure; a successful exec closes it without one */
} launch;

typedef struct launch_failure {
	int number;    /* an errno; 0: no failure */
	int executing; /* exec failed */
} launch_failure;

__attribute__((noreturn)) static void give_up(const launch *l, int executing)
{
	launch_failure failure = {.number = errno, .executing = executing};
	ssize_t written = write(l->report, &failure, sizeof(failure));
	_exit(written == sizeof(failure) ? 127 : 126);
}

/* Closes all else of the caller's: its sockets, and its plugins' files. */
static void close_all_but(int a, int b)
{
	int low = a < b ? a : b, high = a < b ? b : a;
	if (low > 3)
		close_range(3, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, UINT_MAX, 0);
}

static void reset_signals(void)
{
	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		signal(signal_number, SIG_DFL); /* fails for SIGKILL and the like, as it should */
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void open_standard_streams(const launch *l)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int log = open(l->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		give_up(l, 0);
}

__attribute__((noreturn)) static void become_server(const launch *l)
{
	if (fcntl(l->server_lock, F_SETFD, 0))
		give_up(l, 0);
	/* execvp's type predates const; execvp changes nothing. */
	char *const *argv = (char *const *)(uintptr_t)l->argv;
	execvp(argv[0], argv);
	give_up(l, 1);
}

static void server_ended(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

/* The keeper lives as long as the server, and stops the server when it has no user any more. */
__attribute__((noreturn)) static void become_keeper(launch *l)
{
	umask(077);
	reset_signals();
	open_standard_streams(l);
	close_all_but(l->server_lock, l->report);
	prctl(PR_SET_NAME, "redis-keeper");
	int users = open(l->users_lock, O_RDWR | O_CLOEXEC);
	struct sigaction action = {.sa_handler = server_ended, .sa_flags = SA_NOCLDSTOP};
	if (users < 0 || sigaction(SIGCHLD, &action, NULL) || chdir("/"))
		give_up(l, 0);

	pid_t server = fork();
	if (server < 0)
		give_up(l, 0);
	if (server == 0)
		become_server(l);
	close(l->report);
	close(l->server_lock);
	/* To end both, end the server: the keeper follows. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);

	/* ThreadSanitizer defers handlers while flock waits; so ask after each interruption whether the server ended. */
	while (flock(users, LOCK_EX) && errno == EINTR)
		if (waitpid(server, NULL, WNOHANG) == server)
			_exit(0);
	kill(server, SIGTERM);
	/* Keeps the lock until the server has ended, so that no new user meets a server that is stopping. */
	while (waitpid(server, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* Forks twice: the keeper is no child of segrunner, so segrunner need not wait for it. */
static launch_failure launch_keeper(launch *l)
{
	pid_t between = fork();
	if (between < 0)
		return (launch_failure){.number = errno};
	if (between == 0) {
		setsid();
		pid_t keeper = fork();
		if (keeper < 0)
			give_up(l, 0);
		if (keeper == 0)
			become_keeper(l);
		_exit(0);
	}
	/* ECHILD, where the process ignores SIGCHLD, is as good. */
	while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
		;
	return (launch_failure){0};
}

/* Waits until redis-server is being executed, or a step before that has failed. */
static launch_failure read_report(int fd)
{
	launch_failure failure;
	ssize_t n;
	do
		n = read(fd, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	return n == sizeof(failure) ? failure : (launch_failure){0};
}

static launch_failure run_launch(launch *l)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC))
		return (launch_failure){.number = errno};
	l->report = report[1];
	launch_failure failure = launch_keeper(l);
	close(report[1]);
	if (!failure.number)
		failure = read_report(report[0]);
	close(report[0]);
	return failure;
}

int seg_embedded_server_start(const seg_embedded_paths *paths, const char *appendfsync, int server_lock,
			      seg_error *error)
{
	/* appenddirname is new in Redis 7.0: an older server refuses to start before it touches any data. */
	const char *const argv[] = {
		"redis-server",
		"--port",
		"0",
		"--unixsocket",
		paths->socket,
		"--unixsocketperm",
		"700",
		"--dir",
		paths->directory,
		"--logfile",
		paths->log,
		"--pidfile",
		paths->pid,
		"--daemonize",
		"no",
		"--appendonly",
		"yes",
		"--appenddirname",
		"appendonlydir",
		"--appendfsync",
		appendfsync,
		"--save",
		"",
		"--maxmemory",
		"0",
		"--maxmemory-policy",
		"noeviction",
		NULL,
	};
	launch l = {
		.argv = argv,
		.log = paths->log,
		.users_lock = paths->users_lock,
		.server_lock = server_lock,
	};
	launch_failure failure = run_launch(&l);
	if (failure.executing && failure.number == ENOENT)
		return seg_fail(
			error, SEG_ESERVER,
			"redis-server, which `address = embedded` needs, is not installed; install it with: "
			"apt install redis-server");
	if (failure.number)
		return seg_fail(error, SEG_ESYSTEM, "cannot start redis-server on %s: %s", paths->directory,
				strerror(failure.number));
	return 0;
}

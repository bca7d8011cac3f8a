#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "environment.h"

enum { LINE_MAX_BYTES = 2000 };

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void child_init(child *c, const seg_host *host, uint32_t partition, uint64_t epoch, const char *variables)
{
	*c = (child){.host = host,
		     .partition = partition,
		     .epoch = epoch,
		     .variables = variables,
		     .pidfd = -1,
		     .in = -1,
		     .out = -1,
		     .err = -1};
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- start --------------------------------------------------------------------------- */

typedef struct pipes {
	int in[2], out[2], err[2];
} pipes;

static void close_pipes(pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&p->in[i]);
		close_fd(&p->out[i]);
		close_fd(&p->err[i]);
	}
}

static int open_pipes(pipes *p)
{
	*p = (pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	if (pipe2(p->in, O_CLOEXEC) || pipe2(p->out, O_CLOEXEC) || pipe2(p->err, O_CLOEXEC))
		return -1;
	/* Only our ends: the flag belongs to the open file, and a program expects its own ends to block. */
	return fcntl(p->in[1], F_SETFL, O_NONBLOCK) || fcntl(p->out[0], F_SETFL, O_NONBLOCK) ||
			       fcntl(p->err[0], F_SETFL, O_NONBLOCK)
		       ? -1
		       : 0;
}

static void complain(const char *what)
{
	const char *why = strerrordesc_np(errno);
	if (write(STDERR_FILENO, what, strlen(what)) > 0 && write(STDERR_FILENO, why, strlen(why)) > 0)
		(void)!write(STDERR_FILENO, "\n", 1);
}

/* Runs in the child, where only async-signal-safe functions may be called. */
static _Noreturn void become(const pipes *p, pid_t parent, const char *command, const char *directory,
			     char **environment)
{
	sigset_t none;
	sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(p->in[0], STDIN_FILENO);
	dup2(p->out[1], STDOUT_FILENO);
	dup2(p->err[1], STDERR_FILENO);
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	if (directory && chdir(directory)) {
		complain("cannot enter option.directory: ");
		_exit(127);
	}
	execle("/bin/sh", "sh", "-c", command, (char *)NULL, environment);
	complain("cannot run /bin/sh: ");
	_exit(127);
}

/* Whether the command is a program with its arguments, and nothing that only a shell can do. */
static bool is_program(const char *command)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,-= ";
	static const char *const words_of_shells[] = {".",       ":",        "alias",   "bg",       "break",
						      "case",    "cd",       "command", "continue", "eval",
						      "exec",    "exit",     "export",  "fg",       "for",
						      "getopts", "hash",     "if",      "jobs",     "local",
						      "read",    "readonly", "return",  "set",      "shift",
						      "times",   "trap",     "type",    "ulimit",   "umask",
						      "unalias", "unset",    "until",   "wait",     "while"};
	const char *word = command + strspn(command, " ");
	size_t length = strcspn(word, " ");
	if (length == 0 || command[strspn(command, plain)] || memchr(word, '=', length))
		return false;
	for (size_t i = 0; i < sizeof(words_of_shells) / sizeof(words_of_shells[0]); i++)
		if (strlen(words_of_shells[i]) == length && strncmp(words_of_shells[i], word, length) == 0)
			return false;
	return true;
}

/* With exec, the program takes the shell's place. A shell that waited for it would be the only one to die with the runner. */
static char *line_for_shell(const char *command)
{
	char *line;
	return asprintf(&line, "%s%s", is_program(command) ? "exec " : "", command) < 0 ? NULL : line;
}

static int fork_child(child *c, pipes *p, const char *command, const char *directory)
{
	char **environment = environment_make(c->host, c->partition, c->epoch, c->variables);
	char *line = line_for_shell(command);
	pid_t parent = getpid();
	pid_t pid = environment && line ? fork() : -1;
	if (pid == 0)
		become(p, parent, line, directory, environment);
	int saved = environment && line ? errno : ENOMEM;
	free(line);
	environment_free(environment);
	errno = saved;
	if (pid < 0)
		return -1;
	/* Both parent and child do this, so that the group exists before either goes on. */
	setpgid(pid, pid);
	c->pid = pid;
	c->pidfd = pidfd_open(pid, 0);
	return 0;
}

int child_start(child *c, const char *command, const char *directory, char *error, size_t error_size)
{
	pipes p;
	bool started = open_pipes(&p) == 0 && fork_child(c, &p, command, directory) == 0;
	int reason = errno;
	if (started) {
		c->in = p.in[1];
		c->out = p.out[0];
		c->err = p.err[0];
		p.in[1] = p.out[0] = p.err[0] = -1;
		buffer_reset(&c->said);
	}
	close_pipes(&p);
	if (started && c->pidfd < 0) {
		reason = errno;
		child_end(c, 0, NULL, 0);
		started = false;
	}
	if (!started)
		snprintf(error, error_size, "cannot start option.command: %s", strerror(reason));
	return started ? 0 : -1;
}

bool child_has_ended(const child *c)
{
	struct pollfd ended = {.fd = c->pidfd, .events = POLLIN};
	return poll(&ended, 1, 0) == 1;
}

/* --- standard error ------------------------------------------------------------------------- */

static void log_line(const child *c, const char *line, size_t length)
{
	if (length > 0 && line[length - 1] == '\r')
		length--;
	if (length > 0)
		c->host->log(c->host, SEG_INFO, "child of partition %" PRIu32 ": %.*s", c->partition,
			     (int)length, line);
}

/* Logs complete lines, and a line that is too long in parts. */
static void log_lines(child *c)
{
	char *line = c->said.bytes, *end = line + c->said.length, *newline;
	while (line < end &&
	       ((newline = memchr(line, '\n', (size_t)(end - line))) || end - line >= LINE_MAX_BYTES)) {
		char *stop = newline && newline - line <= LINE_MAX_BYTES ? newline : line + LINE_MAX_BYTES;
		log_line(c, line, (size_t)(stop - line));
		line = stop + (stop == newline);
	}
	c->said.length = (size_t)(end - line);
	if (c->said.length > 0)
		memmove(c->said.bytes, line, c->said.length);
}

/*
 * A child may write faster than its lines are logged: whoever calls this has a deadline to look at. All that a dead child has left in its
 * pipe is read.
 */
enum { READS_MAX = 16 };

void child_listen(child *c)
{
	for (int reads = 0; reads <= READS_MAX && c->err >= 0 && buffer_reserve(&c->said, 4096); reads++) {
		ssize_t n = read(c->err, c->said.bytes + c->said.length, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_fd(&c->err);
			log_line(c, c->said.bytes, c->said.length);
			buffer_reset(&c->said);
			return;
		}
		c->said.length += (size_t)n;
		log_lines(c);
	}
}

/* --- end -------------------------------------------------------------------------------- */

/* Discards what the child still writes to its standard output, so that it does not block. */
static void ignore_output(child *c)
{
	char rest[4096];
	ssize_t n = 1;
	for (int reads = 0; reads < READS_MAX && c->out >= 0 && n > 0; reads++)
		n = read(c->out, rest, sizeof(rest));
	if (c->out >= 0 && (n == 0 || (n < 0 && errno != EAGAIN)))
		close_fd(&c->out);
}

/* Returns whether the child ended within `patience` ns. */
static bool wait_for_end(child *c, int64_t patience)
{
	int64_t deadline = now() + patience;
	for (;;) {
		struct pollfd fds[] = {{.fd = c->pidfd, .events = POLLIN},
				       {.fd = c->err, .events = POLLIN},
				       {.fd = c->out, .events = POLLIN}};
		int64_t left = (deadline - now()) / 1000000;
		if (left < 0)
			return false;
		poll(fds, 3, left < 1000 ? (int)left + 1 : 1000);
		child_listen(c);
		ignore_output(c);
		if (fds[0].revents)
			return true;
	}
}

static void describe(int status, char *fate, size_t fate_size)
{
	if (WIFSIGNALED(status))
		snprintf(fate, fate_size, "was ended by signal %d (%s)", WTERMSIG(status),
			 sigdescr_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 127)
		snprintf(fate, fate_size, "ended with exit code 127 (command not found)");
	else if (WEXITSTATUS(status) == 126)
		snprintf(fate, fate_size, "ended with exit code 126 (command not executable)");
	else
		snprintf(fate, fate_size, "ended with exit code %d", WEXITSTATUS(status));
}

void child_end(child *c, int64_t patience, char *fate, size_t fate_size)
{
	if (!child_runs(c))
		return;
	close_fd(&c->in);
	bool ended = child_has_ended(c) || (patience > 0 && wait_for_end(c, patience));
	if (!ended && patience > 0) {
		c->host->log(c->host, SEG_WARNING,
			     "the child of partition %" PRIu32
			     " did not end after its standard input was closed; sending SIGTERM",
			     c->partition);
		kill(-c->pid, SIGTERM);
		wait_for_end(c, patience);
	}
	/* Before the child is reaped, so that no other group can have its number. Kills what the child started, too. */
	kill(-c->pid, SIGKILL);
	int status = 0;
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	child_listen(c);
	log_line(c, c->said.bytes, c->said.length);
	buffer_reset(&c->said);
	if (fate)
		describe(status, fate, fate_size);
	close_fd(&c->out);
	close_fd(&c->err);
	close_fd(&c->pidfd);
	c->pid = 0;
}

void child_fini(child *c)
{
	buffer_fini(&c->said);
}

#include "harness/segctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/environment.h"
#include "harness/runner.h"
#include "harness/server.h"

enum { PATIENCE_MS = 60000, WORDS_MAX = 48, COMMAND_MAX = 4096, ADDRESS_MAX = 1024, OUTPUT_MAX = 4 << 20 };

static void split(char *command, const char **argv)
{
	int argc = 1;
	for (char *c = command + strspn(command, " "); *c && argc < WORDS_MAX - 1; c += strspn(c, " ")) {
		bool quoted = *c == '\'';
		char *word = c + quoted, *end = word + strcspn(word, quoted ? "'" : " ");
		c = *end ? end + 1 : end;
		*end = '\0';
		argv[argc++] = word;
	}
	argv[argc] = NULL;
}

/* What a child executes. Made before the fork, since the child may not allocate. */
typedef struct {
	char program[512], words[COMMAND_MAX], address[ADDRESS_MAX];
	const char *argv[WORDS_MAX];
	char **environment;
} call;

static void make_call(call *c, const char *address, const char *command)
{
	const char *const changes[] = {"SEGMENTER_NAMESPACE", "LC_ALL=C.UTF-8", "TERM=xterm",
				       "NO_COLOR=1",          c->address,       NULL};
	snprintf(c->program, sizeof(c->program), "%s/framework/tools/segctl/segctl", test_build_directory());
	snprintf(c->words, sizeof(c->words), "%s", command);
	c->argv[0] = c->program;
	split(c->words, c->argv);
	snprintf(c->address, sizeof(c->address), "SEGMENTER_ADDRESS%s%s", address ? "=" : "",
		 address ? address : "");
	c->environment = test_environment_with(changes);
}

static _Noreturn void become(const call *c)
{
	execve(c->program, (char *const *)(uintptr_t)c->argv, c->environment);
	_exit(127);
}

static pid_t start(const char *address, const char *command, int in, int out, int err)
{
	call c;
	make_call(&c, address, command);
	pid_t parent = getpid();
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		become(&c);
	}
	assert_true(pid > 0);
	free(c.environment);
	return pid;
}

/* An unnamed file with this text. */
static int file_of(const char *text)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	if (text)
		fputs(text, file);
	fflush(file);
	rewind(file);
	int fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 10);
	fclose(file);
	assert_true(fd >= 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static char *read_back(int fd)
{
	char *text = calloc(1, OUTPUT_MAX);
	assert_non_null(text);
	ssize_t length = pread(fd, text, OUTPUT_MAX - 1, 0);
	assert_true(length >= 0);
	close(fd);
	return text;
}

typedef struct {
	pid_t pid;
	int status;
} child;

static bool has_ended(void *arg)
{
	child *c = arg;
	return waitpid(c->pid, &c->status, WNOHANG) == c->pid;
}

const test_segctl *test_segctl_run(const char *address, const char *input, const char *command)
{
	static test_segctl answer;
	int in = file_of(input), out = file_of(NULL), err = file_of(NULL);
	child c = {start(address, command, in, out, err), 0};
	test_wait_until(has_ended, &c, PATIENCE_MS, "segctl ends");
	free(answer.output);
	free(answer.errors);
	close(in);
	answer.exit_code = WIFEXITED(c.status) ? WEXITSTATUS(c.status) : -WTERMSIG(c.status);
	answer.output = read_back(out);
	answer.errors = read_back(err);
	return &answer;
}

static const test_segctl *run(const char *address, const char *format, va_list args)
{
	char command[COMMAND_MAX];
	vsnprintf(command, sizeof(command), format, args);
	return test_segctl_run(address, NULL, command);
}

const test_segctl *test_segctl_do(const char *address, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const test_segctl *answer = run(address, format, args);
	va_end(args);
	return answer;
}

const char *test_segctl_good(const char *address, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const test_segctl *answer = run(address, format, args);
	va_end(args);
	if (answer->exit_code != 0)
		fail_msg("segctl %s: exit code %d: %s", format, answer->exit_code, answer->errors);
	return answer->output;
}

void test_expect_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

pid_t test_segctl_start(const char *address, const char *command, int *output)
{
	int ends[2], in = file_of(NULL);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = start(address, command, in, ends[1], STDERR_FILENO);
	close(in);
	close(ends[1]);
	*output = ends[0];
	return pid;
}

pid_t test_segctl_start_on_terminal(const char *address, const char *command, int *terminal)
{
	call c;
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	make_call(&c, address, command);
	fflush(NULL);
	pid_t pid = forkpty(terminal, NULL, NULL, &size);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		become(&c);
	}
	assert_true(pid > 0);
	free(c.environment);
	return pid;
}

/* Removes escape sequences from the text, in place. */
static void strip(char *text)
{
	char *to = text;
	for (const char *c = text; *c; c++) {
		if (*c != '\033') {
			*to++ = *c;
		} else if (c[1] == '[') {
			for (c += 2; *c && !(*c >= '@' && *c <= '~'); c++)
				;
		} else if (c[1]) {
			c += 1 + (c[1] == '(' && c[2]);
		}
		if (!*c)
			break;
	}
	*to = '\0';
}

void test_terminal_shows(int terminal, const char *text)
{
	static char seen[1 << 20], plain[1 << 20];
	size_t length = 0;
	long long deadline = test_now_ms() + PATIENCE_MS;
	struct pollfd ready = {.fd = terminal, .events = POLLIN};
	for (;;) {
		ssize_t got = 0;
		if (poll(&ready, 1, 100) == 1)
			got = read(terminal, seen + length, sizeof(seen) - 1 - length);
		if (got > 0)
			length += (size_t)got;
		seen[length] = '\0';
		memcpy(plain, seen, length + 1);
		strip(plain);
		if (strstr(plain, text))
			return;
		if (got < 0 || test_now_ms() > deadline)
			fail_msg("the terminal does not show \"%s\", but: %s", text, plain);
	}
}

#include "harness/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/server.h"

enum { PATIENCE_MS = 20000, OUTPUT_MAX = 1024 * 1024 };

const char *test_build_directory(void)
{
	const char *build = getenv("SEG_BUILD_DIR");
	if (!build)
		fail_msg("SEG_BUILD_DIR is not set: run this with ctest or tests/run.sh");
	return build;
}

__attribute__((format(printf, 2, 0))) static void write_config(const test_runner *runner, const char *format,
							       va_list args)
{
	FILE *file = fopen(runner->config, "w");
	assert_non_null(file);
	vfprintf(file, format, args);
	assert_int_equal(fclose(file), 0);
}

__attribute__((format(printf, 1, 0))) static test_runner *make(const char *format, va_list args)
{
	test_runner *runner = calloc(1, sizeof(*runner));
	assert_non_null(runner);
	test_directory_make(runner->directory);
	snprintf(runner->config, sizeof(runner->config), "%s/test.ini", runner->directory);
	snprintf(runner->output, sizeof(runner->output), "%s/output", runner->directory);
	write_config(runner, format, args);
	return runner;
}

test_runner *test_runner_make(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	test_runner *runner = make(format, args);
	va_end(args);
	return runner;
}

test_runner *test_runner_run(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	test_runner *runner = make(format, args);
	va_end(args);
	test_runner_start(runner, (const char *const[]){"-c", "CONFIG", NULL});
	return runner;
}

void test_runner_reload(test_runner *runner, const char *format, ...)
{
	static const char done[] = "reloaded: ";
	int before = test_runner_times_said(runner, done);
	va_list args;
	va_start(args, format);
	write_config(runner, format, args);
	va_end(args);
	assert_int_equal(kill(runner->pid, SIGHUP), 0);
	test_runner_says_times(runner, done, before + 1);
}

enum { LIMITED_USER = 64321 };

/* Another user, to whom all files are open. */
static void become_limited(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct rights[2] = {{.permitted = 1u << CAP_DAC_OVERRIDE}};
	rights[0].inheritable = rights[0].effective = rights[0].permitted;
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) || setgid(LIMITED_USER) || setuid(LIMITED_USER) ||
	    syscall(SYS_capset, &header, rights) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))
		_exit(126);
}

void test_runner_limit_threads(const test_runner *runner, bool limit)
{
	int status = -1;
	fflush(NULL);
	/* Only that user may, without a right that a container lacks. */
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit most;
		if (setgroups(0, NULL) || setgid(LIMITED_USER) || setuid(LIMITED_USER) ||
		    prlimit(runner->pid, RLIMIT_NPROC, NULL, &most))
			_exit(1);
		most.rlim_cur = limit ? 1 : most.rlim_max;
		_exit(prlimit(runner->pid, RLIMIT_NPROC, &most, NULL) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

void test_runner_start(test_runner *runner, const char *const *arguments)
{
	char program[512];
	const char *argv[8] = {program};
	snprintf(program, sizeof(program), "%s/framework/segrunner", test_build_directory());
	for (int i = 0; arguments[i]; i++)
		argv[i + 1] = strcmp(arguments[i], "CONFIG") == 0 ? runner->config : arguments[i];
	pid_t parent = getpid();
	fflush(NULL);
	runner->pid = fork();
	if (runner->pid == 0) {
		if (runner->limited)
			become_limited();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		int fd = open(runner->output, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execv(program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_true(runner->pid > 0);
}

static bool has_ended(void *arg)
{
	test_runner *runner = arg;
	return waitpid(runner->pid, &runner->status, WNOHANG) == runner->pid;
}

int test_runner_wait(test_runner *runner)
{
	test_wait_until(has_ended, runner, PATIENCE_MS, "segrunner ends");
	runner->pid = 0;
	return WIFEXITED(runner->status) ? WEXITSTATUS(runner->status) : -WTERMSIG(runner->status);
}

int test_runner_stop(test_runner *runner, int signal)
{
	kill(runner->pid, signal);
	return test_runner_wait(runner);
}

void test_runner_free(test_runner *runner)
{
	if (!runner)
		return;
	if (runner->pid > 0) {
		kill(runner->pid, SIGKILL);
		while (waitpid(runner->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	test_directory_remove(runner->directory);
	free(runner);
}

static void read_output(const test_runner *runner, char said[OUTPUT_MAX])
{
	FILE *file = fopen(runner->output, "r");
	size_t length = file ? fread(said, 1, OUTPUT_MAX - 1, file) : 0;
	said[length] = '\0';
	if (file)
		fclose(file);
}

int test_runner_times_said(const test_runner *runner, const char *text)
{
	char *said = malloc(OUTPUT_MAX);
	assert_non_null(said);
	read_output(runner, said);
	int times = 0;
	for (const char *c = said; (c = strstr(c, text)); c += strlen(text))
		times++;
	free(said);
	return times;
}

bool test_runner_has_said(const test_runner *runner, const char *text)
{
	return test_runner_times_said(runner, text) > 0;
}

void test_runner_says_times(const test_runner *runner, const char *text, int times)
{
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (test_runner_times_said(runner, text) < times) {
		/* A process that has ended prints no more. */
		if (runner->pid > 0 && test_now_ms() < deadline) {
			usleep(2000);
			continue;
		}
		char *said = malloc(OUTPUT_MAX);
		assert_non_null(said);
		read_output(runner, said);
		/* cmocka's own messages are cut at 1 KiB. */
		fprintf(stderr, "The output of segrunner:\n%s", said);
		free(said);
		fail_msg("segrunner did not say %d times: %s", times, text);
	}
}

void test_runner_says(const test_runner *runner, const char *text)
{
	test_runner_says_times(runner, text, 1);
}

/* --- deliveries ------------------------------------------------------------------------------ */

test_deliveries test_deliveries_read(const char *path)
{
	test_deliveries deliveries = {0};
	size_t capacity = 0;
	FILE *file = fopen(path, "r");
	if (!file)
		return deliveries;
	for (;;) {
		test_delivery d;
		if (fscanf(file, "%" SCNu64 " %" SCNu32 " %" SCNu64 "-%" SCNu64 " %31s %63s %" SCNu32,
			   &d.epoch, &d.partition, &d.ms, &d.seq, d.key, d.data, &d.attempt) != 7)
			break;
		if (deliveries.count == capacity) {
			capacity = capacity ? capacity * 2 : 1024;
			deliveries.list = realloc(deliveries.list, capacity * sizeof(d));
			assert_non_null(deliveries.list);
		}
		deliveries.list[deliveries.count++] = d;
	}
	fclose(file);
	return deliveries;
}

void test_deliveries_free(test_deliveries *deliveries)
{
	free(deliveries->list);
	*deliveries = (test_deliveries){0};
}

enum { PARTITIONS_MAX = 128 };

struct expectation {
	const char *path;
	uint32_t partitions;
	size_t before;
};

static bool all_go_on(void *arg)
{
	const struct expectation *e = arg;
	test_deliveries deliveries = test_deliveries_read(e->path);
	bool seen[PARTITIONS_MAX] = {false};
	uint32_t count = 0;
	for (size_t i = e->before; i < deliveries.count; i++) {
		uint32_t partition = deliveries.list[i].partition;
		if (partition < e->partitions && !seen[partition]) {
			seen[partition] = true;
			count++;
		}
	}
	test_deliveries_free(&deliveries);
	return count == e->partitions;
}

void test_deliveries_go_on(const char *path, uint32_t partitions)
{
	assert_true(partitions <= PARTITIONS_MAX);
	test_deliveries now = test_deliveries_read(path);
	struct expectation e = {path, partitions, now.count};
	test_deliveries_free(&now);
	test_wait_until(all_go_on, &e, PATIENCE_MS, "all partitions are delivered");
}

size_t test_deliveries_check(const test_deliveries *deliveries, int keys, int numbers, size_t late)
{
	struct {
		uint64_t epoch, ms, seq;
	} newest[PARTITIONS_MAX] = {0};
	char *seen = calloc((size_t)keys, (size_t)numbers);
	assert_non_null(seen);
	size_t repeated = 0, missing = 0;
	for (size_t i = 0; i < deliveries->count; i++) {
		const test_delivery *d = &deliveries->list[i];
		int key = atoi(d->key + 1), number = atoi(d->data);
		assert_true(d->partition < PARTITIONS_MAX && key < keys && number < numbers);
		bool is_late = d->epoch < newest[d->partition].epoch;
		if (is_late && late-- == 0)
			fail_msg("partition %" PRIu32 ": epoch %" PRIu64 " handled %" PRIu64 "-%" PRIu64
				 " after epoch %" PRIu64 " had begun",
				 d->partition, d->epoch, d->ms, d->seq, newest[d->partition].epoch);
		bool same = d->epoch == newest[d->partition].epoch;
		bool rises = d->ms > newest[d->partition].ms ||
			     (d->ms == newest[d->partition].ms && d->seq > newest[d->partition].seq);
		char *mark = &seen[key * numbers + number];
		if (same && !rises && d->attempt == 1 && !*mark)
			fail_msg("partition %" PRIu32 ", epoch %" PRIu64 ": %" PRIu64 "-%" PRIu64
				 " came late",
				 d->partition, d->epoch, d->ms, d->seq);
		if (!is_late) {
			newest[d->partition].epoch = d->epoch;
			newest[d->partition].ms = d->ms;
			newest[d->partition].seq = d->seq;
		}
		repeated += *mark != 0;
		*mark = 1;
	}
	for (int i = 0; i < keys * numbers; i++)
		missing += seen[i] == 0;
	free(seen);
	if (missing)
		fail_msg("%zu of %d messages were never handled", missing, keys * numbers);
	return repeated;
}

size_t test_deliveries_check_keys(const test_deliveries *deliveries, int keys, int numbers)
{
	struct {
		uint64_t epoch;
		int newest, most;
	} *of = calloc((size_t)keys, sizeof(*of));
	assert_non_null(of);
	size_t repeated = 0;
	for (int k = 0; k < keys; k++)
		of[k].newest = of[k].most = -1;
	for (size_t i = 0; i < deliveries->count; i++) {
		const test_delivery *d = &deliveries->list[i];
		int key = d->key[0] == 'k' ? atoi(d->key + 1) : keys, number = atoi(d->data);
		if (key >= keys)
			continue;
		if (d->epoch < of[key].epoch)
			fail_msg("k%d: epoch %" PRIu64 " handled %d after epoch %" PRIu64 " had begun", key,
				 d->epoch, number, of[key].epoch);
		bool same = d->epoch == of[key].epoch;
		if (number > of[key].most + 1 || (same && number > of[key].newest + 1))
			fail_msg("k%d, epoch %" PRIu64 ": %d was handled after %d", key, d->epoch, number,
				 of[key].newest);
		repeated += number <= of[key].most;
		of[key].epoch = d->epoch;
		of[key].newest = number;
		if (number > of[key].most)
			of[key].most = number;
	}
	for (int k = 0; k < keys; k++)
		if (of[k].most != numbers - 1)
			fail_msg("k%d: of %d messages, only %d were handled", k, numbers, of[k].most + 1);
	free(of);
	return repeated;
}

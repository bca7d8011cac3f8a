/* test_standard_streams.c - segrunner whose standard error nobody reads, and whose standard descriptors are closed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum { PATIENCE_MS = 20000, PIPE_SIZE = 4096 };

/* The plugin logs each message whose data is "mask". */
static void make_runner(const char *more)
{
	rig.runner =
		test_runner_make("[redis]\naddress = %s\n[runner]\n%s\n[consumer c]\nstream = s\ngroup = g\n"
				 "plugin = %s/tests/plugins/hostile.so\npartitions = 2\n",
				 rig.server->address, more, test_build_directory());
}

static void send(int count, const char *data)
{
	char *lines = calloc((size_t)count, 32), *end = lines;
	assert_non_null(lines);
	for (int i = 0; i < count; i++)
		end += sprintf(end, "%s\n", data);
	assert_int_equal(test_segctl_run(rig.server->address, lines, "send s -q")->exit_code, EX_OK);
	free(lines);
}

static bool has_owners(void *arg)
{
	(void)arg;
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	bool owned = info && info->partitions[0].owner[0] && info->partitions[1].owner[0];
	seg_group_info_free(info);
	return owned;
}

static void wait_for_owners(void)
{
	test_wait_until(has_owners, NULL, PATIENCE_MS, "the runner owns both partitions");
}

static int reader;
static char seen[PIPE_SIZE + 1];

static bool tells_of_losses(void *arg)
{
	(void)arg;
	size_t kept = strlen(seen) > PIPE_SIZE / 2 ? PIPE_SIZE / 2 : strlen(seen);
	memmove(seen, seen + strlen(seen) - kept, kept + 1);
	ssize_t n = read(reader, seen + kept, PIPE_SIZE - kept);
	seen[kept + (n > 0 ? (size_t)n : 0)] = '\0';
	return strstr(seen, "lines of this log were lost") != NULL;
}

static void a_log_that_nobody_reads_stops_neither_handlers_nor_the_runner(void **state)
{
	(void)state;
	make_runner("");
	assert_int_equal(mkfifo(rig.runner->output, 0600), 0);
	reader = open(rig.runner->output, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	fcntl(reader, F_SETPIPE_SZ, PIPE_SIZE);
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	wait_for_owners();
	send(5000, "mask");
	test_group_wait_drained(rig.server->address, "s", "g");
	test_wait_until(tells_of_losses, NULL, PATIENCE_MS, "the log tells how many lines were lost");
	send(5000, "mask");
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	close(reader);
}

static void closed_standard_descriptors_become_dev_null(void **state)
{
	(void)state;
	char program[512], target[128], path[64];
	make_runner("");
	snprintf(program, sizeof(program), "%s/framework/segrunner", test_build_directory());
	rig.runner->pid = fork();
	if (rig.runner->pid == 0) {
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		execl(program, program, "-c", rig.runner->config, NULL);
		_exit(127);
	}
	wait_for_owners();
	send(100, "0");
	test_group_wait_drained(rig.server->address, "s", "g");
	for (int fd = 0; fd < 3; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)rig.runner->pid, fd);
		ssize_t length = readlink(path, target, sizeof(target) - 1);
		assert_true(length > 0);
		target[length] = '\0';
		assert_string_equal(target, "/dev/null");
	}
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_log_that_nobody_reads_stops_neither_handlers_nor_the_runner,
						test_rig_set_up, test_rig_tear_down),
		cmocka_unit_test_setup_teardown(closed_standard_descriptors_become_dev_null, test_rig_set_up,
						test_rig_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

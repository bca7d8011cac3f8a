/* test_segctl_why.c - `segctl why`: a real problem of each kind, and the cause that segctl names. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "harness/segctl.h"

static int set_up(void **state)
{
	test_rig_set_up(state);
	test_segctl_good(rig.server->address, "stream create s -p 1");
	return 0;
}

static void add(const char *data)
{
	test_rig_tell("XADD __default:s:partition_0 * partitionKey k data %s", data);
}

static void start(const char *options, bool mortal)
{
	test_runner_free(rig.runner);
	rig.runner = test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = only\n[consumer c]\nstream = s\ngroup = g\n"
		"plugin = %s/tests/plugins/record.so\noption.path = /dev/null\n%s%s",
		rig.server->address, test_build_directory(), mortal ? "session_timeout = 500ms\n" : "",
		options);
}

/* One that dies, or seems to be dead. */
static void start_runner(const char *options)
{
	start(options, true);
}

typedef struct {
	const char *verdict, *cause;
} expected;

static bool is_verdict(void *arg)
{
	const expected *e = arg;
	const test_segctl *answer = test_segctl_do(rig.server->address, "why s g 0 -o json --sample 100ms");
	json_t *object = json_loads(answer->output, 0, NULL);
	bool is = object && strcmp(json_string_value(json_object_get(object, "verdict")), e->verdict) == 0 &&
		  strstr(json_string_value(json_object_get(object, "cause")), e->cause);
	json_decref(object);
	return is;
}

static bool is_caused_by(void *arg)
{
	return strstr(test_segctl_do(rig.server->address, "why s g 0 --sample 0")->output, arg);
}

static void expect_verdict(const char *verdict, const char *text)
{
	expected e = {verdict, text};
	test_wait_until(is_verdict, &e, 20000, verdict);
}

static void a_group_that_handles_all_is_healthy_and_one_without_members_is_not(void **state)
{
	(void)state;
	add("1");
	start("", false);
	expect_verdict("healthy", "all messages are handled");
	const char *text = test_segctl_good(rig.server->address, "why s g 0 --sample 0");
	test_expect_text(text, "Owner         only; its lease lasts for another");
	test_expect_text(text, "Cause: nothing is wrong: all messages are handled.\nNext:  none.\n");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	add("2");
	expect_verdict("no-members", "no member of group g is alive, so nothing is handled");
	test_expect_text(test_segctl_good(rig.server->address, "why s g 0 --sample 0"),
			 "Next:  start a segrunner");
}

static void a_message_that_is_retried_is_named_with_its_reason_and_attempt(void **state)
{
	(void)state;
	add("bad");
	/* The pause before attempt 3 is long enough to be seen. */
	start("option.fail = bad\nmax_attempts = 0\nretry_backoff = 4s\n", false);
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	expect_verdict("retrying", "; attempt 3 ");
	test_expect_text(test_segctl_good(rig.server->address, "why s g 0 --sample 0"),
			 "Hindered      message ");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g --sample 0"),
			 "Partition 0: message ");
	test_expect_text(test_segctl_good(rig.server->address, "lag s g --sample 0 -o json"),
			 "\"retry_reason\": \"");
}

static void an_owner_that_was_killed_is_silent(void **state)
{
	(void)state;
	add("1");
	start_runner("");
	expect_verdict("healthy", "");
	add("2");
	assert_int_equal(test_runner_stop(rig.runner, SIGKILL), -SIGKILL);
	/* No other member lives, so that is the cause. */
	expect_verdict("no-members", "");
	/* Another member joins just before the silence is noticed. */
	test_rig_tell("HSET {__default:s}:g:members other %s", "x 100");
	test_rig_tell("ZADD {__default:s}:g:leases 99999999999999 other");
	expect_verdict("owner-silent", "the lease of its owner only ended");
	/* The last heartbeat came ten minutes ahead of the present time. */
	redisReply *time = test_server_command(rig.redis, "TIME");
	test_rig_tell("HSET {__default:s}:g:partitions clock %lld",
		      (atoll(time->element[0]->str) + 600) * 1000);
	freeReplyObject(time);
	expect_verdict("clock-put-back", "Redis's clock was put back by");
}

static bool has_claimed(void *arg)
{
	(void)arg;
	return test_runner_times_said(rig.runner, "now has 1 of 1 partition") > 0;
}

static void a_message_that_kills_its_owners_is_named(void **state)
{
	(void)state;
	add("killer");
	/* Three owners die of the message. The fourth, which it would not kill, is slow. */
	for (int i = 0; i < 3; i++) {
		start_runner("option.crash = killer\nmax_attempts = 10\n");
		assert_int_not_equal(test_runner_wait(rig.runner), 0);
	}
	start("option.delay = 60s\nmax_attempts = 10\n", false);
	/* It waits for the end of the lease of the one that died. */
	test_wait_until(has_claimed, NULL, 20000, "the fourth owner has claimed the partition");
	expect_verdict("killer", " that crashed: it may be what kills them");
	const char *text = test_segctl_good(rig.server->address, "why s g 0 --sample 0");
	test_expect_text(text, "show it: segctl tail s -p 0 --from ");
	test_expect_text(text, "suspect: message ");
}

/* --- what a runner cannot serve --------------------------------------------------------------------- */

enum { SHARED = 4 };

/* A runner of stream t, which has four partitions. */
static test_runner *make_sharer(const char *name)
{
	return test_runner_make("[redis]\naddress = %s\n[runner]\nname = %s\n[consumer c]\nstream = t\n"
				"group = g\nplugin = %s/tests/plugins/record.so\npartitions = %d\n"
				"option.path = /dev/null\n",
				rig.server->address, name, test_build_directory(), SHARED);
}

static void start_sharer(const char *name)
{
	test_runner_free(rig.other);
	rig.other = make_sharer(name);
	test_runner_start(rig.other, (const char *const[]){"-c", "CONFIG", NULL});
}

static bool is_said_of_a_partition(void *arg)
{
	for (int i = 0; i < SHARED; i++)
		if (strstr(test_segctl_do(rig.server->address, "why t g %d --sample 0", i)->output, arg))
			return true;
	return false;
}

/* A worker's thread is named seg-p and its partition's number. */
static bool has_two_workers(void *arg)
{
	(void)arg;
	char path[320], name[32];
	int workers = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)rig.runner->pid);
	DIR *tasks = opendir(path);
	assert_non_null(tasks);
	for (struct dirent *entry; (entry = readdir(tasks));) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)rig.runner->pid, entry->d_name);
		FILE *file = fopen(path, "r");
		workers += file && fgets(name, sizeof(name), file) && strncmp(name, "seg-p", 5) == 0;
		if (file)
			fclose(file);
	}
	closedir(tasks);
	return workers == 2;
}

static void a_runner_that_is_refused_threads_keeps_what_it_serves_and_others_take_the_rest(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can start a process for which RLIMIT_NPROC holds\n");
		skip();
	}
	rig.runner = make_sharer("short");
	rig.runner->limited = true;
	test_runner_start(rig.runner, (const char *const[]){"-c", "CONFIG", NULL});
	start_sharer("healthy");
	test_group_wait_balanced(rig.server->address, "t", "g", 2);
	test_wait_until(has_two_workers, NULL, 20000, "it serves its half");
	/* From now on it gets no thread more: it cannot take over what the other one leaves. */
	test_runner_limit_threads(rig.runner, true);
	assert_int_equal(test_runner_stop(rig.other, SIGTERM), EX_OK);
	test_runner_says(rig.runner, "takes 2 partitions at most, until a trial succeeds");
	test_runner_says(rig.runner,
			 "cannot start a worker thread: Resource temporarily unavailable; raise the limit");
	static char cause[] = "no member can serve it: member short takes 2 partitions at most, because the "
			      "system refuses it worker threads";
	test_wait_until(is_said_of_a_partition, cause, 20000, "why names the shortage");
	start_sharer("another");
	test_group_wait_balanced(rig.server->address, "t", "g", 2);
	test_runner_limit_threads(rig.runner, false);
	assert_int_equal(test_runner_stop(rig.other, SIGTERM), EX_OK);
	test_group_wait_balanced(rig.server->address, "t", "g", 1);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { LIMITS_OF_MEMORY_HOLD = 0 }; /* a sanitizer ends the process instead */
#else
enum { LIMITS_OF_MEMORY_HOLD = 1 };
#endif

/* A message in the Go library's envelope, whose decoding needs several times that many bytes. */
static void add_envelope(size_t bytes)
{
	static const char head[] = "{\"metadata\":{},\"data\":\"", tail[] = "\",\"partitionKey\":\"k\"}";
	char *text = malloc(sizeof(head) + bytes + sizeof(tail));
	assert_non_null(text);
	strcpy(text, head);
	memset(text + sizeof(head) - 1, 'A', bytes);
	strcpy(text + sizeof(head) - 1 + bytes, tail);
	add(text);
	free(text);
}

static bool has_fetched_both(void *arg)
{
	(void)arg;
	usleep(50000);
	kill(rig.runner->pid, SIGUSR2);
	return test_runner_has_said(rig.runner, "; 2 batches (");
}

/* It gets so many bytes more than it has. */
static void limit_memory(size_t bytes)
{
	char path[64];
	unsigned long pages = 0;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)rig.runner->pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	struct rlimit limit = {pages * (unsigned long)getpagesize() + bytes, RLIM_INFINITY};
	assert_int_equal(prlimit(rig.runner->pid, RLIMIT_AS, &limit, NULL), 0);
}

static void a_runner_without_memory_for_messages_gives_them_back_and_takes_them_again_later(void **state)
{
	(void)state;
	static const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	char options[256], block[96];
	if (!LIMITS_OF_MEMORY_HOLD) {
		print_message("skipped: under a sanitizer, a process without memory ends\n");
		skip();
	}
	snprintf(block, sizeof(block), "%s/block", rig.server->directory);
	fclose(fopen(block, "w"));
	add_envelope(4);
	add_envelope(8 << 20);
	/* What is freed goes back to the system, so that the limit holds for all large pieces. */
	setenv("MALLOC_ARENA_MAX", "1", 1);
	setenv("MALLOC_MMAP_THRESHOLD_", "131072", 1);
	snprintf(options, sizeof(options), "codec = segmenter-go\nbatch_size = 1\noption.block_file = %s\n",
		 block);
	start(options, false);
	unsetenv("MALLOC_ARENA_MAX");
	unsetenv("MALLOC_MMAP_THRESHOLD_");
	test_runner_says(rig.runner, " runs as only");
	test_wait_until(has_fetched_both, NULL, 20000,
			"the second message is there, and the first one in hand");
	limit_memory(2 << 20);
	unlink(block);
	test_runner_says(rig.runner,
			 "takes 0 partitions at most, until a trial succeeds: partition 0: out of memory");
	static char cause[] =
		"no member can serve it: member only takes 0 partitions at most, because it is out of memory";
	test_wait_until(is_caused_by, cause, 20000, "why names the shortage");
	assert_int_equal(prlimit(rig.runner->pid, RLIMIT_AS, &all, NULL), 0);
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
}

/* --- a full disk ---------------------------------------------------------------------------------------- */

/* A disk of its own, which only this process and its children see. False: not permitted. */
static bool make_disk(const char *path)
{
	return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mkdir(path, 0700) == 0 && mount("none", path, "tmpfs", 0, "size=16m,mode=700") == 0;
}

static void fill(const char *path)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static bool says_that_the_disk_is_full(void *arg)
{
	/* Redis may be down at this moment; then the command fails, and says the same. */
	const test_segctl *answer =
		test_segctl_do(NULL, "--config %s --timeout 1s why s g 0 --sample 0", rig.runner->config);
	return strstr(answer->exit_code ? answer->errors : answer->output, arg);
}

static bool is_content(void *arg)
{
	(void)arg;
	const test_segctl *answer =
		test_segctl_do(NULL, "--config %s --timeout 1s why s g 0 --sample 0", rig.runner->config);
	return answer->exit_code == 0 && strstr(answer->output, "nothing is wrong");
}

static void the_full_disk_of_an_embedded_redis_is_named(void **state)
{
	(void)state;
	char disk[96], filler[112], expected_text[256];
	snprintf(disk, sizeof(disk), "%s/disk", rig.server->directory);
	snprintf(filler, sizeof(filler), "%s/filler", disk);
	if (!make_disk(disk)) {
		print_message("skipped: only root can mount a small disk\n");
		skip();
	}
	rig.runner = test_runner_run(
		"[redis]\naddress = embedded\ndirectory = %s\n[runner]\nname = only\n[consumer c]\n"
		"stream = s\ngroup = g\nplugin = %s/tests/plugins/record.so\n"
		"partitions = 1\noption.path = /dev/null\n",
		disk, test_build_directory());
	test_runner_says(rig.runner, "now has 1 of 1 partition");
	test_wait_until(is_content, NULL, 20000, "all is well");
	fill(filler);
	snprintf(expected_text, sizeof(expected_text), "the disk of the embedded Redis is full (%s: ", disk);
	test_wait_until(says_that_the_disk_is_full, expected_text, 20000, "why names the disk");
	snprintf(expected_text, sizeof(expected_text),
		 "free space there; %s/redis.log tells what Redis could not write", disk);
	test_wait_until(says_that_the_disk_is_full, expected_text, 20000, "why says what to do");
	unlink(filler);
	test_wait_until(is_content, NULL, 20000, "all is well again");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	umount2(disk, MNT_DETACH);
}

static void an_output_that_redis_has_no_memory_for_is_named_and_goes_on_when_it_has(void **state)
{
	(void)state;
	rig.other = test_runner_run(
		"[redis]\naddress = %s\n[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/emits.so\n"
		"outputs = out\noutput.out.partitions = 1\n",
		rig.server->address, test_build_directory());
	test_group_wait_balanced(rig.server->address, "s", "g", 1);
	/* In one step, so that no output is added before. */
	test_rig_tell("MULTI");
	add("1");
	test_rig_tell("CONFIG SET maxmemory 1");
	test_rig_tell("EXEC");
	test_wait_until(is_caused_by, "of stream \"out\": OOM", 20000, "why names the output");
	const char *text = test_segctl_good(rig.server->address, "why s g 0 --sample 0");
	test_expect_text(text, "what all have committed makes room.\nNext:  if it is full");
	test_expect_text(text, "if Redis refuses it, mend what Redis names");
	test_runner_says(rig.other, "outputs wait, and the partition with them: ");
	test_rig_tell("CONFIG SET maxmemory 0");
	test_group_wait_drained(rig.server->address, "s", "g");
	test_expect_text(test_segctl_good(rig.server->address, "tail out --from earliest --count 1"), "1");
	test_runner_says(rig.other, "the outputs go on");
}

static void an_invalid_partition_is_refused(void **state)
{
	(void)state;
	assert_int_equal(test_segctl_do(rig.server->address, "why s g 1")->exit_code, EX_NOINPUT);
	assert_int_equal(test_segctl_do(rig.server->address, "why s g x")->exit_code, EX_USAGE);
	assert_int_equal(test_segctl_do(rig.server->address, "why s g 0")->exit_code, EX_NOINPUT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_group_that_handles_all_is_healthy_and_one_without_members_is_not),
		TEST(a_message_that_is_retried_is_named_with_its_reason_and_attempt),
		TEST(an_owner_that_was_killed_is_silent),
		TEST(a_message_that_kills_its_owners_is_named),
		TEST(a_runner_that_is_refused_threads_keeps_what_it_serves_and_others_take_the_rest),
		TEST(a_runner_without_memory_for_messages_gives_them_back_and_takes_them_again_later),
		TEST(the_full_disk_of_an_embedded_redis_is_named),
		TEST(an_output_that_redis_has_no_memory_for_is_named_and_goes_on_when_it_has),
		TEST(an_invalid_partition_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

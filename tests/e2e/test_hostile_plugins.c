/*
 * test_hostile_plugins.c - plugins that do what no plugin may: segrunner's last line and its exit code. No
 * unhandled message is committed, and another runner takes over.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/group.h"
#include "harness/rig.h"
#include "harness/segctl.h"

enum {
	PARTITIONS = 4,
	MESSAGES = 20,
	BAD = 7,
	SESSION_MS = 500,
	HANG_SESSION_MS = 4000,
	LONG_SESSION_MS = 10000
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* A sanitizer reports the fault itself, and exits. */
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* On a busy machine, a call that does return may take seconds. */
#define PATIENT "handler_timeout = 30s\nshutdown_timeout = 1h"
static const char *timeouts;
static int session_ms; /* short for a runner whose end is waited for */
static seg_id bad;     /* the message that triggers the fault: number BAD of partition 0 */

static int set_up(void **state)
{
	timeouts = PATIENT;
	session_ms = SESSION_MS;
	test_rig_set_up(state);
	return 0;
}

static test_runner *run(const char *name, const char *plugin, const char *more)
{
	return test_runner_run(
		"[redis]\naddress = %s\n[runner]\nname = %s\n%s\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/%s.so\nsession_timeout = %dms\n"
		"retry_backoff = 1ms\ntick = 10ms\n%s\n",
		rig.server->address, name, timeouts, test_build_directory(), plugin, session_ms, more);
}

/*
 * Sends "0" to "19" to each partition, under one key per partition. The data of number BAD of partition 0 is
 * the deed's word.
 */
static void send_messages(const char *deed)
{
	test_rig_register("s", &(seg_stream_shape){.partitions = PARTITIONS, .partition_size = 1000});
	for (uint32_t p = 0; p < PARTITIONS; p++)
		for (int n = 0; n < MESSAGES; n++) {
			char number[16];
			bool is_bad = p == 0 && n == BAD;
			snprintf(number, sizeof(number), "%d", n);
			seg_id id = test_rig_send(test_rig_key(p, PARTITIONS), is_bad ? deed : number);
			if (is_bad)
				bad = id;
		}
	test_rig_close_client();
}

/*
 * Starts a runner whose plugin does the deed at message BAD of partition 0; a batch has at most `batch_size`
 * messages.
 */
static void run_hostile(const char *plugin, const char *deed, const char *more)
{
	send_messages(deed);
	rig.runner = run("hostile", plugin, more);
}

static seg_group_info *describe(void)
{
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	assert_non_null(info);
	return info;
}

/* --- checks after each deed ------------------------------------------------------------------ */

/* Checks the runner's end, and the one line that explains it. */
static void it_ends(int code, const char *line)
{
	assert_int_equal(test_runner_wait(rig.runner), code);
	if (line)
		test_runner_says(rig.runner, line);
}

static void it_ends_by(int signal, const char *line)
{
	int code = test_runner_wait(rig.runner);
	if (!SANITIZED)
		assert_int_equal(code, -signal);
	assert_int_not_equal(code, 0);
	test_runner_says(rig.runner, line);
}

static void the_line_names_the_message(void)
{
	char line[256], id[SEG_ID_TEXT_MAX];
	snprintf(line, sizeof(line), " handle of partition 0, at or after message %s",
		 seg_id_format(bad, id));
	test_runner_says(rig.runner, line);
}

static void nothing_is_committed_from_the_bad_message_on(void)
{
	seg_group_info *info = describe();
	assert_true(seg_id_compare(info->partitions[0].position, bad) < 0);
	seg_group_info_free(info);
}

/* A runner with a correct plugin handles all uncommitted messages, in order. */
static void another_runner_goes_on(void)
{
	char option[128];
	snprintf(option, sizeof(option), "option.path = %s", rig.deliveries);
	timeouts = "";
	/* Where its lease ends, it handles messages again. */
	session_ms = LONG_SESSION_MS;
	rig.other = run("good", "record", option);
	test_group_wait_drained(rig.server->address, "s", "g");
	test_deliveries deliveries = test_deliveries_read(rig.deliveries);
	int next = 0;
	for (size_t i = 0; i < deliveries.count; i++) {
		const test_delivery *d = &deliveries.list[i];
		if (d->partition != 0)
			continue;
		int number = d->ms == bad.ms && d->seq == bad.seq ? BAD : atoi(d->data);
		assert_true(number == next || next == 0);
		next = number + 1;
	}
	test_deliveries_free(&deliveries);
	assert_true(next == 0 || next == MESSAGES);
	test_runner_says(rig.other, "runs as good");
	assert_int_equal(test_runner_stop(rig.other, SIGTERM), EX_OK);
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 0);
}

/* The same, if the bad message was not handled. */
static void another_runner_takes_over(void)
{
	nothing_is_committed_from_the_bad_message_on();
	another_runner_goes_on();
}

/* --- plugins that do not return -------------------------------------------------------------------- */

/* Only this runner is impatient, and not the one that takes over. It keeps its lease while the call hangs. */
static void run_impatiently(const char *deed, const char *more)
{
	timeouts = "handler_timeout = 2s\nshutdown_timeout = 1h";
	session_ms = HANG_SESSION_MS;
	run_hostile("hostile", deed, more);
	timeouts = PATIENT;
}

static void is_given_up_at_its_timeout(const char *deed)
{
	run_impatiently(deed, "batch_size = 1");
	it_ends(EX_SOFTWARE, "(handler_timeout)");
	test_runner_says(rig.runner, "plugin hostile has not returned");
	the_line_names_the_message();
	test_runner_says(rig.runner, "a handler does not return; ending without it");
	/*
	 * The other partitions have no owner at once; the stuck one keeps its owner until the session ends.
	 */
	seg_group_info *info = describe();
	for (uint32_t p = 1; p < PARTITIONS; p++) {
		assert_string_equal(info->partitions[p].owner, "");
		assert_int_equal(info->partitions[p].lag, 0);
	}
	assert_string_equal(info->partitions[0].owner, "hostile");
	seg_group_info_free(info);
	another_runner_takes_over();
}

static void a_handler_that_loops_for_ever_is_named_and_ends_the_runner_with_70(void **state)
{
	(void)state;
	is_given_up_at_its_timeout("spin");
}

static void a_handler_that_sleeps_for_ever_is_named_and_ends_the_runner_with_70(void **state)
{
	(void)state;
	is_given_up_at_its_timeout("hang");
}

static void a_tick_that_does_not_return_is_noticed_too(void **state)
{
	(void)state;
	run_impatiently("x", "option.tick = hang");
	it_ends(EX_SOFTWARE, "from tick of partition ");
	another_runner_goes_on();
}

static void a_partition_open_that_does_not_return_is_noticed_too(void **state)
{
	(void)state;
	run_impatiently("x", "option.partition_open = spin");
	it_ends(EX_SOFTWARE, "from partition_open of partition ");
	another_runner_takes_over();
}

static bool why_names_the_call(void *arg)
{
	(void)arg;
	const char *why = test_segctl_good(rig.server->address, "why s g 0 --sample 0");
	return strstr(why, ": plugin hostile has not returned from handle of partition 0") != NULL;
}

static void a_handler_that_hangs_is_named_long_before_its_timeout(void **state)
{
	(void)state;
	timeouts = "handler_timeout = 6s";
	run_hostile("hostile", "hang", "batch_size = 1");
	test_runner_says(rig.runner,
			 "plugin hostile has not returned from handle of partition 0, at or after message");
	the_line_names_the_message();
	test_wait_until(why_names_the_call, NULL, 2500, "segctl why names the call");
	assert_int_equal(test_runner_stop(rig.runner, SIGKILL), -SIGKILL);
}

static void a_second_sigterm_ends_a_runner_whose_handler_hangs(void **state)
{
	(void)state;
	timeouts = "handler_timeout = 0\nshutdown_timeout = 1h";
	run_hostile("hostile", "hang", "batch_size = 1");
	test_runner_says(rig.runner, "about to do: hang");
	kill(rig.runner->pid, SIGTERM);
	test_runner_says(rig.runner, "stopping cleanly");
	kill(rig.runner->pid, SIGTERM);
	it_ends(EX_SOFTWARE, "a handler does not return; ending without it");
	another_runner_takes_over();
}

/* --- plugins that end the process or the thread ------------------------------------------------------ */

static void a_handler_that_calls_exit_is_named_and_no_clean_end(void **state)
{
	(void)state;
	run_hostile("hostile", "exit", "batch_size = 1");
	it_ends(EX_SOFTWARE, "plugin hostile called exit()");
	the_line_names_the_message();
	another_runner_takes_over();
}

static void an_init_that_calls_exit_is_named_and_no_clean_end(void **state)
{
	(void)state;
	run_hostile("hostile", "x", "option.init = exit");
	it_ends(EX_SOFTWARE, "plugin hostile called exit() in init");
}

/* The runner has not begun to look for signals then. */
static void an_init_that_aborts_blames_no_message(void **state)
{
	(void)state;
	run_hostile("hostile", "x", "option.init = abort");
	it_ends_by(SIGABRT, "plugin hostile aborted (SIGABRT) in init; mend the plugin");
}

static void signals_that_come_while_a_runner_starts_do_no_harm(void **state)
{
	(void)state;
	run_hostile("hostile", "x", "option.init = signals");
	test_group_wait_drained(rig.server->address, "s", "g");
	test_runner_says(rig.runner, "reloaded: 0 consumers started, 0 ended, 1 untouched");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void the_last_line_of_a_crash_is_in_the_log_file(void **state)
{
	(void)state;
	char file[96], lines[160], text[8192] = "";
	snprintf(file, sizeof(file), "%s/log", rig.directory);
	snprintf(lines, sizeof(lines), "handler_timeout = 0\nlog_format = json\nlog_file = %s", file);
	timeouts = lines;
	run_hostile("hostile", "abort", "batch_size = 1");
	it_ends_by(SIGABRT, "plugin hostile aborted (SIGABRT)");
	FILE *log = fopen(file, "r");
	assert_non_null(log);
	size_t length = fread(text, 1, sizeof(text) - 1, log);
	fclose(log);
	text[length] = '\0';
	assert_non_null(
		strstr(text,
		       "\"level\":\"error\",\"message\":\"plugin hostile aborted (SIGABRT) in handle of"));
	assert_string_equal(text + length - 3, "\"}\n");
}

static void children_of_a_handler_exit_and_are_ended_as_anywhere(void **state)
{
	(void)state;
#if defined(__SANITIZE_THREAD__)
	skip(); /* in a child of several threads, exit() waits for ever for ThreadSanitizer's own locks */
#endif
	/* A child has one of the threads: the leak check of AddressSanitizer takes what the others hold for leaked. */
	const char *given = getenv("ASAN_OPTIONS");
	char *options = given ? strdup(given) : NULL;
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	run_hostile("hostile", "children", "batch_size = 1");
	options ? setenv("ASAN_OPTIONS", options, 1) : unsetenv("ASAN_OPTIONS");
	free(options);
	test_runner_says(rig.runner, "children: exit 0, signal 15");
	test_group_wait_drained(rig.server->address, "s", "g");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	assert_false(test_runner_has_said(rig.runner, "called exit()"));
}

/* _exit leaves no last line: no code of segrunner runs any more. */
static void a_handler_that_calls__exit_loses_nothing(void **state)
{
	(void)state;
	run_hostile("hostile", "_exit", "batch_size = 1");
	it_ends(EX_OK, NULL);
	another_runner_takes_over();
}

static void a_handler_that_ends_its_thread_is_named_and_all_partitions_are_released(void **state)
{
	(void)state;
	run_hostile("hostile", "thread_exit", "batch_size = 1");
	it_ends(EX_UNAVAILABLE,
		"plugin hostile cannot continue: it ended segrunner's worker thread (pthread_exit) in handle of partition ");
	test_runner_says(rig.runner, "everything is drained but the handlers that do not return");
	seg_group_info *info = describe();
	for (uint32_t p = 0; p < PARTITIONS; p++)
		assert_string_equal(info->partitions[p].owner, "");
	seg_group_info_free(info);
	another_runner_takes_over();
}

static void a_thread_that_is_ended_as_its_partition_closes_is_the_reason_of_the_end(void **state)
{
	(void)state;
	run_hostile("hostile", "x", "option.partition_close = thread_exit");
	test_group_wait_drained(rig.server->address, "s", "g");
	kill(rig.runner->pid, SIGTERM);
	it_ends(EX_UNAVAILABLE, "(pthread_exit) in partition_close of partition ");
}

static bool has_ended_or_drained(void *arg)
{
	seg_group_info *info = test_group_describe(rig.server->address, "s", "g");
	bool drained = info != NULL;
	(void)arg;
	for (uint32_t p = 0; info && p < PARTITIONS; p++)
		drained = drained && info->partitions[p].lag == 0;
	seg_group_info_free(info);
	return drained || test_runner_times_said(rig.runner, "it ended ");
}

/* Under a service that starts the runner again, as a crash does. */
static void a_message_ends_its_thread_at_most_max_attempts_times(const char *more)
{
	enum { ATTEMPTS = 3, STARTS_MOST = 10 };
	char options[128];
	int starts = 1;
	snprintf(options, sizeof(options), "batch_size = 1\nmax_attempts = %d\n%s", ATTEMPTS, more);
	run_hostile("hostile", "thread_exit", options);
	for (; starts <= STARTS_MOST; starts++) {
		test_wait_until(has_ended_or_drained, NULL, 20000, "the runner ends, or goes on");
		if (!test_runner_times_said(rig.runner, "it ended "))
			break;
		it_ends(EX_UNAVAILABLE, NULL);
		test_runner_free(rig.runner);
		rig.runner = run("hostile", "hostile", options);
	}
	print_message("%d starts\n", starts);
	assert_true(starts <= STARTS_MOST);
	assert_true(starts > ATTEMPTS);
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), 1);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void a_message_that_ends_its_thread_again_and_again_becomes_a_dead_letter(void **state)
{
	(void)state;
	a_message_ends_its_thread_at_most_max_attempts_times("");
}

static void and_so_does_one_that_ends_the_thread_of_a_lane(void **state)
{
	(void)state;
	a_message_ends_its_thread_at_most_max_attempts_times("parallel = 2");
}

/* The report that ThreadSanitizer makes of a crash allocates memory in the signal handler, and on some machines waits for itself for ever. */
static void run_without_the_sanitizers_report(const char *plugin, const char *deed)
{
	const char *given = getenv("TSAN_OPTIONS");
	char *before = given ? strdup(given) : NULL, options[1024];
	snprintf(options, sizeof(options), "%s:handle_segv=0", before ? before : "");
	setenv("TSAN_OPTIONS", options, 1);
	run_hostile(plugin, deed, "batch_size = 1");
	before ? setenv("TSAN_OPTIONS", before, 1) : unsetenv("TSAN_OPTIONS");
	free(before);
}

static void crashes_with(const char *plugin, const char *deed, int signal, const char *line)
{
	run_without_the_sanitizers_report(plugin, deed);
	it_ends_by(signal, line);
	if (!SANITIZED || signal == SIGABRT)
		the_line_names_the_message();
	another_runner_takes_over();
}

static void a_handler_that_writes_where_nothing_is_is_named_and_its_signal_kept(void **state)
{
	(void)state;
	crashes_with("hostile", "crash", SIGSEGV, "plugin hostile crashed (SIGSEGV)");
}

static void a_crash_in_a_thread_that_a_plugin_has_started_is_told_apart(void **state)
{
	(void)state;
	run_without_the_sanitizers_report("hostile", "thread_crash");
	it_ends_by(SIGSEGV, "segrunner crashed (SIGSEGV) outside of any call of a plugin");
	another_runner_takes_over();
}

static void a_handler_that_overflows_its_stack_is_named_and_its_signal_kept(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	crashes_with("hostile", "stack", SIGSEGV, "plugin hostile crashed (SIGSEGV)");
}

static void a_handler_that_aborts_is_named_and_its_signal_kept(void **state)
{
	(void)state;
	crashes_with("hostile", "abort", SIGABRT, "plugin hostile aborted (SIGABRT)");
}

static void a_handler_that_uses_memory_malloc_refused_is_named(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	crashes_with("hostile", "huge", SIGSEGV, "plugin hostile crashed (SIGSEGV)");
}

static void a_handler_that_lets_an_exception_out_is_named(void **state)
{
	(void)state;
	char path[512];
	snprintf(path, sizeof(path), "%s/tests/plugins/throws.so", test_build_directory());
	if (access(path, F_OK))
		skip();
	crashes_with("throws", "throw", SIGABRT, "plugin throws aborted (SIGABRT)");
	test_runner_says(rig.runner, "nobody catches this");
}

/* --- plugins that spoil the process ---------------------------------------------------------------------- */

static void a_handler_that_closes_all_descriptors_ends_the_runner_with_70(void **state)
{
	(void)state;
	run_hostile("hostile", "close", "batch_size = 1");
	it_ends(EX_SOFTWARE, "a plugin has closed file descriptors that belong to segrunner: ");
	test_runner_says(rig.runner, "/tests/plugins/hostile.so of [consumer c]; ending at once");
	another_runner_goes_on();
}

/* The runner handles all messages, and SIGTERM still stops it cleanly. */
/* Whether the runner hears SIGTERM: within a second, it catches a signal anew that a plugin has ignored. */
static bool hears_sigterm(void *arg)
{
	char path[64], line[128];
	unsigned long long ignored = ~0ULL;
	(void)arg;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)rig.runner->pid);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SigIgn: %llx", &ignored) == 1)
			break;
	if (file)
		fclose(file);
	return !(ignored >> (SIGTERM - 1) & 1);
}

static void spoils_nothing(const char *deed)
{
	run_hostile("hostile", deed, "");
	test_group_wait_drained(rig.server->address, "s", "g");
	test_wait_until(hears_sigterm, NULL, 5000, "the runner hears SIGTERM");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
	seg_group_info *info = describe();
	for (uint32_t p = 0; p < PARTITIONS; p++)
		assert_string_equal(info->partitions[p].owner, "");
	seg_group_info_free(info);
}

static void a_handler_that_blocks_all_signals_does_not_keep_sigterm_out(void **state)
{
	(void)state;
	spoils_nothing("mask");
}

static void a_handler_that_ignores_sigterm_does_not_keep_it_out(void **state)
{
	(void)state;
	spoils_nothing("ignore");
}

static void a_handler_that_leaves_a_child_behind_spoils_nothing(void **state)
{
	(void)state;
	spoils_nothing("fork");
}

/* The configuration is named by a relative path, and names relative paths. */
static void a_handler_that_changes_the_directory_does_not_spoil_the_next_sighup(void **state)
{
	(void)state;
	char before[512], more_path[96];
	assert_non_null(getcwd(before, sizeof(before)));
	send_messages("chdir");
	rig.runner = test_runner_make(
		"include = more.ini\n[redis]\naddress = %s\n[runner]\nname = hostile\n%s\n"
		"[consumer c]\nstream = s\ngroup = g\nplugin = %s/tests/plugins/hostile.so\nsession_timeout = %dms\n",
		rig.server->address, timeouts, test_build_directory(), SESSION_MS);
	snprintf(more_path, sizeof(more_path), "%s/more.ini", rig.runner->directory);
	FILE *more = fopen(more_path, "w");
	assert_non_null(more);
	fputs("[runner]\nlog_level = debug\n", more);
	assert_int_equal(fclose(more), 0);
	assert_int_equal(chdir(rig.runner->directory), 0);
	test_runner_start(rig.runner, (const char *const[]){"-c", "test.ini", NULL});
	assert_int_equal(chdir(before), 0);
	test_group_wait_drained(rig.server->address, "s", "g");
	test_runner_says(rig.runner, "about to do: chdir");
	assert_int_equal(kill(rig.runner->pid, SIGHUP), 0);
	test_runner_says(rig.runner, "reloaded: ");
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

static void a_nonsensical_answer_is_logged_and_its_message_becomes_a_dead_letter(void **state)
{
	(void)state;
	run_hostile("nonsense", "x", "batch_size = 1\nmax_attempts = 2");
	test_group_wait_drained(rig.server->address, "s", "g");
	test_runner_says(rig.runner, "invalid answer: unknown outcome 77; use seg_done, seg_retry");
	assert_int_equal(test_group_dead_letters(rig.server->address, "s", "g"), PARTITIONS * MESSAGES);
	assert_int_equal(test_runner_stop(rig.runner, SIGTERM), EX_OK);
}

/* --- plugins that cannot be loaded ------------------------------------------------------------------------- */

static void is_not_loaded(const char *plugin, const char *line)
{
	rig.runner = run("hostile", plugin, "partitions = 1\npartition_size = 10");
	it_ends(EX_CONFIG, line);
	test_runner_says(rig.runner, ":10: ");
	test_runner_start(rig.runner, (const char *const[]){"--check", "CONFIG", NULL});
	it_ends(EX_CONFIG, line);
	assert_null(test_group_describe(rig.server->address, "s", "g"));
	test_runner_free(rig.runner);
	rig.runner = NULL;
}

static void a_plugin_that_crashes_while_loading_is_78_with_its_line_and_the_cure(void **state)
{
	(void)state;
	is_not_loaded("constructor_aborts",
		      "constructor_aborts.so crashes while it is loaded (signal 6, Aborted)");
	is_not_loaded("constructor_exits", "constructor_exits.so ends the process while it is loaded");
}

static void a_plugin_built_for_another_abi_is_78_with_its_line(void **state)
{
	(void)state;
	is_not_loaded("wrong_abi", "ABI");
	is_not_loaded("no_symbol", "SEG_HANDLER_EXPORT");
	is_not_loaded("undefined_symbol", "undefined symbol");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_handler_that_loops_for_ever_is_named_and_ends_the_runner_with_70),
		TEST(a_handler_that_sleeps_for_ever_is_named_and_ends_the_runner_with_70),
		TEST(a_tick_that_does_not_return_is_noticed_too),
		TEST(a_partition_open_that_does_not_return_is_noticed_too),
		TEST(a_handler_that_hangs_is_named_long_before_its_timeout),
		TEST(a_second_sigterm_ends_a_runner_whose_handler_hangs),
		TEST(a_handler_that_calls_exit_is_named_and_no_clean_end),
		TEST(an_init_that_calls_exit_is_named_and_no_clean_end),
		TEST(an_init_that_aborts_blames_no_message),
		TEST(signals_that_come_while_a_runner_starts_do_no_harm),
		TEST(the_last_line_of_a_crash_is_in_the_log_file),
		TEST(children_of_a_handler_exit_and_are_ended_as_anywhere),
		TEST(a_handler_that_calls__exit_loses_nothing),
		TEST(a_handler_that_ends_its_thread_is_named_and_all_partitions_are_released),
		TEST(a_thread_that_is_ended_as_its_partition_closes_is_the_reason_of_the_end),
		TEST(a_message_that_ends_its_thread_again_and_again_becomes_a_dead_letter),
		TEST(and_so_does_one_that_ends_the_thread_of_a_lane),
		TEST(a_handler_that_writes_where_nothing_is_is_named_and_its_signal_kept),
		TEST(a_crash_in_a_thread_that_a_plugin_has_started_is_told_apart),
		TEST(a_handler_that_overflows_its_stack_is_named_and_its_signal_kept),
		TEST(a_handler_that_aborts_is_named_and_its_signal_kept),
		TEST(a_handler_that_uses_memory_malloc_refused_is_named),
		TEST(a_handler_that_lets_an_exception_out_is_named),
		TEST(a_handler_that_closes_all_descriptors_ends_the_runner_with_70),
		TEST(a_handler_that_blocks_all_signals_does_not_keep_sigterm_out),
		TEST(a_handler_that_ignores_sigterm_does_not_keep_it_out),
		TEST(a_handler_that_leaves_a_child_behind_spoils_nothing),
		TEST(a_handler_that_changes_the_directory_does_not_spoil_the_next_sighup),
		TEST(a_nonsensical_answer_is_logged_and_its_message_becomes_a_dead_letter),
		TEST(a_plugin_that_crashes_while_loading_is_78_with_its_line_and_the_cure),
		TEST(a_plugin_built_for_another_abi_is_78_with_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_plugin_exec_effects.c - the plugin exec: the records that a child emits, and the values that it keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/exec_child.h"
#include "harness/plugin.h"
#include "harness/rig.h"

static const char *const outputs[] = {"out", "other", NULL};

/*
 * Counts the messages of each key in a dictionary that it gets with "state", and emits the counts. The data says how it
 * answers; it notes what it was told.
 */
static const char counting[] =
	"import sys,json\n"
	"told=open(\"told\",\"a\")\n"
	"for l in sys.stdin:\n"
	" m=json.loads(l)\n"
	" if \"state\" in m:\n"
	"  values=m[\"state\"]; told.write(json.dumps(values,sort_keys=True)+\"\\n\"); told.flush()\n"
	" if m[\"data\"]==\"x\": sys.exit(3)\n"
	" if m[\"data\"]==\"r\": a={\"retry\":\"not yet\"}\n"
	" elif m[\"data\"]==\"d\": a={\"dead_letter\":\"never\"}\n"
	" else:\n"
	"  k=m[\"key\"]; values[k]=str(int(values.get(k,0))+1)\n"
	"  a={\"ok\":True,\"state\":{k:values[k]},"
	"\"emit\":[{\"stream\":\"out\",\"key\":k,\"data\":values[k],\"headers\":[{\"name\":\"a\",\"value\":\"b\"}]}]}\n"
	"  if m[\"data\"]==\"n\": a[\"emit\"][0][\"stream\"]=\"nowhere\"\n"
	" print(json.dumps(a),flush=True)\n";

static test_plugin *start_counting(void)
{
	test_rig_write("counting.py", "%s", counting);
	return test_plugin_start_with("exec",
				      TEST_OPTIONS(
					      test_child_option(0, "command=cd %s; exec python3 counting.py",
								rig.directory)),
				      outputs, 1);
}

static void expect_kept(test_plugin *p, const char *name, const char *value)
{
	const char *found = test_calls_value(test_plugin_calls(p), name);
	assert_non_null(found);
	assert_string_equal(found, value);
}

static void what_a_child_emits_and_changes_belongs_to_the_message_that_it_answers(void **state)
{
	(void)state;
	test_plugin *p = start_counting();
	void *partition = test_plugin_open(p, 7);
	test_calls_put(test_plugin_calls(p), "a", "5");
	const seg_message m[] = {test_message(1, "a", ""),  test_message(2, "b", ""),
				 test_message(3, "a", "d"), test_message(4, "a", ""),
				 test_message(5, "b", "r"), test_message(6, "b", "")};
	test_expect_answer(test_plugin_handle(p, partition, 7, 1, m, 6), SEG_OUTCOME_DEAD_LETTER, 2, "never");
	expect_kept(p, "a", "6");
	assert_int_equal(test_calls_emitted_count(test_plugin_calls(p)), 2);
	assert_string_equal(test_calls_emitted(test_plugin_calls(p), 0), "out a 6 a=b");
	test_expect_answer(test_plugin_handle(p, partition, 7, 1, m + 3, 3), SEG_OUTCOME_RETRY, 1, "not yet");
	expect_kept(p, "a", "7");
	expect_kept(p, "b", "1");
	/* The child may have answered the message after the retried one already: it is told the values again. */
	test_expect_done(test_plugin_handle(p, partition, 7, 2, m + 5, 1));
	expect_kept(p, "b", "2");
	assert_int_equal(test_calls_emitted_count(test_plugin_calls(p)), 4);
	assert_string_equal(test_calls_emitted(test_plugin_calls(p), 3), "out b 2 a=b");
	assert_string_equal(test_child_file("told"), "{\"a\": \"5\"}\n{\"a\": \"7\", \"b\": \"1\"}\n");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void what_a_child_answered_before_it_died_takes_effect_and_the_next_child_knows_it(void **state)
{
	(void)state;
	test_plugin *p = start_counting();
	void *partition = test_plugin_open(p, 7);
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(1, "a", ""),
						 test_message(2, "a", ""), test_message(3, "a", "x"),
						 test_message(4, "a", "")),
			   SEG_OUTCOME_RETRY, 2, "ended with exit code 3");
	expect_kept(p, "a", "2");
	assert_int_equal(test_calls_emitted_count(test_plugin_calls(p)), 2);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(4, "a", "")));
	expect_kept(p, "a", "3");
	assert_string_equal(test_child_file("told"), "{}\n{\"a\": \"2\"}\n");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void what_segrunner_refuses_is_a_retry_and_the_child_is_told_the_values_again(void **state)
{
	(void)state;
	test_plugin *p = start_counting();
	void *partition = test_plugin_open(p, 7);
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(1, "a", ""),
						 test_message(2, "a", "n"), test_message(3, "a", "")),
			   SEG_OUTCOME_RETRY, 1, "nowhere is not among the outputs");
	expect_kept(p, "a", "1");
	test_expect_done(test_plugin_hand_over(p, partition, test_message(3, "a", "")));
	expect_kept(p, "a", "2");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void any_bytes_can_be_emitted_and_kept(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start_with(
		"exec",
		TEST_OPTIONS(test_child_shell("printf '%s\\n' \"$m\" >>got; " TEST_ANSWER(
			"{\"ok\":true,\"state\":{\"raw\":{\"base64\":\"/wBi\"},\"gone\":null},\"emit\":[{\"stream\":\"other\","
			"\"key_base64\":\"YWI=\",\"data_base64\":\"\",\"headers\":[{\"name_base64\":\"YQ==\","
			"\"value_base64\":\"YWJj\"}]}]}"))),
		outputs, 1);
	void *partition = test_plugin_open(p, 7);
	test_calls_put(test_plugin_calls(p), "gone", "x");
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "")));
	assert_memory_equal(test_calls_value(test_plugin_calls(p), "raw"), "\xff\0b", 4);
	assert_null(test_calls_value(test_plugin_calls(p), "gone"));
	assert_string_equal(test_calls_emitted(test_plugin_calls(p), 0), "other ab  a=abc");
	test_plugin_close(p, partition);
	partition = test_plugin_open(p, 8);
	test_expect_done(test_plugin_hand_over(p, partition, test_message(2, "k", "")));
	assert_non_null(strstr(test_child_file("got"), ",\"state\":{\"gone\":\"x\"}}\n"));
	assert_non_null(strstr(test_child_file("got"), ",\"state\":{\"raw\":{\"base64\":\"/wBi\"}}}\n"));
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void a_child_of_frames_is_told_the_values_in_its_first_frame(void **state)
{
	(void)state;
	static const char script[] =
		"import sys,json,struct\n"
		"r=sys.stdin.buffer; w=sys.stdout.buffer\n"
		"def f(): return r.read(struct.unpack(\">I\",r.read(4))[0])\n"
		"for i in range(2):\n"
		" m=json.loads(f()); f()\n"
		" a=json.dumps({\"ok\":True,\"state\":{\"n%d\"%i:json.dumps(m.get(\"state\"))}}).encode()\n"
		" w.write(struct.pack(\">I\",len(a))+a); w.flush()\n";
	test_plugin *p =
		test_plugin_start_with("exec",
				       TEST_OPTIONS(test_child_option(0, "command=exec python3 -c '%s'",
								      script),
						    "framing=frames"),
				       outputs, 1);
	void *partition = test_plugin_open(p, 7);
	test_calls_put(test_plugin_calls(p), "a", "1");
	test_expect_done(
		test_plugin_hand_over(p, partition, test_message(1, "k", "x"), test_message(2, "k", "y")));
	expect_kept(p, "n0", "{\"a\": \"1\"}");
	expect_kept(p, "n1", "null");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

/* The first answer is good, so that the command counts as one that works. */
static void expect_invalid(const char *answer, uint32_t parallel, const char *why)
{
	char each[700];
	snprintf(each, sizeof(each),
		 "case $m in *first*) " TEST_ANSWER("{\"ok\":true}") ";; *) echo '%s';; esac", answer);
	test_plugin *p =
		test_plugin_start_with("exec", TEST_OPTIONS(test_child_shell(each)), outputs, parallel);
	void *partition = test_plugin_open(p, 7);
	test_expect_answer(test_plugin_hand_over(p, partition, test_message(1, "k", "first"),
						 test_message(2, "k", "")),
			   SEG_OUTCOME_RETRY, 1, why);
	assert_int_equal(test_calls_emitted_count(test_plugin_calls(p)), 0);
	assert_int_equal(test_calls_value_count(test_plugin_calls(p)), 0);
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

static void records_and_values_that_make_no_sense_are_invalid_answers(void **state)
{
	(void)state;
	static const char *const wrong[][2] = {
		{"\"emit\":{}", "\"emit\" must be a list of {\"stream\",\"key\",\"data\"}"},
		{"\"emit\":[7]", "\"emit\" must be a list of {\"stream\",\"key\",\"data\"}"},
		{"\"emit\":[{\"key\":\"\",\"data\":\"\"}]", "needs \"stream\", a text"},
		{"\"emit\":[{\"stream\":\"out\",\"data\":\"\"}]", "needs \"key\", a text, or \"key_base64\""},
		{"\"emit\":[{\"stream\":\"out\",\"key\":\"\",\"data\":7}]", "needs \"data\", a text"},
		{"\"emit\":[{\"stream\":\"out\",\"key\":\"\",\"data_base64\":\"YQ=\"}]",
		 "needs \"data\", a text"},
		{"\"emit\":[{\"stream\":\"out\",\"key\":\"\",\"data\":\"\",\"header\":[]}]",
		 "has only stream, key"},
		{"\"emit\":[{\"stream\":\"out\",\"key\":\"\",\"data\":\"\",\"headers\":{\"a\":\"b\"}}]",
		 "must be a list of {\"name\",\"value\"}"},
		{"\"emit\":[{\"stream\":\"out\",\"key\":\"\",\"data\":\"\",\"headers\":[{\"name\":\"a\"}]}]",
		 "must be a list of {\"name\",\"value\"}"},
		{"\"state\":[]", "\"state\" must be an object"},
		{"\"state\":{\"a\":7}", "a value in \"state\" must be a text, {\"base64\":\"...\"}, or null"},
		{"\"state\":{\"a\":{\"base64\":\"*\"}}", "a value in \"state\" must be a text"},
		{"\"state\":{\"\":\"x\"}", "a name in \"state\" must not be empty"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char answer[300];
		snprintf(answer, sizeof(answer), "{\"ok\":true,%s}", wrong[i][0]);
		expect_invalid(answer, 1, wrong[i][1]);
	}
	expect_invalid("{\"ok\":true,\"state\":{\"a\":\"b\"}}", 2,
		       "the answer has \"state\", which exec offers only with parallel = 1");
}

static void a_child_of_a_lane_is_told_no_values_and_may_emit(void **state)
{
	(void)state;
	test_plugin *p = test_plugin_start_with(
		"exec",
		TEST_OPTIONS(test_child_shell("printf '%s\\n' \"$m\" >>got; " TEST_ANSWER(
			"{\"ok\":true,\"emit\":[{\"stream\":\"out\",\"key\":\"k\",\"data\":\"d\"}]}"))),
		outputs, 2);
	void *partition = test_plugin_open(p, 7);
	test_calls_put(test_plugin_calls(p), "a", "1");
	test_expect_done(test_plugin_hand_over(p, partition, test_message(1, "k", "")));
	assert_null(strstr(test_child_file("got"), "state"));
	assert_string_equal(test_calls_emitted(test_plugin_calls(p), 0), "out k d");
	test_plugin_close(p, partition);
	test_plugin_stop(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_child_set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_child_emits_and_changes_belongs_to_the_message_that_it_answers),
		TEST(what_a_child_answered_before_it_died_takes_effect_and_the_next_child_knows_it),
		TEST(what_segrunner_refuses_is_a_retry_and_the_child_is_told_the_values_again),
		TEST(any_bytes_can_be_emitted_and_kept),
		TEST(a_child_of_frames_is_told_the_values_in_its_first_frame),
		TEST(records_and_values_that_make_no_sense_are_invalid_answers),
		TEST(a_child_of_a_lane_is_told_no_values_and_may_emit),
	};
	if (!test_plugin_is_built("exec"))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

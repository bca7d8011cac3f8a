/* test_plugin_lua.c - the plugin lua with real scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "harness/plugin.h"
#include "harness/rig.h"

static char script_option[128];

#define OPTIONS(...) ((const char *const[]){script_option, __VA_ARGS__, NULL})
#define NO_OPTIONS ((const char *const[]){script_option, NULL})

static int set_up(void **state)
{
	test_rig_set_up_directory(state);
	snprintf(script_option, sizeof(script_option), "script=%s/handler.lua", rig.directory);
	return 0;
}

/* Replaces the script in one step, as a careful editor does. */
static void write_script(const char *text)
{
	assert_int_equal(rename(test_rig_write("new", "%s", text), test_rig_path("handler.lua")), 0);
}

static test_plugin *plugin;
static void *partition;

static void start(const char *script, const char *const *options)
{
	write_script(script);
	plugin = test_plugin_start("lua", options);
	partition = test_plugin_open(plugin, 7);
}

static void stop(void)
{
	if (partition)
		test_plugin_close(plugin, partition);
	test_plugin_stop(plugin);
}

static seg_answer hand_over(const char *data)
{
	return test_plugin_hand_over(plugin, partition, test_message(1, "k", data));
}

static void expect_log(const char *text)
{
	if (!strstr(test_plugin_log(plugin), text))
		fail_msg("\"%s\" lacks \"%s\"", test_plugin_log(plugin), text);
}

/* --- messages and answers ---------------------------------------------------------------------- */

static void a_message_is_a_table_with_all_that_belongs_to_it(void **state)
{
	(void)state;
	static const seg_header headers[] = {{"trace", 5, "7f3a", 4}, {"raw", 3, "\xff", 1}};
	start("function handle(m) print(m.stream, m.group, m.partition, m.epoch, m.id, m.attempt, m.key, #m.data,"
	      " #m.headers, m.headers.trace, m.headers[2].name, m.headers[2].value:byte()) end",
	      NO_OPTIONS);
	seg_message m = test_message(1, "k\xc3\xa4", "");
	m.data = "a\0\xff";
	m.data_length = 3;
	m.headers = headers;
	m.header_count = 2;
	test_expect_done(test_plugin_handle(plugin, partition, 7, 4, &m, 1));
	expect_log("words g 3 7 1000-1 4 k\xc3\xa4 3 2 7f3a raw 255");
	stop();
}

static const char by_data[] = "function handle(m)\n"
			      " print('got ' .. m.data)\n"
			      " if m.data == 'r' then return 'retry', 'not yet' end\n"
			      " if m.data == 'd' then return 'dead_letter', 'never' end\n"
			      " if m.data == 's' then return 'stop', 'full' end\n"
			      " if m.data == 'e' then error('broken') end\n"
			      " if m.data == 't' then error({}) end\n"
			      " if m.data == 'n' then return 42 end\n"
			      " if m.data == 'f' then return false end\n"
			      " if m.data == 'l' then return nil, 'no such file' end\n"
			      " return m.data == 'true' or nil\n"
			      "end";

static void what_handle_returns_is_the_answer(void **state)
{
	(void)state;
	start(by_data, NO_OPTIONS);
	test_expect_done(hand_over("a"));
	test_expect_done(hand_over("true"));
	test_expect_answer(hand_over("r"), SEG_OUTCOME_RETRY, 0, "not yet");
	test_expect_answer(hand_over("d"), SEG_OUTCOME_DEAD_LETTER, 0, "never");
	test_expect_answer(hand_over("s"), SEG_OUTCOME_STOP, 0, "full");
	test_expect_answer(hand_over("e"), SEG_OUTCOME_RETRY, 0, "handler.lua:6: broken");
	test_expect_answer(hand_over("t"), SEG_OUTCOME_RETRY, 0, "an error that is not a text");
	test_expect_answer(hand_over("n"), SEG_OUTCOME_RETRY, 0, "handle returned 42");
	test_expect_answer(hand_over("f"), SEG_OUTCOME_RETRY, 0, "handle returned false");
	test_expect_answer(hand_over("l"), SEG_OUTCOME_RETRY, 0, "handle returned nil and no such file");
	stop();
}

static void no_message_after_a_failed_one_is_handled(void **state)
{
	(void)state;
	start(by_data, NO_OPTIONS);
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(1, "k", "a"),
						 test_message(2, "k", "r"), test_message(3, "k", "b")),
			   SEG_OUTCOME_RETRY, 1, "not yet");
	assert_string_equal(test_plugin_log(plugin), "mine: got a\nmine: got r\n");
	assert_int_equal(test_plugin_counter(plugin, "messages_total"), 1);
	assert_int_equal(test_plugin_counter(plugin, "retries_total"), 1);
	stop();
}

static void open_tick_and_close_are_called_where_they_are_defined(void **state)
{
	(void)state;
	start("function open(p, e) print('open', p, e) end\n"
	      "function tick() segmenter.count('ticks_total', 2); segmenter.log('warning', 'tick') end\n"
	      "function close(why) print('close', why, segmenter.partition, segmenter.epoch) end\n"
	      "function handle() end",
	      NO_OPTIONS);
	test_plugin_tick(plugin, partition);
	test_plugin_close(plugin, partition);
	assert_string_equal(test_plugin_log(plugin),
			    "mine: open 3 7\nmine: tick\nmine: close released 3 7\n");
	assert_int_equal(test_plugin_counter(plugin, "ticks_total"), 2);
	test_plugin_stop(plugin);
}

static void each_partition_has_a_state_of_its_own(void **state)
{
	(void)state;
	start("n = 0; function handle() n = n + 1; print('n', n) end", NO_OPTIONS);
	void *other = test_plugin_open(plugin, 8);
	test_expect_done(hand_over("a"));
	test_expect_done(hand_over("b"));
	test_expect_done(
		test_plugin_handle(plugin, other, 8, 1, (seg_message[]){test_message(1, "k", "c")}, 1));
	assert_string_equal(test_plugin_log(plugin), "mine: n 1\nmine: n 2\nmine: n 1\n");
	test_plugin_close(plugin, other);
	stop();
}

/* --- limits ------------------------------------------------------------------------------------------ */

static void an_endless_loop_is_a_retry(void **state)
{
	(void)state;
	start("function handle(m) if m.data == 'loop' then while true do end end end",
	      OPTIONS("instruction_limit=100000"));
	test_expect_answer(hand_over("loop"), SEG_OUTCOME_RETRY, 0,
			   "more than 100000 instructions (option.instruction_limit)");
	test_expect_done(hand_over("a"));
	stop();
}

static void an_endless_loop_that_catches_errors_or_hides_in_a_coroutine_ends_too(void **state)
{
	(void)state;
	start("local function loop() while true do end end\n"
	      "function handle(m)\n"
	      " if m.data == 'pcall' then while true do pcall(loop) end end\n"
	      " if m.data == 'coroutine' then while true do coroutine.wrap(function() pcall(loop) end)() end end\n"
	      "end",
	      OPTIONS("instruction_limit=100000"));
	test_expect_answer(hand_over("pcall"), SEG_OUTCOME_RETRY, 0, "more than 100000 instructions");
	test_expect_answer(hand_over("coroutine"), SEG_OUTCOME_RETRY, 0, "more than 100000 instructions");
	test_expect_done(hand_over("a"));
	stop();
}

/* Each would take hours, or for ever, within one instruction. */
static void a_library_function_that_would_run_for_hours_is_ended(void **state)
{
	(void)state;
	start("local a = ('a'):rep(3000)\n"
	      "local many = ('.-'):rep(8) .. 'b'\n"
	      "local long = setmetatable({}, {__len = function() return 1 << 60 end})\n"
	      "local calls = {\n"
	      "  find = function() return a:find(many) end,\n"
	      "  match = function() return a:match('^' .. ('(.*)'):rep(8) .. '%1b') end,\n"
	      "  gmatch = function() return a:gmatch('[^b]-' .. many) end,\n"
	      "  gsub = function() return a:gsub(many, '') end,\n"
	      "  rep = function() return (''):rep(1 << 60) end,\n"
	      "  move = function() return table.move({}, 1, 1 << 60, 2) end,\n"
	      "  insert = function() return table.insert(long, 1, 1) end,\n"
	      "  remove = function() return table.remove(long, 1) end,\n"
	      "}\n"
	      "function handle(m) pcall(calls[m.data]) end",
	      OPTIONS("instruction_limit=1000000"));
	static const char *const names[] = {"find", "match", "gmatch", "gsub",
					    "rep",  "move",  "insert", "remove"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		test_expect_answer(hand_over(names[i]), SEG_OUTCOME_RETRY, 0,
				   "more than 1000000 instructions");
	stop();
}

/* All results and errors of many searches, in the log, with the limit and without. */
static void the_limit_changes_no_result_of_a_library_function(void **state)
{
	(void)state;
	static const char script[] =
		"local texts = {'', 'a', 'hello world', 'key = value', '  trim  ', 'a.b.c', 'f(a(b)c)d', 'x=1, y=2', "
		"'THE (quick) fox', '\\0zero\\0', 'aaa', '[]]'}\n"
		"local patterns = {'', '.', 'l+', '^(%w+)%s*=%s*(%w+)$', '^%s*(.-)%s*$', '%.', '%b()', '(%w)=(%d)', "
		"'%f[%a]%a+', '()a()', '(a)%1', '[^%s]+', '[%a_][%w_]*', 'a-', 'a*', 'a?b', '$', '^', 'b$', '[]]', "
		"'[a-', '(', ')', '%', '%1', '[%', '%f', '%bx', '[a-c]', '%z', 'l', ' ', '.b', '((((a))))', '%S+$'}\n"
		"function handle()\n"
		"  local out = {}\n"
		"  local function add(...) for i = 1, select('#', ...) do out[#out + 1] = tostring((select(i, ...))) end end\n"
		"  for _, t in ipairs(texts) do for _, p in ipairs(patterns) do\n"
		"    for init = -3, 4 do\n"
		"      add(pcall(string.find, t, p, init)); add(pcall(string.find, t, p, init, true))\n"
		"      add(pcall(string.match, t, p, init))\n"
		"    end\n"
		"    add(pcall(string.gsub, t, p, '<%0>')); add(pcall(string.gsub, t, p, string.upper, 1))\n"
		"    add(pcall(function() local n = 0 for a, b in t:gmatch(p) do n = n + 1 add(a, b) end return n end))\n"
		"  end end\n"
		"  local t = {3, 1, 2}; table.sort(t); table.insert(t, 1, 9); add(table.remove(t, 2)); table.move(t, 1, 2, 3)\n"
		"  add(table.concat(t, ','), ('ab'):rep(3, '-'), pcall(string.rep), pcall(table.insert), (''):find('', 10))\n"
		"  local sum, length = 0, 0\n"
		"  for _, text in ipairs(out) do length = length + #text\n"
		"    for i = 1, #text do sum = (sum * 31 + text:byte(i)) % 2147483647 end end\n"
		"  print('results', #out, length, sum, out[#out - 4])\n"
		"end";
	char *first = NULL;
	static const char *const limits[] = {"instruction_limit=0", "instruction_limit=1000000000"};
	for (size_t i = 0; i < 2; i++) {
		start(script, OPTIONS(limits[i], "memory_limit=0"));
		test_expect_done(hand_over("x"));
		expect_log("results");
		if (first)
			assert_string_equal(test_plugin_log(plugin), first);
		else
			first = strdup(test_plugin_log(plugin));
		stop();
	}
	free(first);
}

static void a_state_that_runs_out_of_memory_is_replaced(void **state)
{
	(void)state;
	start("kept = {}\n"
	      "function handle(m)\n"
	      " if m.data == 'eat' then while true do kept[#kept + 1] = ('x'):rep(1000) .. #kept end end\n"
	      " print('kept', #kept)\n"
	      "end",
	      OPTIONS("memory_limit=1MiB"));
	test_expect_answer(hand_over("eat"), SEG_OUTCOME_RETRY, 0,
			   "ran out of memory; it may use 1048576 bytes (option.memory_limit)");
	test_expect_done(hand_over("a"));
	expect_log("mine: partition 3: the script ran out of memory; loaded it again\nmine: kept 0\n");
	stop();
}

static void a_message_larger_than_the_memory_is_a_retry_and_no_crash(void **state)
{
	(void)state;
	static char data[2 << 20];
	memset(data, 'x', sizeof(data) - 1);
	start("function handle(m) end", OPTIONS("memory_limit=1MiB"));
	test_expect_answer(hand_over(data), SEG_OUTCOME_RETRY, 0, "ran out of memory");
	test_expect_done(hand_over("a"));
	stop();
}

static void the_sandbox_keeps_files_processes_and_libraries_away(void **state)
{
	(void)state;
	static const char script[] =
		"function handle(m) for _, n in ipairs{'io', 'require', 'package', 'debug', 'load', 'loadfile',"
		" 'dofile'} do if _G[n] then error(n .. ' is there') end end\n"
		" for _, n in ipairs{'execute', 'exit', 'getenv', 'remove', 'rename', 'tmpname', 'setlocale'} do"
		" if os[n] then error(n .. ' is there') end end\n"
		" assert(not string.dump and os.time() > 0 and os.date() and math.pi and table.concat and utf8.char)"
		" end";
	start(script, NO_OPTIONS);
	test_expect_done(hand_over("a"));
	stop();
	start(script, OPTIONS("sandbox=no"));
	test_expect_answer(hand_over("a"), SEG_OUTCOME_RETRY, 0, "io is there");
	stop();
}

/* --- reload --------------------------------------------------------------------------------------------- */

static void a_changed_script_is_taken_at_the_next_tick(void **state)
{
	(void)state;
	start("function close(why) print('close one', why) end function handle(m) print('one') end",
	      NO_OPTIONS);
	test_plugin_tick(plugin, partition);
	test_expect_done(hand_over("a"));
	write_script("function open() print('open two') end function handle(m) print('two') end");
	test_expect_done(hand_over("b"));
	test_plugin_tick(plugin, partition);
	test_expect_done(hand_over("c"));
	char expected[512];
	snprintf(expected, sizeof(expected),
		 "mine: one\nmine: one\nmine: open two\nmine: close one released\n"
		 "mine: partition 3: loaded the changed script %s/handler.lua\nmine: two\n",
		 rig.directory);
	assert_string_equal(test_plugin_log(plugin), expected);
	assert_int_equal(test_plugin_counter(plugin, "reloads_total"), 1);
	stop();
}

static void a_changed_script_that_fails_leaves_the_old_one_at_work(void **state)
{
	(void)state;
	static const char *const wrong[][2] = {
		{"function handle(m", "handler.lua:1: ')' expected"},
		{"x = nil + 1", "handler.lua:1: attempt to perform arithmetic on a nil value"},
		{"local handle", "defines no function handle(message)"},
		{"function handle() end function open() error('no database') end", "no database"},
		{"while true do end", "more than 100000 instructions"},
	};
	start("function handle(m) print('old') end", OPTIONS("instruction_limit=100000"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		write_script(wrong[i][0]);
		test_plugin_tick(plugin, partition);
		expect_log("partition 3 keeps the old script, because the changed one fails: ");
		expect_log(wrong[i][1]);
		size_t logged = strlen(test_plugin_log(plugin));
		test_plugin_tick(plugin, partition);
		assert_int_equal(strlen(test_plugin_log(plugin)), logged);
		test_expect_done(hand_over("a"));
	}
	write_script("function handle(m) print('new') end");
	test_plugin_tick(plugin, partition);
	test_expect_done(hand_over("a"));
	expect_log("mine: new\n");
	stop();
}

static void without_reload_a_change_changes_nothing(void **state)
{
	(void)state;
	start("function handle(m) print('old') end", OPTIONS("reload=no"));
	write_script("function handle(m) print('new') end");
	test_plugin_tick(plugin, partition);
	test_expect_done(hand_over("a"));
	expect_log("mine: old\n");
	stop();
}

/* --- mistakes ----------------------------------------------------------------------------------- */

static void a_script_that_fails_keeps_segrunner_from_starting(void **state)
{
	(void)state;
	test_plugin_refuses("lua", NO_OPTIONS, "handler.lua");
	write_script("function handle(m");
	test_plugin_refuses("lua", NO_OPTIONS, "handler.lua:1: ')' expected");
	write_script("function handler(m) end");
	test_plugin_refuses("lua", NO_OPTIONS, "handler.lua defines no function handle(message)");
	write_script("\x1bLua");
	test_plugin_refuses("lua", NO_OPTIONS, "attempt to load a binary chunk");
	write_script("function handle(m) end");
	test_plugin_refuses("lua", OPTIONS("memory_limit=-1"), "option.memory_limit must not be negative");
	test_plugin_refuses("lua", OPTIONS("memory_limit=100"), "option.memory_limit is too small");
}

static void a_script_whose_open_fails_keeps_the_partition_closed(void **state)
{
	(void)state;
	write_script("function open() error('no database') end function handle() end");
	plugin = test_plugin_start("lua", NO_OPTIONS);
	char error[512];
	assert_null(test_plugin_try_open(plugin, 7, error));
	assert_non_null(strstr(error, "no database"));
	partition = NULL;
	stop();
}

/* --- records and values ---------------------------------------------------------------------------- */

static void start_with_outputs(const char *script)
{
	static const char *const outputs[] = {"out", "other", NULL};
	write_script(script);
	plugin = test_plugin_start_with("lua", NO_OPTIONS, outputs, 1);
	partition = test_plugin_open(plugin, 7);
}

static void expect_emitted(size_t index, const char *record)
{
	assert_string_equal(test_calls_emitted(test_plugin_calls(plugin), index), record);
}

static void what_a_script_emits_and_keeps_belongs_to_its_message(void **state)
{
	(void)state;
	start_with_outputs("function handle(m)\n"
			   " local n = (tonumber(state_get('n')) or 0) + 1\n"
			   " state_put('n', n)\n"
			   " emit('out', m.key, n, {b = 'x', a = 'y'})\n"
			   " if m.data == 'r' then return 'retry', 'not yet' end\n"
			   " if m.data == 'd' then state_delete('n') end\n"
			   " if m.data == 'h' then emit('other', '', '', m.headers) end\n"
			   "end");
	static const seg_header headers[] = {{"z", 1, "1", 1}, {"a", 1, "2", 1}, {"z", 1, "3", 1}};
	seg_message with_headers = test_message(2, "k", "h");
	with_headers.headers = headers;
	with_headers.header_count = 3;
	test_expect_answer(test_plugin_hand_over(plugin, partition, test_message(1, "k", "a"), with_headers,
						 test_message(3, "k", "r"), test_message(4, "k", "b")),
			   SEG_OUTCOME_RETRY, 2, "not yet");
	assert_int_equal(test_calls_emitted_count(test_plugin_calls(plugin)), 3);
	expect_emitted(0, "out k 1 a=y b=x");
	expect_emitted(1, "out k 2 a=y b=x");
	expect_emitted(2, "other   z=1 a=2 z=3");
	assert_string_equal(test_calls_value(test_plugin_calls(plugin), "n"), "2");
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(4, "k", "b")));
	expect_emitted(3, "out k 3 a=y b=x");
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(5, "k", "d")));
	assert_null(test_calls_value(test_plugin_calls(plugin), "n"));
	stop();
}

static void names_values_and_records_hold_any_bytes(void **state)
{
	(void)state;
	start_with_outputs("function handle(m)\n"
			   " if m.data == 'w' then state_put('a\\0b', 'c\\0\\255') state_put(7, '')\n"
			   " else assert(state_get('a\\0b') == 'c\\0\\255' and state_get('7') == ''"
			   " and state_get('a') == nil) end\n"
			   "end");
	test_expect_done(hand_over("w"));
	test_expect_done(hand_over("r"));
	assert_int_equal(test_calls_value_count(test_plugin_calls(plugin)), 2);
	stop();
}

static void mistakes_with_records_and_values_are_errors_of_one_sentence(void **state)
{
	(void)state;
	static const char *const wrong[][2] = {
		{"emit('nowhere', 'k', 'd')", "nowhere is not among the outputs"},
		{"emit()", "the stream of emit must be a string or a number, and is no value"},
		{"emit('out', nil, 'd')", "the key of emit must be a string or a number, and is nil"},
		{"emit('out', 'k', {})", "the data of emit must be a string or a number, and is table"},
		{"emit('out', 'k', 'd', 'h')",
		 "headers must be a table, {name = value, ...}, and are string"},
		{"emit('out', 'k', 'd', {'h'})", "header 1 must be {name = ..., value = ...}, and is string"},
		{"emit('out', 'k', 'd', {{name = 'a'}})",
		 "the value of a header must be a string, and is nil"},
		{"emit('out', 'k', 'd', {a = 1})", "the value of a header must be a string, and is number"},
		{"emit('out', 'k', 'd', {[true] = 'a'})",
		 "the name of a header must be a string, and is boolean"},
		{"state_put('a')", "state_put needs a value; state_delete(name) deletes one"},
		{"state_put('a', {})", "a value must be a string or a number, and is table"},
		{"state_put('', 'a')", "a name must have 1 to 512 bytes"},
		{"state_get()", "the name of a value must be a string or a number, and is no value"},
		{"state_put('a', ('x'):rep(1024 * 1024 + 1))", "a value must have at most 1 MiB"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char script[300];
		snprintf(script, sizeof(script), "function handle(m) state_put('before', 1) %s end",
			 wrong[i][0]);
		start_with_outputs(script);
		test_expect_answer(hand_over(""), SEG_OUTCOME_RETRY, 0, wrong[i][1]);
		assert_int_equal(test_calls_value_count(test_plugin_calls(plugin)), 0);
		stop();
	}
}

static void outside_of_handle_nothing_can_be_emitted_or_kept(void **state)
{
	(void)state;
	start_with_outputs(
		"function handle(m) end\n"
		"function tick() print(pcall(emit, 'out', 'k', 'd')) print(pcall(state_get, 'a')) end");
	test_plugin_tick(plugin, partition);
	expect_log("false emit is for handle(message): it belongs to the message that is handled");
	expect_log("false state_get is for handle(message)");
	stop();
	start("function handle(m) state_put('a', 1) end", NO_OPTIONS);
	test_expect_answer(hand_over("x"), SEG_OUTCOME_RETRY, 0,
			   "this segrunner has no outputs and no state");
	stop();
}

static void the_example_counts_words(void **state)
{
	(void)state;
	static const char *const outputs[] = {"doubled", NULL};
	char example[512];
	const char *source = getenv("SEG_SOURCE_DIR");
	snprintf(example, sizeof(example), "script=%s/examples/lua/wordcount.lua", source ? source : ".");
	plugin = test_plugin_start_with("lua", (const char *const[]){example, NULL}, outputs, 1);
	partition = test_plugin_open(plugin, 7);
	test_expect_done(test_plugin_hand_over(plugin, partition, test_message(1, "k", "The cat, the dog."),
					       test_message(2, "k", "THE")));
	assert_string_equal(test_calls_value(test_plugin_calls(plugin), "the"), "3");
	assert_string_equal(test_calls_value(test_plugin_calls(plugin), "dog"), "1");
	assert_int_equal(test_calls_emitted_count(test_plugin_calls(plugin)), 4);
	expect_emitted(2, "doubled the 2 line=1000-1");
	stop();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_a_table_with_all_that_belongs_to_it),
		TEST(what_handle_returns_is_the_answer),
		TEST(no_message_after_a_failed_one_is_handled),
		TEST(open_tick_and_close_are_called_where_they_are_defined),
		TEST(each_partition_has_a_state_of_its_own),
		TEST(an_endless_loop_is_a_retry),
		TEST(an_endless_loop_that_catches_errors_or_hides_in_a_coroutine_ends_too),
		TEST(a_library_function_that_would_run_for_hours_is_ended),
		TEST(the_limit_changes_no_result_of_a_library_function),
		TEST(a_state_that_runs_out_of_memory_is_replaced),
		TEST(a_message_larger_than_the_memory_is_a_retry_and_no_crash),
		TEST(the_sandbox_keeps_files_processes_and_libraries_away),
		TEST(a_changed_script_is_taken_at_the_next_tick),
		TEST(a_changed_script_that_fails_leaves_the_old_one_at_work),
		TEST(without_reload_a_change_changes_nothing),
		TEST(a_script_that_fails_keeps_segrunner_from_starting),
		TEST(a_script_whose_open_fails_keeps_the_partition_closed),
		TEST(what_a_script_emits_and_keeps_belongs_to_its_message),
		TEST(names_values_and_records_hold_any_bytes),
		TEST(mistakes_with_records_and_values_are_errors_of_one_sentence),
		TEST(outside_of_handle_nothing_can_be_emitted_or_kept),
		TEST(the_example_counts_words),
	};
	if (!test_plugin_is_built("lua"))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

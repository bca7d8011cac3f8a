/* test_testing.c - <segmenter/testing.h> treats a handler as segrunner does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <segmenter/testing.h>

#include "plugin/option.h"

static char calls[512];

static void note(const char *call)
{
	size_t used = strlen(calls);
	snprintf(calls + used, sizeof(calls) - used, "%s ", call);
}

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	note("init");
	*plugin = (void *)(uintptr_t)host;
	if (!host->option_boolean(host, "refuse"))
		return 0;
	snprintf(error, error_size, "told to refuse");
	return -1;
}

static int partition_open(void *plugin, uint32_t number, uint64_t epoch, void **state, char *error,
			  size_t size)
{
	char text[32];
	(void)plugin, (void)state, (void)error, (void)size;
	snprintf(text, sizeof(text), "open-%u-%u", number, (unsigned)epoch);
	note(text);
	return 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	const seg_host *host = plugin;
	(void)state;
	note("handle");
	host->log(host, SEG_INFO, "%zu messages of epoch %u", batch->count, (unsigned)batch->epoch);
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->messages[i].data_length == 0)
			return seg_dead_letter(i, "no data");
		seg_counter_add(host->counter(host, "messages_total", "Messages."), 1);
	}
	return seg_done();
}

static void partition_close(void *plugin, void *state, seg_close_reason reason)
{
	(void)plugin, (void)state;
	note(reason == SEG_CLOSE_LOST ? "lost" : "released");
}

static void fini(void *plugin)
{
	(void)plugin;
	note("fini");
}

static const seg_option options[] = {
	{"refuse", SEG_OPTION_BOOLEAN, 0, "no", ""},
	{"size", SEG_OPTION_INTEGER, 0, "64KiB", ""},
	{"pause", SEG_OPTION_DURATION, 0, NULL, ""},
	{"path", SEG_OPTION_PATH, 1, NULL, ""},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "probe",
	.options = options,
	.init = init,
	.partition_open = partition_open,
	.handle = handle,
	.partition_close = partition_close,
	.fini = fini,
};

static int set_up(void **state)
{
	(void)state;
	calls[0] = '\0';
	return 0;
}

static void the_calls_come_in_segrunners_order(void **state)
{
	(void)state;
	seg_test t;
	assert_int_equal(seg_test_start(&t, &handler, "path=x", (char *)NULL), 0);
	seg_assert_done(seg_test_send(&t, "k", "v"));
	seg_test_close(&t, SEG_CLOSE_LOST);
	assert_int_equal(seg_test_open(&t), 0);
	seg_assert_dead_letter(seg_test_send(&t, "k", ""), 0, "data");
	seg_test_stop(&t);
	assert_string_equal(calls, "init open-3-7 handle lost open-3-8 handle released fini ");
	assert_string_equal(t.log, "1 messages of epoch 7\n1 messages of epoch 8\n");
	assert_int_equal(seg_test_counter(&t, "messages_total"), 1);
	assert_int_equal(seg_test_counter(&t, "others_total"), 0);
}

static void ids_rise(void **state)
{
	(void)state;
	seg_test t;
	assert_int_equal(seg_test_start(&t, &handler, "path=x", (char *)NULL), 0);
	seg_message a = seg_test_message(&t, "k", "1"), b = seg_test_message(&t, "k", "2");
	assert_int_equal(seg_id_compare(a.id, b.id), -1);
	seg_test_stop(&t);
}

static void a_plugin_that_refuses_says_why_and_is_not_finished(void **state)
{
	(void)state;
	seg_test t;
	assert_int_equal(seg_test_start(&t, &handler, "path=x", "refuse=yes", (char *)NULL), -1);
	assert_string_equal(t.error, "init: told to refuse");
	seg_test_stop(&t);
	assert_string_equal(calls, "init ");
}

static void options_that_are_missing_or_unknown_are_errors(void **state)
{
	(void)state;
	seg_test t;
	assert_int_equal(seg_test_start(&t, &handler, (char *)NULL), -1);
	assert_string_equal(t.error, "path: this option is required");
	assert_int_equal(seg_test_start(&t, &handler, "path=x", "paht=y", (char *)NULL), -1);
	assert_int_equal(seg_test_start(&t, &handler, "path", (char *)NULL), -1);
	assert_string_equal(calls, "");
}

static void values_are_what_segrunner_makes_of_them(void **state)
{
	(void)state;
	static const char *const sizes[] = {"0",      "-5",  "1_000_000", "64KiB",
					    "1.5MiB", "2GB", "512B",      "3 TiB"};
	static const char *const durations[] = {"0", "500ms", "1.5s", "5min", "2h", "3 d", "7us", "9ns"};
	static const char *const booleans[] = {"yes", "no", "true", "false", "on", "off", "1", "0"};
	for (size_t i = 0; i < 8; i++) {
		char size[64], pause[64], refuse[64];
		seg_test t;
		memset(&t, 0, sizeof(t));
		snprintf(size, sizeof(size), "size=%s", sizes[i]);
		snprintf(pause, sizeof(pause), "pause=%s", durations[i]);
		snprintf(refuse, sizeof(refuse), "refuse=%s", booleans[i]);
		seg_test_start(&t, &handler, "path=x", size, pause, refuse, (char *)NULL);
		assert_int_equal(t.host.option_integer(&t.host, "size"), seg_option_to_integer(sizes[i]));
		assert_int_equal(t.host.option_duration(&t.host, "pause"),
				 seg_option_to_duration(durations[i]));
		assert_int_equal(t.host.option_boolean(&t.host, "refuse"),
				 seg_option_to_boolean(booleans[i]));
		assert_string_equal(t.host.option(&t.host, "path"), "x");
		seg_test_stop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_calls_come_in_segrunners_order, set_up),
		cmocka_unit_test_setup(ids_rise, set_up),
		cmocka_unit_test_setup(a_plugin_that_refuses_says_why_and_is_not_finished, set_up),
		cmocka_unit_test_setup(options_that_are_missing_or_unknown_are_errors, set_up),
		cmocka_unit_test_setup(values_are_what_segrunner_makes_of_them, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

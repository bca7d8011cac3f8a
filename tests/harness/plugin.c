#include "harness/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/runner.h"
#include "plugin/plugin.h"
#include "plugin/probe.h"

enum { OPTIONS_MAX = 24, LOG_MAX = 64 * 1024 };

struct test_plugin {
	seg_config_consumer consumer;
	seg_config_option options[OPTIONS_MAX];
	char *texts[OPTIONS_MAX];
	seg_config_errors errors;
	seg_plugin *plugin;
	seg_plugin_instance *instance;
	test_calls *calls; /* or NULL */
	char logged[LOG_MAX];
};

bool test_plugin_is_built(const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/plugins/%s.so", test_build_directory(), name);
	if (access(path, F_OK) == 0)
		return true;
	print_message("skipped: the plugin %s was left out of this build, as cmake said\n", name);
	return false;
}

static void note_log(void *arg, const seg_log_event *event)
{
	test_plugin *plugin = arg;
	size_t length = strlen(plugin->logged);
	snprintf(plugin->logged + length, LOG_MAX - length, "%s\n", event->text);
}

void test_plugin_probe_by_build(void)
{
	static char segrunner[512];
	snprintf(segrunner, sizeof(segrunner), "%s/framework/segrunner", test_build_directory());
	seg_plugin_probe_by(segrunner);
}

static test_plugin *load(const char *name, const char *const *options)
{
	char plugins[512];
	seg_error why;
	test_plugin_probe_by_build();
	test_plugin *plugin = calloc(1, sizeof(*plugin));
	assert_non_null(plugin);
	snprintf(plugins, sizeof(plugins), "%s/plugins", test_build_directory());
	if (seg_plugin_load(name, plugins, &plugin->plugin, &why) != 0)
		fail_msg("%s", why.text);
	plugin->consumer = (seg_config_consumer){.place = {"test.ini", 1},
						 .name = "mine",
						 .stream = "words",
						 .group = "g",
						 .options = plugin->options};
	for (size_t i = 0; options[i]; i++) {
		char *text = plugin->texts[i] = strdup(options[i]), *equals = strchr(text, '=');
		*equals = '\0';
		plugin->options[plugin->consumer.option_count++] =
			(seg_config_option){{"test.ini", 2}, text, equals + 1};
	}
	if (seg_plugin_instance_create(plugin->plugin, &plugin->consumer, "runner-1",
				       seg_logger_make(note_log, plugin), &plugin->errors,
				       &plugin->instance) != 0)
		fail_msg("%s", plugin->errors.list[0].text);
	return plugin;
}

test_plugin *test_plugin_start(const char *name, const char *const *options)
{
	seg_error error;
	test_plugin *plugin = load(name, options);
	if (seg_plugin_instance_init(plugin->instance, &error) != 0)
		fail_msg("%s", error.text);
	return plugin;
}

/* What the section's configuration says. */
static void equip(test_plugin *plugin, const char *const *outputs, uint32_t parallel)
{
	seg_host *host = (seg_host *)(uintptr_t)seg_plugin_instance_host(plugin->instance);
	host->outputs = outputs;
	host->parallel = parallel;
	plugin->calls = test_calls_create(outputs);
}

test_plugin *test_plugin_start_with(const char *name, const char *const *options, const char *const *outputs,
				    uint32_t parallel)
{
	seg_error error;
	test_plugin *plugin = load(name, options);
	equip(plugin, outputs, parallel);
	if (seg_plugin_instance_init(plugin->instance, &error) != 0)
		fail_msg("%s", error.text);
	return plugin;
}

test_calls *test_plugin_calls(test_plugin *plugin)
{
	return plugin->calls;
}

static void expect_text(const char *said, const char *text)
{
	if (!strstr(said, text))
		fail_msg("\"%s\" lacks \"%s\"", said, text);
}

void test_plugin_refuses(const char *name, const char *const *options, const char *text)
{
	seg_error error;
	test_plugin *plugin = load(name, options);
	assert_int_not_equal(seg_plugin_instance_init(plugin->instance, &error), 0);
	expect_text(error.text, text);
	test_plugin_stop(plugin);
}

void test_plugin_refuses_with(const char *name, const char *const *options, const char *const *outputs,
			      const char *text)
{
	seg_error error;
	test_plugin *plugin = load(name, options);
	equip(plugin, outputs, 1);
	assert_int_not_equal(seg_plugin_instance_init(plugin->instance, &error), 0);
	expect_text(error.text, text);
	test_plugin_stop(plugin);
}

void test_plugin_stop(test_plugin *plugin)
{
	seg_plugin_instance_fini(plugin->instance);
	seg_plugin_instance_destroy(plugin->instance);
	seg_plugin_unload(plugin->plugin);
	if (plugin->calls)
		test_calls_destroy(plugin->calls);
	for (size_t i = 0; i < OPTIONS_MAX; i++)
		free(plugin->texts[i]);
	free(plugin);
}

static const seg_handler *handler_of(const test_plugin *plugin)
{
	return seg_plugin_instance_handler(plugin->instance);
}

static void *data_of(const test_plugin *plugin)
{
	return seg_plugin_instance_data(plugin->instance);
}

void *test_plugin_try_open(test_plugin *plugin, uint64_t epoch, char *error)
{
	void *state = NULL;
	if (!handler_of(plugin)->partition_open) {
		static char none; /* a plugin that keeps nothing for a partition */
		return &none;
	}
	int result = handler_of(plugin)->partition_open(data_of(plugin), TEST_PARTITION, epoch, &state, error,
							512);
	return result == 0 ? state : NULL;
}

void *test_plugin_open(test_plugin *plugin, uint64_t epoch)
{
	char error[512] = "";
	void *state = test_plugin_try_open(plugin, epoch, error);
	if (!state)
		fail_msg("%s", error);
	return state;
}

void test_plugin_close(test_plugin *plugin, void *state)
{
	if (handler_of(plugin)->partition_close)
		handler_of(plugin)->partition_close(data_of(plugin), state, SEG_CLOSE_RELEASED);
}

void test_plugin_tick(test_plugin *plugin, void *state)
{
	handler_of(plugin)->tick(data_of(plugin), state);
}

seg_message test_message(uint64_t n, const char *key, const char *data)
{
	return (seg_message){.id = {1000, n},
			     .key = key,
			     .key_length = strlen(key),
			     .data = data,
			     .data_length = strlen(data)};
}

seg_answer test_plugin_handle(test_plugin *plugin, void *state, uint64_t epoch, uint32_t attempt,
			      const seg_message *messages, size_t count)
{
	seg_batch batch = {.messages = messages,
			   .count = count,
			   .partition = TEST_PARTITION,
			   .attempt = attempt,
			   .epoch = epoch};
	if (plugin->calls)
		return test_calls_handle(plugin->calls, handler_of(plugin), data_of(plugin), state, &batch);
	return handler_of(plugin)->handle(data_of(plugin), state, &batch);
}

void test_expect_done(seg_answer answer)
{
	if (answer.outcome != SEG_OUTCOME_DONE)
		fail_msg("answered %u for %u: %s", answer.outcome, answer.index, answer.reason);
}

void test_expect_answer(seg_answer answer, seg_outcome outcome, uint32_t index, const char *reason)
{
	if (answer.outcome != outcome || answer.index != index)
		fail_msg("answered %u for %u: %s", answer.outcome, answer.index,
			 answer.reason ? answer.reason : "(no reason)");
	if (reason)
		expect_text(answer.reason ? answer.reason : "", reason);
}

uint64_t test_plugin_counter(const test_plugin *plugin, const char *name)
{
	seg_plugin_counter c;
	for (size_t i = 0; seg_plugin_instance_counter(plugin->instance, i, &c); i++)
		if (strcmp(c.name, name) == 0)
			return c.value;
	fail_msg("no counter %s", name);
	return 0;
}

const char *test_plugin_log(const test_plugin *plugin)
{
	return plugin->logged;
}

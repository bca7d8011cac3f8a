#include "plugin/instance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "plugin/call.h"
#include "plugin/option.h"
#include "plugin/values.h"

struct seg_plugin_instance {
	seg_host host; /* first: a pointer to it is a pointer to the instance */
	const seg_handler *handler;
	char *runner;
	seg_plugin_values values;
	seg_logger logger;

	/* The main thread's: what init stored, and whether init ran. Workers read `data` after init. */
	void *data;
	bool initialised;

	seg_plugin_counters counters;
};

static const seg_plugin_instance *instance_of(const seg_host *host)
{
	return (const seg_plugin_instance *)host;
}

/* --- the functions of seg_host: any thread ---------------------------------------- */

static const char *host_option(const seg_host *host, const char *name)
{
	const seg_plugin_instance *instance = instance_of(host);
	const seg_option *option = seg_option_find(instance->handler->options, name);
	if (option)
		return seg_plugin_values_get(&instance->values, option);
	seg_log(&instance->logger, SEG_LOG_WARNING,
		"the plugin %s reads the option \"%s\", which it does not declare", instance->handler->name,
		name);
	return NULL;
}

static int64_t host_option_integer(const seg_host *host, const char *name)
{
	return seg_option_to_integer(host_option(host, name));
}

static int64_t host_option_duration(const seg_host *host, const char *name)
{
	return seg_option_to_duration(host_option(host, name));
}

static int host_option_boolean(const seg_host *host, const char *name)
{
	return seg_option_to_boolean(host_option(host, name));
}

__attribute__((format(printf, 3, 4))) static void host_log(const seg_host *host, seg_level level,
							   const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	int known = (int)level < SEG_LOG_DEBUG   ? SEG_LOG_DEBUG
		    : (int)level > SEG_LOG_ERROR ? SEG_LOG_ERROR
						 : (int)level;
	seg_log(&instance_of(host)->logger, known, "%s: %s", host->consumer, text);
}

static seg_counter *host_counter(const seg_host *host, const char *name, const char *help)
{
	/* The host is part of an instance of ours; it is const only so that plugins leave its fields alone. */
	seg_plugin_instance *instance = (seg_plugin_instance *)(uintptr_t)host;
	seg_error error;
	seg_counter *counter = seg_plugin_counters_get(&instance->counters, name, help, &error);
	if (!counter)
		seg_log(&instance->logger, SEG_LOG_WARNING, "the plugin %s: %s", instance->handler->name,
			error.text);
	return counter;
}

bool seg_plugin_instance_counter(const seg_plugin_instance *instance, size_t index,
				 seg_plugin_counter *counter)
{
	return seg_plugin_counters_read(&instance->counters, index, counter);
}

/* --- the life of an instance -------------------------------------------------------- */

static const char *const no_outputs[] = {NULL};

static void make_host(seg_plugin_instance *instance, const seg_config_consumer *consumer)
{
	instance->host = (seg_host){
		.size = sizeof(seg_host),
		.consumer = consumer->name,
		.stream = consumer->stream,
		.group = consumer->group,
		.instance = instance->runner,
		.option = host_option,
		.option_integer = host_option_integer,
		.option_duration = host_option_duration,
		.option_boolean = host_option_boolean,
		.log = host_log,
		.counter = host_counter,
		.outputs = consumer->output_names ? (const char *const *)consumer->output_names : no_outputs,
		.parallel = consumer->parallel,
	};
}

int seg_plugin_instance_create(const seg_plugin *plugin, const seg_config_consumer *consumer,
			       const char *runner, seg_logger logger, seg_config_errors *errors,
			       seg_plugin_instance **out)
{
	*out = NULL;
	seg_plugin_instance *instance = aligned_alloc(SEG_PLUGIN_COUNTER_ALIGNMENT, sizeof(*instance));
	if (!instance)
		return SEG_ENOMEM;
	memset(instance, 0, sizeof(*instance));
	instance->handler = seg_plugin_handler(plugin);
	seg_plugin_counters_init(&instance->counters);
	logger.stream = consumer->stream;
	logger.group = consumer->group;
	instance->logger = logger;
	instance->runner = strdup(runner);
	int result = SEG_ENOMEM;
	if (instance->runner)
		result = seg_plugin_values_take(&instance->values, instance->handler, consumer, errors);
	if (result != 0) {
		seg_plugin_instance_destroy(instance);
		return result;
	}
	make_host(instance, consumer);
	*out = instance;
	return 0;
}

bool seg_plugin_instance_changed(const seg_plugin_instance *instance)
{
	return seg_plugin_values_changed(&instance->values);
}

/* Where the option was written that the reason begins with ("option.url must ..."); else where the section begins. */
static seg_config_place place_of(const seg_config_consumer *consumer, const char *reason)
{
	static const char start[] = "option.";
	if (strncmp(reason, start, sizeof(start) - 1) != 0)
		return consumer->place;
	const char *name = reason + sizeof(start) - 1;
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
	for (size_t i = 0; i < consumer->option_count; i++)
		if (strlen(consumer->options[i].name) == length &&
		    strncmp(consumer->options[i].name, name, length) == 0)
			return consumer->options[i].place;
	return consumer->place;
}

void seg_plugin_instance_check(seg_plugin_instance *instance, const seg_config_consumer *consumer,
			       seg_config_errors *errors)
{
	char reason[SEG_ERROR_TEXT_MAX] = "";
	seg_plugin_call call;
	if (!instance->handler->check)
		return;
	seg_plugin_call_init(&call, instance->handler->name, SEG_PLUGIN_CALL_NO_PARTITION);
	seg_plugin_call_begin(&call, "check", (seg_id){0, 0});
	int failure = instance->handler->check(&instance->host, reason, sizeof(reason));
	seg_plugin_call_end(&call);
	reason[sizeof(reason) - 1] = '\0';
	if (failure)
		seg_config_error_add(errors, place_of(consumer, reason),
				     "[consumer %s] the plugin %s refuses: %s", consumer->name,
				     instance->handler->name, reason[0] ? reason : "(no reason given)");
}

int seg_plugin_instance_init(seg_plugin_instance *instance, seg_error *error)
{
	char reason[SEG_ERROR_TEXT_MAX] = "";
	seg_plugin_call call;
	int failure = 0;
	if (instance->initialised)
		return 0;
	seg_plugin_call_init(&call, instance->handler->name, SEG_PLUGIN_CALL_NO_PARTITION);
	seg_plugin_call_begin(&call, "init", (seg_id){0, 0});
	if (instance->handler->init)
		failure = instance->handler->init(&instance->host, &instance->data, reason, sizeof(reason));
	seg_plugin_call_end(&call);
	if (failure) {
		reason[sizeof(reason) - 1] = '\0';
		return seg_fail(error, SEG_EINVAL,
				"[consumer %s] cannot start: init of the plugin %s failed: %s",
				instance->host.consumer, instance->handler->name,
				reason[0] ? reason : "(no reason given)");
	}
	instance->initialised = true;
	return 0;
}

void seg_plugin_instance_fini(seg_plugin_instance *instance)
{
	if (instance->initialised && instance->handler->fini)
		instance->handler->fini(instance->data);
	instance->initialised = false;
	instance->data = NULL;
}

void seg_plugin_instance_destroy(seg_plugin_instance *instance)
{
	if (!instance)
		return;
	seg_plugin_counters_fini(&instance->counters);
	seg_plugin_values_fini(&instance->values);
	free(instance->runner);
	free(instance);
}

const seg_host *seg_plugin_instance_host(const seg_plugin_instance *instance)
{
	return &instance->host;
}

const seg_handler *seg_plugin_instance_handler(const seg_plugin_instance *instance)
{
	return instance->handler;
}

void *seg_plugin_instance_data(const seg_plugin_instance *instance)
{
	return instance->data;
}

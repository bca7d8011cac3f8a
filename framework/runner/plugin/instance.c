/*
 * instance.c - a plugin as one [consumer] section uses it: its options, its counters, and what the
 * host offers it.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "config/path.h"
#include "plugin/option.h"
#include "plugin/plugin.h"
#include "plugin/call.h"
#include "base/units.h"

enum { COUNTER_NAME_MAX = 63, CACHE_LINE = 64, OPTIONS_LISTED_MAX = 256 };

/*
 * Written once before it is counted; then only its value changes, from any thread. A line apart, since
 * workers add.
 */
typedef struct counter {
	_Alignas(CACHE_LINE) seg_counter published;
	char name[COUNTER_NAME_MAX + 1];
	char *help;
} counter;

struct seg_plugin_instance {
	seg_host host; /* first: the plugin's pointer to it is ours to the instance */
	const seg_plugin *plugin;
	const seg_handler *handler;
	char *runner;
	char **values; /* one for each declared option, NULL: none */
	size_t option_count;
	seg_logger logger;

	/* The main thread's: what init stored, and whether it ran. Workers read `data` after that. */
	void *data;
	bool initialised;

	/* counter_count is raised behind a finished counter, under the lock; readers need none. */
	pthread_mutex_t counter_lock;
	_Atomic size_t counter_count;
	counter counters[SEG_PLUGIN_COUNTERS_MAX];
};

static const seg_plugin_instance *instance_of(const seg_host *host)
{
	return (const seg_plugin_instance *)host;
}

/* --- what the host offers: any thread ------------------------------------------- */

static const char *host_option(const seg_host *host, const char *name)
{
	const seg_plugin_instance *instance = instance_of(host);
	const seg_option *option = seg_option_find(instance->handler->options, name);
	if (option)
		return instance->values[option - instance->handler->options];
	seg_log(&instance->logger, SEG_LOG_WARNING,
		"%s asks for the option \"%s\", which it does not declare", instance->handler->name, name);
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

static bool is_counter_name(const char *name)
{
	size_t length = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
	return length > 0 && length <= COUNTER_NAME_MAX && !name[length];
}

static counter *find_counter(seg_plugin_instance *instance, const char *name, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(instance->counters[i].name, name) == 0)
			return &instance->counters[i];
	return NULL;
}

static counter *add_counter(seg_plugin_instance *instance, size_t count, const char *name, const char *help)
{
	if (count == SEG_PLUGIN_COUNTERS_MAX) {
		seg_log(&instance->logger, SEG_LOG_WARNING,
			"%s publishes more than %d counters; \"%s\" is left out", instance->handler->name,
			SEG_PLUGIN_COUNTERS_MAX, name);
		return NULL;
	}
	counter *added = &instance->counters[count];
	added->help = strdup(help ? help : "");
	if (!added->help)
		return NULL;
	snprintf(added->name, sizeof(added->name), "%s", name);
	atomic_store_explicit(&instance->counter_count, count + 1, memory_order_release);
	return added;
}

static seg_counter *host_counter(const seg_host *host, const char *name, const char *help)
{
	if (!is_counter_name(name)) {
		seg_log(&instance_of(host)->logger, SEG_LOG_WARNING,
			"%s publishes a counter \"%.80s\"; a name is 1 to %d of a-z 0-9 _, so it is left out",
			instance_of(host)->handler->name, name ? name : "", COUNTER_NAME_MAX);
		return NULL;
	}
	/* The instance is ours; plugins see the host as const so that they leave its fields alone. */
	seg_plugin_instance *instance = (seg_plugin_instance *)(uintptr_t)host;
	pthread_mutex_lock(&instance->counter_lock);
	size_t count = atomic_load_explicit(&instance->counter_count, memory_order_relaxed);
	counter *found = find_counter(instance, name, count);
	if (!found)
		found = add_counter(instance, count, name, help);
	pthread_mutex_unlock(&instance->counter_lock);
	return found ? &found->published : NULL;
}

bool seg_plugin_instance_counter(const seg_plugin_instance *instance, size_t index, seg_plugin_counter *out)
{
	if (index >= atomic_load_explicit(&instance->counter_count, memory_order_acquire))
		return false;
	const counter *found = &instance->counters[index];
	*out = (seg_plugin_counter){
		.name = found->name,
		.help = found->help,
		.value = __atomic_load_n(&found->published.value, __ATOMIC_RELAXED),
	};
	return true;
}

/* --- the section's options --------------------------------------------------------- */

static void add_unknown(const seg_plugin_instance *instance, const seg_config_option *written,
			seg_config_errors *errors)
{
	const char *names[OPTIONS_LISTED_MAX];
	const seg_handler *handler = instance->handler;
	size_t count = seg_option_names(handler->options, names, OPTIONS_LISTED_MAX);
	const char *close_one = seg_suggest(written->name, names, count);
	if (close_one) {
		seg_config_error_add(errors, written->place,
				     "the plugin %s has no option \"%s\"; did you mean \"option.%s\"?",
				     handler->name, written->name, close_one);
		return;
	}
	char all[300] = "";
	size_t used = 0;
	for (size_t i = 0; i < count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", names[i]);
	seg_config_error_add(errors, written->place, "the plugin %s has no option \"%s\"; %s%s",
			     handler->name, written->name, count ? "it has " : "it has none; remove the line",
			     all);
}

/* Adds an error and returns SEG_EINVAL where the text is not of the option's type. */
static int take_value(seg_plugin_instance *instance, const seg_option *option, const char *text,
		      seg_config_place place, seg_config_errors *errors)
{
	seg_error why;
	if (seg_option_check(option->type, text, &why) != 0) {
		seg_config_error_add(errors, place, "option.%s: %s", option->name, why.text);
		return SEG_EINVAL;
	}
	char *value = option->type == SEG_OPTION_PATH ? seg_config_path(place.file, text) : strdup(text);
	if (!value)
		return SEG_ENOMEM;
	char **slot = &instance->values[option - instance->handler->options];
	free(*slot);
	*slot = value;
	return 0;
}

static int take_defaults(seg_plugin_instance *instance, const seg_config_consumer *consumer,
			 seg_config_errors *errors)
{
	const seg_option *options = instance->handler->options;
	int result = 0;
	for (size_t i = 0; i < instance->option_count && result != SEG_ENOMEM; i++) {
		if (options[i].value)
			result = take_value(instance, &options[i], options[i].value, consumer->place, errors);
	}
	return result;
}

static int take_written(seg_plugin_instance *instance, const seg_config_consumer *consumer,
			seg_config_errors *errors)
{
	int result = 0;
	for (size_t i = 0; i < consumer->option_count && result != SEG_ENOMEM; i++) {
		const seg_config_option *written = &consumer->options[i];
		const seg_option *option = seg_option_find(instance->handler->options, written->name);
		if (!option) {
			add_unknown(instance, written, errors);
			result = SEG_EINVAL;
			continue;
		}
		int taken = take_value(instance, option, written->value, written->place, errors);
		if (taken != 0)
			result = taken;
	}
	return result;
}

static bool is_written(const seg_config_consumer *consumer, const char *name)
{
	for (size_t i = 0; i < consumer->option_count; i++)
		if (strcmp(consumer->options[i].name, name) == 0)
			return true;
	return false;
}

static int check_required(const seg_plugin_instance *instance, const seg_config_consumer *consumer,
			  seg_config_errors *errors)
{
	int result = 0;
	for (size_t i = 0; i < instance->option_count; i++) {
		const seg_option *option = &instance->handler->options[i];
		if (!option->required || instance->values[i] || is_written(consumer, option->name))
			continue;
		seg_config_error_add(errors, consumer->place,
				     "[consumer %s] has no option.%s, which the plugin %s needs: %s",
				     consumer->name, option->name, instance->handler->name,
				     option->help ? option->help : "");
		result = SEG_EINVAL;
	}
	return result;
}

/* Every mistake is told, not only the first. */
static int take_options(seg_plugin_instance *instance, const seg_config_consumer *consumer,
			seg_config_errors *errors)
{
	int defaults = take_defaults(instance, consumer, errors);
	if (defaults == SEG_ENOMEM)
		return defaults;
	int written = take_written(instance, consumer, errors);
	if (written == SEG_ENOMEM)
		return written;
	int required = check_required(instance, consumer, errors);
	return defaults ? defaults : written ? written : required;
}

/* --- its life ----------------------------------------------------------------------- */

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
	};
}

int seg_plugin_instance_create(const seg_plugin *plugin, const seg_config_consumer *consumer,
			       const char *runner, seg_logger logger, seg_config_errors *errors,
			       seg_plugin_instance **out)
{
	*out = NULL;
	seg_plugin_instance *instance = aligned_alloc(CACHE_LINE, sizeof(*instance));
	if (!instance)
		return SEG_ENOMEM;
	memset(instance, 0, sizeof(*instance));
	instance->plugin = plugin;
	instance->handler = seg_plugin_handler(plugin);
	while (instance->handler->options && instance->handler->options[instance->option_count].name)
		instance->option_count++;
	pthread_mutex_init(&instance->counter_lock, NULL);
	logger.stream = consumer->stream;
	logger.group = consumer->group;
	instance->logger = logger;
	instance->runner = strdup(runner);
	instance->values = calloc(instance->option_count + 1, sizeof(*instance->values));
	int result = SEG_ENOMEM;
	if (instance->runner && instance->values)
		result = take_options(instance, consumer, errors);
	if (result != 0) {
		seg_plugin_instance_destroy(instance);
		return result;
	}
	make_host(instance, consumer);
	*out = instance;
	return 0;
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
		return seg_fail(error, SEG_EINVAL, "[consumer %s] cannot start: its plugin %s says: %s",
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
	for (size_t i = 0; i < atomic_load(&instance->counter_count); i++)
		free(instance->counters[i].help);
	for (size_t i = 0; instance->values && i < instance->option_count; i++)
		free(instance->values[i]);
	free(instance->values);
	free(instance->runner);
	pthread_mutex_destroy(&instance->counter_lock);
	free(instance);
}

const seg_handler *seg_plugin_instance_handler(const seg_plugin_instance *instance)
{
	return instance->handler;
}

void *seg_plugin_instance_data(const seg_plugin_instance *instance)
{
	return instance->data;
}

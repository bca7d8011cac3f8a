#include "plugin/values.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/units.h"
#include "config/path.h"
#include "plugin/option.h"

enum { OPTIONS_LISTED_MAX = 256 };

static void add_unknown(const seg_plugin_values *values, const seg_config_option *written,
			seg_config_errors *errors)
{
	const char *names[OPTIONS_LISTED_MAX];
	const seg_handler *handler = values->handler;
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
			     handler->name, written->name,
			     count ? "its options are: " : "the plugin has no options; remove the line", all);
}

/* --- files whose content belongs to a value ------------------------------------------------ */

typedef struct seg_plugin_stamp {
	uint64_t device, inode, size;
	struct timespec changed;
} seg_plugin_stamp;

static seg_plugin_stamp stamp_of(const char *path)
{
	struct stat file;
	if (!path || stat(path, &file) != 0)
		return (seg_plugin_stamp){0};
	return (seg_plugin_stamp){(uint64_t)file.st_dev, (uint64_t)file.st_ino, (uint64_t)file.st_size,
				  file.st_mtim};
}

static bool is_same(const seg_plugin_stamp *a, const seg_plugin_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static void stamp_all(seg_plugin_values *values)
{
	for (size_t i = 0; i < values->count; i++)
		if (values->handler->options[i].type & SEG_OPTION_CONTENT)
			values->stamps[i] = stamp_of(values->list[i]);
}

bool seg_plugin_values_changed(const seg_plugin_values *values)
{
	for (size_t i = 0; i < values->count; i++) {
		seg_plugin_stamp now;
		if (!(values->handler->options[i].type & SEG_OPTION_CONTENT))
			continue;
		now = stamp_of(values->list[i]);
		if (!is_same(&now, &values->stamps[i]))
			return true;
	}
	return false;
}

/* --- taking values ------------------------------------------------------------------------------ */

/* Adds an error and returns SEG_EINVAL if the text is not of the option's type. */
static int take_value(seg_plugin_values *values, const seg_option *option, const char *text,
		      seg_config_place place, seg_config_errors *errors)
{
	seg_error why;
	uint32_t type = seg_option_kind(option);
	if (seg_option_check(type, text, &why) != 0) {
		seg_config_error_add(errors, place, "option.%s: %s", option->name,
				     seg_option_is_secret(option) ? "the value, which is secret, is not valid"
								  : why.text);
		return SEG_EINVAL;
	}
	char *value = type == SEG_OPTION_PATH ? seg_config_path(place.file, text) : strdup(text);
	if (!value)
		return SEG_ENOMEM;
	char **slot = &values->list[option - values->handler->options];
	free(*slot);
	*slot = value;
	return 0;
}

static int take_defaults(seg_plugin_values *values, const seg_config_consumer *consumer,
			 seg_config_errors *errors)
{
	int result = 0;
	for (const seg_option *o = values->handler->options; o && o->name && result != SEG_ENOMEM; o++) {
		if (o->value)
			result = take_value(values, o, o->value, consumer->place, errors);
	}
	return result;
}

static int take_written(seg_plugin_values *values, const seg_config_consumer *consumer,
			seg_config_errors *errors)
{
	int result = 0;
	for (size_t i = 0; i < consumer->option_count && result != SEG_ENOMEM; i++) {
		const seg_config_option *written = &consumer->options[i];
		const seg_option *option = seg_option_find(values->handler->options, written->name);
		if (!option) {
			add_unknown(values, written, errors);
			result = SEG_EINVAL;
			continue;
		}
		int taken = take_value(values, option, written->value, written->place, errors);
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

static int check_required(const seg_plugin_values *values, const seg_config_consumer *consumer,
			  seg_config_errors *errors)
{
	int result = 0;
	for (const seg_option *option = values->handler->options; option && option->name; option++) {
		if (!option->required || seg_plugin_values_get(values, option) ||
		    is_written(consumer, option->name))
			continue;
		seg_config_error_add(errors, consumer->place,
				     "[consumer %s] has no option.%s, which the plugin %s requires: %s",
				     consumer->name, option->name, values->handler->name,
				     option->help ? option->help : "");
		result = SEG_EINVAL;
	}
	return result;
}

int seg_plugin_values_take(seg_plugin_values *values, const seg_handler *handler,
			   const seg_config_consumer *consumer, seg_config_errors *errors)
{
	values->handler = handler;
	values->count = 0;
	while (handler->options && handler->options[values->count].name)
		values->count++;
	values->list = calloc(values->count + 1, sizeof(*values->list));
	values->stamps = calloc(values->count + 1, sizeof(*values->stamps));
	if (!values->list || !values->stamps)
		return SEG_ENOMEM;
	int defaults = take_defaults(values, consumer, errors);
	if (defaults == SEG_ENOMEM)
		return defaults;
	int written = take_written(values, consumer, errors);
	if (written == SEG_ENOMEM)
		return written;
	stamp_all(values);
	int required = check_required(values, consumer, errors);
	return defaults ? defaults : written ? written : required;
}

void seg_plugin_values_fini(seg_plugin_values *values)
{
	for (size_t i = 0; values->list && i < values->count; i++)
		free(values->list[i]);
	free(values->list);
	free(values->stamps);
}

const char *seg_plugin_values_get(const seg_plugin_values *values, const seg_option *option)
{
	return values->list[option - values->handler->options];
}

/* section.c - sections and pairs into the config's fields. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "config/expand.h"
#include "config/file.h"
#include "config/loader.h"
#include "base/units.h"

enum { CONSUMERS_MAX = 1000, OPTIONS_MAX = 1000 };

static const char *const include_name = "include";

/* --- sections ----------------------------------------------------------------- */

static void *section_base(seg_config_frame *frame)
{
	seg_config *config = frame->loader->config;
	if (frame->section == SEG_CONFIG_REDIS)
		return &config->redis;
	if (frame->section == SEG_CONFIG_RUNNER)
		return &config->runner;
	return &config->consumers[config->consumer_count - 1];
}

static seg_config_given *section_given(seg_config_frame *frame)
{
	seg_config_loader *loader = frame->loader;
	if (frame->section == SEG_CONFIG_REDIS)
		return &loader->redis;
	if (frame->section == SEG_CONFIG_RUNNER)
		return &loader->runner;
	return &loader->consumers[loader->config->consumer_count - 1];
}

/* "[redis]", "[consumer orders]" */
static void section_title(seg_config_frame *frame, char *title, size_t size)
{
	if (frame->section == SEG_CONFIG_CONSUMER)
		snprintf(title, size, "[consumer %s]", ((seg_config_consumer *)section_base(frame))->name);
	else
		snprintf(title, size, "[%s]", seg_config_section_names[frame->section]);
}

/* Room for one more at the end of both arrays; false when memory ran out. */
static bool grow_consumers(seg_config_loader *loader)
{
	seg_config *config = loader->config;
	size_t count = config->consumer_count + 1;
	seg_config_consumer *consumers = realloc(config->consumers, count * sizeof(*consumers));
	if (!consumers)
		return false;
	config->consumers = consumers;
	seg_config_given *given = realloc(loader->consumers, count * sizeof(*given));
	if (!given)
		return false;
	loader->consumers = given;
	memset(&consumers[count - 1], 0, sizeof(*consumers));
	memset(&given[count - 1], 0, sizeof(*given));
	return true;
}

static bool check_consumer_name(seg_config_frame *frame, seg_config_place place, const char *name)
{
	seg_config *config = frame->loader->config;
	seg_config_errors *errors = frame->loader->errors;
	seg_error error;
	if (!*name)
		seg_config_error_add(errors, place, "[consumer] has no name; write [consumer NAME]");
	else if (seg_name_check("consumer name", name, &error) != 0)
		seg_config_error_add(errors, place, "%s", error.text);
	else if (config->consumer_count == CONSUMERS_MAX)
		seg_config_error_add(errors, place, "more than %d consumers; give some to another runner",
				     CONSUMERS_MAX);
	else {
		for (size_t i = 0; i < config->consumer_count; i++) {
			const seg_config_consumer *other = &config->consumers[i];
			if (strcmp(other->name, name) != 0)
				continue;
			seg_config_error_add(
				errors, place,
				"[consumer %s] is there already, at %s:%u; rename one or join them", name,
				other->place.file, other->place.line);
			return false;
		}
		return true;
	}
	return false;
}

static void begin_consumer(seg_config_frame *frame, seg_config_place place, const char *name)
{
	seg_config *config = frame->loader->config;
	if (!check_consumer_name(frame, place, name))
		return;
	char *copy = strdup(name);
	if (!copy || !grow_consumers(frame->loader)) {
		free(copy);
		frame->loader->no_memory = true;
		return;
	}
	seg_config_consumer *consumer = &config->consumers[config->consumer_count++];
	consumer->place = place;
	consumer->name = copy;
	if (seg_config_defaults_set(SEG_CONFIG_CONSUMER, consumer) != 0)
		frame->loader->no_memory = true;
	frame->section = SEG_CONFIG_CONSUMER;
	frame->state = SEG_CONFIG_IN_SECTION;
}

static void begin_single(seg_config_frame *frame, seg_config_place place, seg_config_section section)
{
	seg_config *config = frame->loader->config;
	seg_config_place *first = section == SEG_CONFIG_REDIS ? &config->redis.place : &config->runner.place;
	if (!first->line)
		*first = place;
	frame->section = section;
	frame->state = SEG_CONFIG_IN_SECTION;
}

void seg_config_section_begin(seg_config_frame *frame, seg_config_place place, char *name)
{
	frame->state = SEG_CONFIG_BAD_SECTION;
	if (!name)
		return;
	size_t word = strcspn(name, " \t");
	char *rest = name + word + strspn(name + word, " \t");
	bool alone = !*rest;
	name[word] = '\0';
	if (strcmp(name, "consumer") == 0) {
		begin_consumer(frame, place, rest);
		return;
	}
	for (seg_config_section i = SEG_CONFIG_REDIS; alone && i < SEG_CONFIG_CONSUMER; i++) {
		if (strcmp(name, seg_config_section_names[i]) != 0)
			continue;
		begin_single(frame, place, i);
		return;
	}
	const char *meant = seg_suggest(name, seg_config_section_names, SEG_CONFIG_SECTIONS);
	if (meant)
		seg_config_error_add(frame->loader->errors, place,
				     "there is no section [%.60s%s%.60s]; did you mean [%s%s]?", name,
				     alone ? "" : " ", rest, meant,
				     strcmp(meant, "consumer") == 0 ? " NAME" : "");
	else
		seg_config_error_add(
			frame->loader->errors, place,
			"there is no section [%.60s%s%.60s]; write [redis], [runner] or [consumer NAME]",
			name, alone ? "" : " ", rest);
}

/* --- pairs -------------------------------------------------------------------- */

static void unknown_option(seg_config_frame *frame, seg_config_place place, const char *name)
{
	seg_config_errors *errors = frame->loader->errors;
	const char *names[SEG_CONFIG_ROWS_MAX];
	const seg_config_row *elsewhere = NULL;
	size_t count = 0;
	char title[SEG_NAME_MAX + 16];
	section_title(frame, title, sizeof(title));
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->section == frame->section)
			names[count++] = row->name;
		else if (strcmp(row->name, name) == 0)
			elsewhere = row;
	}
	const char *meant = seg_suggest(name, names, count);
	if (strpbrk(name, " \t"))
		seg_config_error_add(errors, place, "the = must follow the name \"%.*s\"; write name = value",
				     (int)strcspn(name, " \t"), name);
	else if (elsewhere)
		seg_config_error_add(errors, place, "%s has no option \"%s\"; it belongs in [%s%s]", title,
				     name, seg_config_section_names[elsewhere->section],
				     elsewhere->section == SEG_CONFIG_CONSUMER ? " NAME" : "");
	else if (meant)
		seg_config_error_add(errors, place, "%s has no option \"%s\"; did you mean \"%s\"?", title,
				     name, meant);
	else if (frame->section == SEG_CONFIG_CONSUMER)
		seg_config_error_add(
			errors, place,
			"%s has no option \"%s\"; segrunner --help lists all, and one of the plugin's own is "
			"written option.%s",
			title, name, name);
	else
		seg_config_error_add(errors, place, "%s has no option \"%s\"; segrunner --help lists all",
				     title, name);
}

/* A secret in a file that others may read. */
static void check_exposure(seg_config_frame *frame, seg_config_place place, const seg_config_row *row,
			   const char *value)
{
	bool secret =
		row->kind == SEG_CONFIG_SECRET || (row->kind == SEG_CONFIG_ADDRESS && strchr(value, '@'));
	mode_t mode = frame->file->mode & 07777;
	if (!secret || strstr(value, "${") || !(mode & 077))
		return;
	seg_config_warning_add(
		frame->loader->errors, place,
		"%s: a password stands in a file that others may read (mode %04o); chmod 600 the file, or "
		"use password_file or ${NAME}",
		row->name, (unsigned)mode);
}

static void set_row(seg_config_frame *frame, seg_config_place place, const seg_config_row *row,
		    const char *value)
{
	seg_config_errors *errors = frame->loader->errors;
	seg_config_place *given = &section_given(frame)->at[row - seg_config_rows];
	if (given->line) {
		seg_config_error_add(errors, place, "%s is given already, at %s:%u; remove one", row->name,
				     given->file, given->line);
		return;
	}
	*given = place;
	char *expanded = NULL;
	seg_error error;
	int status = seg_config_expand(value, &expanded, &error);
	if (status == 0 && !*expanded)
		status = seg_fail(&error, SEG_EINVAL, "%s",
				  *value ? "its environment variable is empty; set it, or leave the line out"
					 : "there is no value (a # or ; behind a blank begins a comment); "
					   "write one, or "
					   "leave the line out");
	if (status == 0)
		status = seg_config_row_set(row, section_base(frame), place.file, expanded, &error);
	if (status == SEG_ENOMEM)
		frame->loader->no_memory = true;
	else if (status)
		seg_config_error_add(errors, place, "%s: %s", row->name, error.text);
	else
		check_exposure(frame, place, row, value);
	if (expanded)
		explicit_bzero(expanded, strlen(expanded));
	free(expanded);
}

static bool check_option_name(seg_config_frame *frame, seg_config_place place,
			      const seg_config_consumer *consumer, const char *name)
{
	seg_config_errors *errors = frame->loader->errors;
	if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")]) {
		seg_config_error_add(errors, place,
				     "option.%s: a plugin's option is named with a-z 0-9 _; write "
				     "option.NAME = value",
				     name);
		return false;
	}
	if (consumer->option_count == OPTIONS_MAX) {
		seg_config_error_add(errors, place, "more than %d options for a plugin; remove some",
				     OPTIONS_MAX);
		return false;
	}
	for (size_t i = 0; i < consumer->option_count; i++) {
		const seg_config_option *other = &consumer->options[i];
		if (strcmp(other->name, name) != 0)
			continue;
		seg_config_error_add(errors, place, "option.%s is given already, at %s:%u; remove one", name,
				     other->place.file, other->place.line);
		return false;
	}
	return true;
}

/* `option.NAME = value`: kept as it is for the plugin. */
static void add_option(seg_config_frame *frame, seg_config_place place, const char *name, const char *value)
{
	seg_config_consumer *consumer = section_base(frame);
	if (!check_option_name(frame, place, consumer, name))
		return;
	seg_error error;
	seg_config_option option = {.place = place};
	int status = seg_config_expand(value, &option.value, &error);
	if (status == SEG_EINVAL) {
		seg_config_error_add(frame->loader->errors, place, "option.%s: %s", name, error.text);
		return;
	}
	seg_config_option *options = NULL;
	option.name = strdup(name);
	if (status == 0 && option.name)
		options = realloc(consumer->options, (consumer->option_count + 1) * sizeof(*options));
	if (!options) {
		free(option.name);
		free(option.value);
		frame->loader->no_memory = true;
		return;
	}
	consumer->options = options;
	options[consumer->option_count++] = option;
}

/* A pair above the first section: only `include` belongs there. */
static void take_loose_pair(seg_config_frame *frame, seg_config_place place, const char *name,
			    const char *value)
{
	if (strcmp(name, include_name) == 0) {
		seg_config_include(frame, place, value);
		return;
	}
	if (seg_suggest(name, &include_name, 1)) {
		seg_config_error_add(frame->loader->errors, place,
				     "there is no \"%s\"; did you mean \"include\"?", name);
		return;
	}
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (strcmp(row->name, name) != 0)
			continue;
		seg_config_error_add(frame->loader->errors, place,
				     "\"%s\" stands above the first section; put it under [%s%s]", name,
				     seg_config_section_names[row->section],
				     row->section == SEG_CONFIG_CONSUMER ? " NAME" : "");
		return;
	}
	seg_config_error_add(frame->loader->errors, place,
			     "\"%s\" stands above the first section; only include may", name);
}

void seg_config_pair_take(seg_config_frame *frame, seg_config_place place, const char *name,
			  const char *value)
{
	if (frame->state == SEG_CONFIG_BAD_SECTION)
		return; /* its header was reported */
	if (!*name) {
		seg_config_error_add(frame->loader->errors, place,
				     "there is no name before the =; write name = value");
		return;
	}
	if (frame->state == SEG_CONFIG_NO_SECTION) {
		take_loose_pair(frame, place, name, value);
		return;
	}
	const seg_config_row *row = seg_config_row_find(frame->section, name);
	if (row)
		set_row(frame, place, row, value);
	else if (frame->section == SEG_CONFIG_CONSUMER && strncmp(name, "option.", 7) == 0)
		add_option(frame, place, name + 7, value);
	else if (strcmp(name, include_name) == 0)
		seg_config_error_add(frame->loader->errors, place,
				     "include belongs above the first section of the file; move it there");
	else
		unknown_option(frame, place, name);
}

#include "config/pair.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "base/units.h"
#include "config/expand.h"
#include "config/output.h"
#include "config/section.h"
#include "config/value.h"

enum { OPTIONS_MAX = 1000 };

static void unknown_option(seg_config_loader *loader, seg_config_place place, const char *name)
{
	seg_config_errors *errors = loader->errors;
	const char *names[SEG_CONFIG_ROWS_MAX];
	const seg_config_row *elsewhere = NULL;
	size_t count = 0;
	char title[SEG_NAME_MAX + 16];
	seg_config_section_title(loader, title, sizeof(title));
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->section == loader->section)
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
	else if (loader->section == SEG_CONFIG_CONSUMER)
		seg_config_error_add(
			errors, place,
			"%s has no option \"%s\"; write option.%s for an option of the plugin, or see segrunner --help",
			title, name, name);
	else
		seg_config_error_add(errors, place, "%s has no option \"%s\"; see segrunner --help", title,
				     name);
}

/* Warns of a secret in a file that other users may read. */
static void check_exposure(seg_config_loader *loader, seg_config_place place, const seg_config_row *row,
			   const char *value)
{
	bool secret =
		row->kind == SEG_CONFIG_SECRET || (row->kind == SEG_CONFIG_ADDRESS && strchr(value, '@'));
	mode_t mode = loader->file->mode & 07777;
	if (!secret || strstr(value, "${") || !(mode & 077))
		return;
	seg_config_warning_add(
		loader->errors, place,
		"%s: other users may read this file (mode %04o), and it holds a password; run chmod 600 on "
		"it, or use password_file or ${NAME}",
		row->name, (unsigned)mode);
}

static void set_row(seg_config_loader *loader, seg_config_place place, const seg_config_row *row,
		    const char *value)
{
	seg_config_errors *errors = loader->errors;
	seg_config_place *given = &seg_config_section_given(loader)->at[row - seg_config_rows];
	if (given->line) {
		seg_config_error_add(errors, place, "%s is already set at %s:%u; remove one", row->name,
				     given->file, given->line);
		return;
	}
	*given = place;
	char *expanded = NULL;
	seg_error error;
	int status = seg_config_expand(value, &expanded, &error);
	if (status == 0 && !*expanded)
		status = seg_fail(
			&error, SEG_EINVAL, "%s",
			*value ? "its environment variable is empty; set it, or remove the line"
			       : "the value is missing (a # or ; after a blank begins a comment); write "
				 "one, or remove the line");
	if (status == 0)
		status = seg_config_row_set(row, seg_config_section_base(loader), place.file, expanded,
					    &error);
	if (status == SEG_ENOMEM)
		loader->no_memory = true;
	else if (status)
		seg_config_error_add(errors, place, "%s: %s", row->name, error.text);
	else
		check_exposure(loader, place, row, value);
	if (expanded)
		explicit_bzero(expanded, strlen(expanded));
	free(expanded);
}

static bool check_option_name(seg_config_loader *loader, seg_config_place place,
			      const seg_config_consumer *consumer, const char *name)
{
	seg_config_errors *errors = loader->errors;
	if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")]) {
		seg_config_error_add(
			errors, place,
			"option.%s: the name of a plugin's option consists of a-z 0-9 _; write option.NAME "
			"= value",
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
		seg_config_error_add(errors, place, "option.%s is already set at %s:%u; remove one", name,
				     other->place.file, other->place.line);
		return false;
	}
	return true;
}

/* Keeps `option.NAME = value` for the plugin. */
static void add_option(seg_config_loader *loader, seg_config_place place, const char *name, const char *value)
{
	seg_config_consumer *consumer = seg_config_section_base(loader);
	if (!check_option_name(loader, place, consumer, name))
		return;
	seg_error error;
	seg_config_option option = {.place = place};
	int status = seg_config_expand(value, &option.value, &error);
	if (status == SEG_EINVAL) {
		seg_config_error_add(loader->errors, place, "option.%s: %s", name, error.text);
		return;
	}
	seg_config_option *options = NULL;
	option.name = strdup(name);
	if (status == 0 && option.name)
		options = realloc(consumer->options, (consumer->option_count + 1) * sizeof(*options));
	if (!options) {
		free(option.name);
		free(option.value);
		loader->no_memory = true;
		return;
	}
	consumer->options = options;
	options[consumer->option_count++] = option;
}

/* Reports a pair above the first section that is not an include. */
static void refuse_loose_pair(seg_config_loader *loader, seg_config_place place, const char *name)
{
	static const char *const allowed[] = {SEG_CONFIG_INCLUDE};
	if (seg_suggest(name, allowed, 1)) {
		seg_config_error_add(loader->errors, place, "unknown name \"%s\"; did you mean \"include\"?",
				     name);
		return;
	}
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (strcmp(row->name, name) != 0)
			continue;
		seg_config_error_add(loader->errors, place,
				     "\"%s\" is above the first section; move it below [%s%s]", name,
				     seg_config_section_names[row->section],
				     row->section == SEG_CONFIG_CONSUMER ? " NAME" : "");
		return;
	}
	seg_config_error_add(loader->errors, place,
			     "\"%s\" is above the first section; only include is allowed there", name);
}

void seg_config_pair_take(seg_config_loader *loader, seg_config_place place, const char *name,
			  const char *value)
{
	if (loader->state == SEG_CONFIG_BAD_SECTION)
		return; /* its header was reported */
	if (!*name) {
		seg_config_error_add(loader->errors, place,
				     "the name before the = is missing; write name = value");
		return;
	}
	if (loader->state == SEG_CONFIG_NO_SECTION) {
		refuse_loose_pair(loader, place, name);
		return;
	}
	const seg_config_row *row = seg_config_row_find(loader->section, name);
	if (row)
		set_row(loader, place, row, value);
	else if (loader->section == SEG_CONFIG_CONSUMER && strncmp(name, "option.", 7) == 0)
		add_option(loader, place, name + 7, value);
	else if (loader->section == SEG_CONFIG_CONSUMER &&
		 strncmp(name, SEG_CONFIG_OUTPUT, strlen(SEG_CONFIG_OUTPUT)) == 0)
		seg_config_output_take(loader, place, name + strlen(SEG_CONFIG_OUTPUT), value);
	else if (strcmp(name, SEG_CONFIG_INCLUDE) == 0)
		seg_config_error_add(loader->errors, place,
				     "include belongs above the first section of the file; move it there");
	else
		unknown_option(loader, place, name);
}

#include "config/compare.h"

#include <stdlib.h>
#include <string.h>

#include "config/format.h"
#include "config/options.h"
#include "config/output.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Compares strings themselves, because texts for people hide secrets; compares other values by their texts. */
static bool same_value(const seg_config_row *row, const void *a, const void *b)
{
	if (seg_config_row_is_string(row))
		return same_text(*(char *const *)((const char *)a + row->offset),
				 *(char *const *)((const char *)b + row->offset));
	char *text_a = seg_config_row_value(row, a), *text_b = seg_config_row_value(row, b);
	bool same = text_a && text_b && strcmp(text_a, text_b) == 0;
	free(text_a);
	free(text_b);
	return same;
}

static bool same_options(const seg_config_consumer *a, const seg_config_consumer *b)
{
	if (a->option_count != b->option_count)
		return false;
	for (size_t i = 0; i < a->option_count; i++)
		if (strcmp(a->options[i].name, b->options[i].name) != 0 ||
		    strcmp(a->options[i].value, b->options[i].value) != 0)
			return false;
	return true;
}

static bool same_rows(seg_config_section section, seg_config_change change, const void *a, const void *b)
{
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->section == section && row->change == change && !same_value(row, a, b))
			return false;
	}
	return true;
}

bool seg_config_same_consumer(const seg_config_consumer *a, const seg_config_consumer *b)
{
	return strcmp(a->name, b->name) == 0 && a->register_stream == b->register_stream &&
	       same_rows(SEG_CONFIG_CONSUMER, SEG_CHANGE_CONSUMER, a, b) && same_options(a, b) &&
	       seg_config_output_same(a, b);
}

bool seg_config_same_workers(const seg_config_runner *a, const seg_config_runner *b)
{
	return same_rows(SEG_CONFIG_RUNNER, SEG_CHANGE_CONSUMER, a, b);
}

static void add_name(char *text, size_t size, seg_config_section section, const char *name)
{
	size_t used = strlen(text);
	snprintf(text + used, size - used, "%s[%s] %s", used ? ", " : "", seg_config_section_names[section],
		 name);
}

char *seg_config_needs_restart(const seg_config *a, const seg_config *b, char *text, size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->change != SEG_CHANGE_RESTART)
			continue;
		bool redis = row->section == SEG_CONFIG_REDIS;
		const void *of_a = redis ? (const void *)&a->redis : &a->runner;
		const void *of_b = redis ? (const void *)&b->redis : &b->runner;
		if (!same_value(row, of_a, of_b))
			add_name(text, size, row->section, row->name);
	}
	/* The option may be the same while the token in the file has changed. */
	if (!same_text(a->runner.admin_token, b->runner.admin_token))
		add_name(text, size, SEG_CONFIG_RUNNER, "admin_token_file");
	return text;
}

#include "config/print.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/names.h"
#include "base/redact.h"
#include "config/format.h"
#include "config/options.h"

/* Doubles each $, the only special character in a value, so that reading the line gives the value again. */
static void print_value(const char *value, FILE *out)
{
	for (const char *c = value; *c; c++) {
		if (*c == '$')
			fputc('$', out);
		fputc(*c, out);
	}
}

static void print_pair(const char *prefix, const char *name, const char *value, FILE *out)
{
	/* After a blank, these begin a comment. */
	bool comments = value[0] == '#' || value[0] == ';';
	fprintf(out, "%s%s =%s", prefix, name, comments ? "" : " ");
	print_value(value, out);
	fputc('\n', out);
}

static void print_fields(seg_config_section section, const void *base, FILE *out)
{
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->section != section)
			continue;
		char *value = seg_config_row_value(row, base);
		if (value)
			print_pair("", row->name, value, out);
		free(value);
	}
}

/* Of a row of [consumer]. */
static bool is_of_shape(const seg_config_row *row)
{
	size_t shape = offsetof(seg_config_consumer, shape);
	return row->offset >= shape && row->offset < shape + sizeof(seg_stream_shape);
}

bool seg_config_is_secret(const char *name)
{
	static const char *const words[] = {"password",   "passwd",  "secret",      "token",
					    "credential", "api_key", "private_key", "access_key"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

static void print_option(const seg_config_option *option, bool hidden, FILE *out)
{
	char *value = hidden ? NULL : seg_redact_copy(option->value);
	print_pair("option.", option->name, value ? value : "***", out);
	free(value);
}

/* The shape of an output that the section registers. */
static void print_output(const seg_config_output *output, FILE *out)
{
	char prefix[SEG_NAME_MAX + 16];
	const void *base = (const char *)&output->shape - offsetof(seg_config_consumer, shape);
	snprintf(prefix, sizeof(prefix), "output.%s.", output->name);
	for (size_t i = 0; output->register_stream && i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->section != SEG_CONFIG_CONSUMER || !is_of_shape(row))
			continue;
		char *value = seg_config_row_value(row, base);
		if (value)
			print_pair(prefix, row->name, value, out);
		free(value);
	}
}

static void print_consumer(const seg_config_consumer *consumer, seg_config_hides *hides, void *arg, FILE *out)
{
	fprintf(out, "\n[consumer %s]\n", consumer->name);
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->section != SEG_CONFIG_CONSUMER || (is_of_shape(row) && !consumer->register_stream))
			continue;
		char *value = seg_config_row_value(row, consumer);
		if (value)
			print_pair("", row->name, value, out);
		free(value);
	}
	for (size_t i = 0; i < consumer->output_count; i++)
		print_output(&consumer->outputs[i], out);
	for (size_t i = 0; i < consumer->option_count; i++)
		print_option(&consumer->options[i],
			     seg_config_is_secret(consumer->options[i].name) ||
				     (hides && hides(arg, consumer, consumer->options[i].name)),
			     out);
}

void seg_config_print(const seg_config *config, seg_config_hides *hides, void *arg, FILE *out)
{
	fprintf(out, "# the values of %s in force, without secrets\n\n[redis]\n", config->file);
	print_fields(SEG_CONFIG_REDIS, &config->redis, out);
	fputs("\n[runner]\n", out);
	print_fields(SEG_CONFIG_RUNNER, &config->runner, out);
	for (size_t i = 0; i < config->consumer_count; i++)
		print_consumer(&config->consumers[i], hides, arg, out);
}

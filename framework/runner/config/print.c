#include "config/print.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
	fprintf(out, "%s%s = ", prefix, name);
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

/*
 * The length of "user:password" in "scheme://user:password@host", and its start in *start; 0 if there is none.
 */
static size_t find_login(const char *value, const char **start)
{
	const char *scheme = strstr(value, "://");
	if (!scheme)
		return 0;
	*start = scheme + 3;
	const char *at = strrchr(*start, '@');
	return at ? (size_t)(at - *start) : 0;
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

static void print_option(const seg_config_option *option, FILE *out)
{
	const char *login;
	size_t length = find_login(option->value, &login);
	if (seg_config_is_secret(option->name))
		print_pair("option.", option->name, "***", out);
	else if (length) {
		fprintf(out, "option.%s = ", option->name);
		fprintf(out, "%.*s***", (int)(login - option->value), option->value);
		print_value(login + length, out);
		fputc('\n', out);
	} else
		print_pair("option.", option->name, option->value, out);
}

static void print_consumer(const seg_config_consumer *consumer, FILE *out)
{
	fprintf(out, "\n[consumer %s]\n", consumer->name);
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		bool shape = row->offset >= offsetof(seg_config_consumer, shape) &&
			     row->offset < offsetof(seg_config_consumer, shape) + sizeof(consumer->shape);
		if (row->section != SEG_CONFIG_CONSUMER || (shape && !consumer->register_stream))
			continue;
		char *value = seg_config_row_value(row, consumer);
		if (value)
			print_pair("", row->name, value, out);
		free(value);
	}
	for (size_t i = 0; i < consumer->option_count; i++)
		print_option(&consumer->options[i], out);
}

void seg_config_print(const seg_config *config, FILE *out)
{
	fprintf(out, "# the values of %s in force, without secrets\n\n[redis]\n", config->file);
	print_fields(SEG_CONFIG_REDIS, &config->redis, out);
	fputs("\n[runner]\n", out);
	print_fields(SEG_CONFIG_RUNNER, &config->runner, out);
	for (size_t i = 0; i < config->consumer_count; i++)
		print_consumer(&config->consumers[i], out);
}

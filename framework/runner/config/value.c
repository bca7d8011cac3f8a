/* value.c - one option's value: from text into its field, and from the field to text again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/names.h"
#include "redis/address.h"
#include "config/cpus.h"
#include "config/listen.h"
#include "config/options.h"
#include "config/plugin_option.h"
#include "base/units.h"

#define MS INT64_C(1000000)

static void *field_of(const seg_config_row *row, void *base)
{
	return (char *)base + row->offset;
}

static bool is_string(const seg_config_row *row)
{
	return row->kind <= SEG_CONFIG_ADDRESS;
}

static int no_memory(seg_error *error)
{
	return seg_fail(error, SEG_ENOMEM, "out of memory");
}

/* Takes over `text`; NULL says that there was no memory for it. */
static int replace_string(char **field, char *text, seg_error *error)
{
	if (!text)
		return no_memory(error);
	free(*field);
	*field = text;
	return 0;
}

static int check_address(const char *text, seg_error *error)
{
	if (strcmp(text, "embedded") == 0)
		return 0;
	seg_address address;
	int status = seg_address_parse(text, &address, error);
	if (status == 0)
		seg_address_fini(&address);
	else if (status == SEG_EINVAL && strchr(text, '@'))
		/* The parser's own text may repeat a piece of a password that it took for something else. */
		return seg_fail(error, SEG_EINVAL,
				"not an address with user and password; write redis://user:password@"
				"host:6379, where special characters are %%-encoded (/ is %%2F, @ is %%40)");
	return status;
}

/* What is written where there shall be none: its field is NULL then. */
static const char *text_of_none(const seg_config_row *row)
{
	return row->kind == SEG_CONFIG_LOG_FILE ? "-" : row->kind == SEG_CONFIG_LISTEN ? "off" : NULL;
}

static int set_string(const seg_config_row *row, char **field, const char *file, const char *text,
		      seg_error *error)
{
	seg_listen listen;
	int status = 0;
	if (row->kind == SEG_CONFIG_NAME)
		status = seg_name_check("name", text, error);
	else if (row->kind == SEG_CONFIG_ADDRESS)
		status = check_address(text, error);
	else if (row->kind == SEG_CONFIG_LISTEN && strcmp(text, "off") != 0)
		status = seg_listen_parse(text, &listen, error);
	if (status)
		return status;
	bool is_path = row->kind == SEG_CONFIG_PATH || row->kind == SEG_CONFIG_LOG_FILE ||
		       (row->kind == SEG_CONFIG_PLUGIN && strchr(text, '/'));
	const char *none = text_of_none(row);
	if (none && strcmp(text, none) == 0) {
		free(*field);
		*field = NULL;
		return 0;
	}
	return replace_string(field, is_path ? seg_option_to_path(file, text) : strdup(text), error);
}

static int parse_number(const seg_config_row *row, const char *text, int64_t *value, seg_error *error)
{
	int status;
	if (row->kind == SEG_CONFIG_DURATION)
		status = seg_units_duration(text, value, error);
	else if (row->kind == SEG_CONFIG_SIZE)
		status = seg_units_size(text, value, error);
	else
		status = seg_units_integer(text, value, error);
	if (status || (*value >= row->min && *value <= row->max))
		return status;
	char range[80];
	return seg_fail(error, SEG_EINVAL, "\"%.60s\" is too %s; write %s", text,
			*value < row->min ? "small" : "big", seg_config_row_range(row, range, sizeof(range)));
}

static int parse_choice(const seg_config_row *row, const char *text, int *value, seg_error *error)
{
	size_t count = 0;
	for (; row->choices[count]; count++) {
		if (strcmp(row->choices[count], text) != 0)
			continue;
		*value = (int)count;
		return 0;
	}
	char range[80];
	const char *meant = seg_suggest(text, row->choices, count);
	if (meant)
		return seg_fail(error, SEG_EINVAL, "\"%.60s\" is not known; did you mean \"%s\"?", text,
				meant);
	return seg_fail(error, SEG_EINVAL, "\"%.60s\" is not known; write %s", text,
			seg_config_row_range(row, range, sizeof(range)));
}

int seg_config_row_set(const seg_config_row *row, void *base, const char *file, const char *text,
		       seg_error *error)
{
	void *field = field_of(row, base);
	int64_t number;
	int status;
	if (is_string(row))
		return set_string(row, field, file, text, error);
	switch (row->kind) {
	case SEG_CONFIG_BOOLEAN:
		return seg_units_boolean(text, field, error);
	case SEG_CONFIG_CHOICE:
		return parse_choice(row, text, field, error);
	case SEG_CONFIG_CPUS:
		return seg_config_cpus_parse(text, field, error);
	case SEG_CONFIG_START:
		return seg_start_parse(text, field, error);
	default:
		status = parse_number(row, text, &number, error);
		if (status)
			return status;
		if (row->kind == SEG_CONFIG_INTEGER)
			*(uint32_t *)field = (uint32_t)number;
		else if (row->kind == SEG_CONFIG_DURATION)
			*(int64_t *)field = number;
		else
			*(uint64_t *)field = (uint64_t)number;
		return 0;
	}
}

int seg_config_defaults_set(seg_config_section section, void *base)
{
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->section != section || !row->value)
			continue;
		int status = seg_config_row_set(row, base, NULL, row->value, NULL);
		if (status)
			return status;
	}
	return 0;
}

void seg_config_fields_free(seg_config_section section, void *base)
{
	for (size_t i = 0; i < seg_config_row_count; i++) {
		const seg_config_row *row = &seg_config_rows[i];
		if (row->section != section)
			continue;
		if (row->kind == SEG_CONFIG_CPUS) {
			seg_config_cpus *cpus = field_of(row, base);
			free(cpus->list);
			*cpus = (seg_config_cpus){0};
		} else if (is_string(row)) {
			char **text = field_of(row, base);
			if (*text && (row->kind == SEG_CONFIG_SECRET || row->kind == SEG_CONFIG_ADDRESS))
				explicit_bzero(*text, strlen(*text));
			free(*text);
			*text = NULL;
		}
	}
}

static char *choices_text(const seg_config_row *row, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; row->choices[i] && used < size; i++) {
		const char *joint = i == 0 ? "" : row->choices[i + 1] ? ", " : " or ";
		used += (size_t)snprintf(text + used, size - used, "%s%s", joint, row->choices[i]);
	}
	return text;
}

char *seg_config_row_range(const seg_config_row *row, char *text, size_t size)
{
	char low[SEG_UNITS_TEXT_MAX], high[SEG_UNITS_TEXT_MAX];
	const char *fixed = NULL;
	switch (row->kind) {
	case SEG_CONFIG_TEXT:
	case SEG_CONFIG_SECRET:
		fixed = "text";
		break;
	case SEG_CONFIG_NAME:
		fixed = "1 to 128 of A-Z a-z 0-9 . _ -";
		break;
	case SEG_CONFIG_PATH:
		fixed = "a path";
		break;
	case SEG_CONFIG_LOG_FILE:
		fixed = "a path or -";
		break;
	case SEG_CONFIG_LISTEN:
		fixed = "ADDRESS:PORT or off";
		break;
	case SEG_CONFIG_PLUGIN:
		fixed = "a name or a path";
		break;
	case SEG_CONFIG_ADDRESS:
		fixed = "redis://..., unix://... or embedded";
		break;
	case SEG_CONFIG_BOOLEAN:
		fixed = "yes or no";
		break;
	case SEG_CONFIG_CPUS:
		fixed = "auto, none or a list";
		break;
	case SEG_CONFIG_START:
		fixed = "earliest, latest, an id or a time";
		break;
	case SEG_CONFIG_CHOICE:
		return choices_text(row, text, size);
	case SEG_CONFIG_INTEGER:
	case SEG_CONFIG_COUNT:
		snprintf(text, size, "%" PRId64 " to %" PRId64, row->min, row->max);
		return text;
	case SEG_CONFIG_SIZE:
		snprintf(text, size, "%s to %s", seg_units_size_format(row->min, low),
			 seg_units_size_format(row->max, high));
		return text;
	case SEG_CONFIG_DURATION:
		snprintf(text, size, "%s to %s", seg_units_duration_format(row->min, low),
			 seg_units_duration_format(row->max, high));
		return text;
	}
	snprintf(text, size, "%s", fixed);
	return text;
}

static char *address_text(const char *text)
{
	seg_address address;
	if (strcmp(text, "embedded") == 0 || seg_address_parse(text, &address, NULL) != 0)
		return strdup("embedded");
	char *shown = strdup(address.text);
	seg_address_fini(&address);
	return shown;
}

static char *start_text(const seg_start *start)
{
	char text[64];
	struct tm tm;
	time_t seconds = (time_t)(start->id.ms / 1000);
	switch (start->kind) {
	case SEG_START_EARLIEST:
		return strdup("earliest");
	case SEG_START_LATEST:
		return strdup("latest");
	case SEG_START_TIME:
		if (gmtime_r(&seconds, &tm)) {
			size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
			snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(start->id.ms % 1000));
			return strdup(text);
		}
		/* Beyond what a calendar can say: its id says the same. */
		/* fall through */
	case SEG_START_AFTER_ID:
		break;
	}
	return strdup(seg_id_format(start->id, text));
}

static char *string_text(const seg_config_row *row, const char *value)
{
	if (!value)
		return text_of_none(row) ? strdup(text_of_none(row)) : NULL;
	if (row->kind == SEG_CONFIG_SECRET)
		return strdup("***");
	return row->kind == SEG_CONFIG_ADDRESS ? address_text(value) : strdup(value);
}

char *seg_config_row_value(const seg_config_row *row, const void *base)
{
	const void *field = (const char *)base + row->offset;
	char text[SEG_UNITS_TEXT_MAX];
	switch (row->kind) {
	case SEG_CONFIG_INTEGER:
		snprintf(text, sizeof(text), "%" PRIu32, *(const uint32_t *)field);
		return strdup(text);
	case SEG_CONFIG_COUNT:
		snprintf(text, sizeof(text), "%" PRIu64, *(const uint64_t *)field);
		return strdup(text);
	case SEG_CONFIG_SIZE:
		return strdup(seg_units_size_format((int64_t) * (const uint64_t *)field, text));
	case SEG_CONFIG_DURATION:
		return strdup(seg_units_duration_format(*(const int64_t *)field, text));
	case SEG_CONFIG_BOOLEAN:
		return strdup(*(const bool *)field ? "yes" : "no");
	case SEG_CONFIG_CHOICE:
		return strdup(row->choices[*(const int *)field]);
	case SEG_CONFIG_CPUS:
		return seg_config_cpus_format(field);
	case SEG_CONFIG_START:
		return start_text(field);
	default:
		return string_text(row, *(char *const *)field);
	}
}

#include "config/value.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "base/units.h"
#include "redis/address.h"
#include "config/cpus.h"
#include "config/format.h"
#include "config/listen.h"
#include "config/output_list.h"
#include "config/path.h"

static void *field_of(const seg_config_row *row, void *base)
{
	return (char *)base + row->offset;
}

static int no_memory(seg_error *error)
{
	return seg_fail(error, SEG_ENOMEM, "out of memory");
}

/* Owns `text` from now on; NULL means that there was no memory for it. */
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
	static const char *const embedded = "embedded";
	if (strcmp(text, embedded) == 0)
		return 0;
	if (seg_suggest(text, &embedded, 1))
		return seg_fail(error, SEG_EINVAL, "\"%.60s\" is not an address; did you mean \"%s\"?", text,
				embedded);
	seg_address address;
	int status = seg_address_parse(text, &address, error);
	if (status == 0)
		seg_address_fini(&address);
	else if (status == SEG_EINVAL && strchr(text, '@'))
		/* The parser's own text may quote a part of a password that it took for something else. */
		return seg_fail(
			error, SEG_EINVAL,
			"not an address with user and password; write redis://user:password@"
			"host:6379, where special characters are %%-encoded (/ is %%2F, @ is %%40); or "
			"leave them out, and set user and password_file");
	return status;
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
	if (row->kind == SEG_CONFIG_NAMES) {
		char *list = NULL;
		status = seg_config_output_list(text, &list, error);
		return status ? status : replace_string(field, list, error);
	}
	bool is_path = row->kind == SEG_CONFIG_PATH || row->kind == SEG_CONFIG_LOG_FILE ||
		       (row->kind == SEG_CONFIG_PLUGIN && strchr(text, '/'));
	const char *none = seg_config_row_none(row);
	if (none && strcmp(text, none) == 0) {
		free(*field);
		*field = NULL;
		return 0;
	}
	return replace_string(field, is_path ? seg_config_path(file, text) : strdup(text), error);
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
		return seg_fail(error, SEG_EINVAL, "unknown value \"%.60s\"; did you mean \"%s\"?", text,
				meant);
	return seg_fail(error, SEG_EINVAL, "unknown value \"%.60s\"; write %s", text,
			seg_config_row_range(row, range, sizeof(range)));
}

int seg_config_row_set(const seg_config_row *row, void *base, const char *file, const char *text,
		       seg_error *error)
{
	void *field = field_of(row, base);
	int64_t number;
	int status;
	if (seg_config_row_is_string(row))
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
		} else if (seg_config_row_is_string(row)) {
			char **text = field_of(row, base);
			if (*text && (row->kind == SEG_CONFIG_SECRET || row->kind == SEG_CONFIG_ADDRESS))
				explicit_bzero(*text, strlen(*text));
			free(*text);
			*text = NULL;
		}
	}
}

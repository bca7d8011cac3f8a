#include "config/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "redis/address.h"
#include "stream/spelling.h"
#include "config/cpus.h"

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

/* The ranges that do not depend on the row. */
static const char *const fixed_ranges[] = {
	[SEG_CONFIG_TEXT] = "text",
	[SEG_CONFIG_SECRET] = "text",
	[SEG_CONFIG_NAME] = "1 to 128 characters of A-Z a-z 0-9 . _ -",
	[SEG_CONFIG_PATH] = "a path",
	[SEG_CONFIG_LOG_FILE] = "a path or -",
	[SEG_CONFIG_LISTEN] = "ADDRESS:PORT or off",
	[SEG_CONFIG_PLUGIN] = "a name or a path",
	[SEG_CONFIG_NAMES] = "names, with commas between",
	[SEG_CONFIG_ADDRESS] = "redis://..., rediss://..., unix://... or embedded",
	[SEG_CONFIG_BOOLEAN] = "yes or no",
	[SEG_CONFIG_CPUS] = "auto, none or a list such as 0-3,6",
	[SEG_CONFIG_START] = "earliest, latest, an id or a time",
};

char *seg_config_row_range(const seg_config_row *row, char *text, size_t size)
{
	char low[SEG_UNITS_TEXT_MAX], high[SEG_UNITS_TEXT_MAX];
	switch (row->kind) {
	case SEG_CONFIG_CHOICE:
		return choices_text(row, text, size);
	case SEG_CONFIG_INTEGER:
	case SEG_CONFIG_COUNT:
		snprintf(text, size, "%" PRId64 " to %" PRId64, row->min, row->max);
		break;
	case SEG_CONFIG_SIZE:
		snprintf(text, size, "%s to %s", seg_units_size_format(row->min, low),
			 seg_units_size_format(row->max, high));
		break;
	case SEG_CONFIG_DURATION:
		snprintf(text, size, "%s to %s", seg_units_duration_format(row->min, low),
			 seg_units_duration_format(row->max, high));
		break;
	default:
		snprintf(text, size, "%s", fixed_ranges[row->kind]);
		break;
	}
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

static char *string_text(const seg_config_row *row, const char *value)
{
	if (!value)
		return seg_config_row_none(row) ? strdup(seg_config_row_none(row)) : NULL;
	if (row->kind == SEG_CONFIG_SECRET)
		return strdup("***");
	return row->kind == SEG_CONFIG_ADDRESS ? address_text(value) : strdup(value);
}

char *seg_config_row_value(const seg_config_row *row, const void *base)
{
	const void *field = (const char *)base + row->offset;
	char text[SEG_UNITS_TEXT_MAX], start[SEG_START_TEXT_MAX];
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
		return strdup(seg_start_format(field, start));
	default:
		return string_text(row, *(char *const *)field);
	}
}

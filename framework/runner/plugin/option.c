#include "plugin/option.h"

#include <string.h>

#include "base/error.h"
#include "base/units.h"

int seg_option_check(uint32_t type, const char *text, seg_error *error)
{
	int64_t number;
	bool flag;
	switch (type) {
	case SEG_OPTION_TEXT:
		return 0;
	case SEG_OPTION_INTEGER:
		return seg_units_integer_or_size(text, &number, error);
	case SEG_OPTION_DURATION:
		return seg_units_duration(text, &number, error);
	case SEG_OPTION_BOOLEAN:
		return seg_units_boolean(text, &flag, error);
	case SEG_OPTION_PATH:
		if (*text)
			return 0;
		return seg_fail(error, SEG_EINVAL, "the path is empty; write a path, or remove the line");
	default:
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin declares the unknown option type %u; it was built for a later segrunner",
			type);
	}
}

int64_t seg_option_to_integer(const char *text)
{
	int64_t value;
	return text && seg_units_integer_or_size(text, &value, NULL) == 0 ? value : 0;
}

int64_t seg_option_to_duration(const char *text)
{
	int64_t value;
	return text && seg_units_duration(text, &value, NULL) == 0 ? value : 0;
}

int seg_option_to_boolean(const char *text)
{
	bool value;
	return text && seg_units_boolean(text, &value, NULL) == 0 ? value : 0;
}

size_t seg_option_names(const seg_option *options, const char **names, size_t size)
{
	size_t count = 0;
	for (; options && options->name && count < size; options++)
		names[count++] = options->name;
	return count;
}

const seg_option *seg_option_find(const seg_option *options, const char *name)
{
	for (; options && options->name; options++)
		if (strcmp(options->name, name) == 0)
			return options;
	return NULL;
}

#include "plugin/check.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "plugin/option.h"

enum { OPTIONS_MAX = 256, OPTION_NAME_MAX = 63 };

int seg_plugin_check_struct(const char *path, const seg_handler *handler, seg_error *error)
{
	if (!handler)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s: " SEG_HANDLER_SYMBOL
				" returns NULL: export a static const seg_handler with "
				"SEG_HANDLER_EXPORT(handler)",
				path);
	if (handler->abi == 0)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s sets no handler ABI: write .abi = SEG_HANDLER_ABI in its seg_handler",
			path);
	if (handler->abi != SEG_HANDLER_ABI)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s was built for handler ABI %u, but this segrunner has ABI %u: "
				"rebuild it with this version's <segmenter/handler.h>",
				path, handler->abi, SEG_HANDLER_ABI);
	if (handler->size < offsetof(seg_handler, handle) + sizeof(handler->handle))
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s sets .size to %u, which is too small for a handle function: write "
			".size = sizeof(seg_handler)",
			path, handler->size);
	return 0;
}

static bool is_option_name(const char *name)
{
	size_t length = strnlen(name, OPTION_NAME_MAX + 1);
	if (length == 0 || length > OPTION_NAME_MAX)
		return false;
	for (const char *c = name; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			return false;
	return true;
}

static int check_option(const char *path, const seg_handler *handler, const seg_option *option,
			seg_error *error)
{
	if (!is_option_name(option->name))
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s declares an option \"%.80s\"; a name is 1 to %d characters of a-z "
			"0-9 _",
			path, option->name, OPTION_NAME_MAX);
	if (seg_option_find(handler->options, option->name) != option)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s declares the option \"%s\" twice; remove one", path,
				option->name);
	seg_error why;
	if (seg_option_kind(option) > SEG_OPTION_PATH)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s declares the option \"%s\" with the unknown type %u; use one "
				"of SEG_OPTION_...",
				path, option->name, option->type);
	if (option->value && seg_option_check(seg_option_kind(option), option->value, &why) != 0)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s declares the option \"%s\" with a wrong default: %s", path,
				option->name, why.text);
	return 0;
}

int seg_plugin_check_handler(const char *path, const seg_handler *handler, seg_error *error)
{
	seg_error why;
	if (!handler->handle)
		return seg_fail(error, SEG_EINVAL, "the plugin %s has no handle function: set .handle", path);
	if (seg_name_check("name in its seg_handler", handler->name, &why) != 0)
		return seg_fail(error, SEG_EINVAL, "the plugin %s: %s", path, why.text);
	if (!handler->options)
		return 0;
	for (size_t i = 0; handler->options[i].name; i++) {
		if (i == OPTIONS_MAX)
			return seg_fail(
				error, SEG_EINVAL,
				"the plugin %s declares more than %d options: end the table with an option "
				"whose name is NULL",
				path, OPTIONS_MAX);
		int result = check_option(path, handler, &handler->options[i], error);
		if (result != 0)
			return result;
	}
	return 0;
}

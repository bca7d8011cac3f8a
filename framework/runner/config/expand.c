#include "config/expand.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memstream.h"

/* Far more than any value needs; a limit for many references to a large variable. */
enum { EXPANDED_MAX = 65536 };

static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

static int check_variable(const char *name, const char *value, seg_error *error)
{
	for (const char *c = value; *c; c++)
		if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
			return seg_fail(
				error, SEG_EINVAL,
				"the environment variable %s contains a control character, such as a line "
				"end; remove that character",
				name);
	return 0;
}

/* Writes the value of the reference between { and }. */
static int expand_reference(const char *reference, size_t length, FILE *out, seg_error *error)
{
	char name[128];
	size_t name_length = strspn(reference, name_characters);
	const char *rest = reference + name_length;
	size_t rest_length = length - name_length;
	bool has_default = rest_length >= 2 && strncmp(rest, ":-", 2) == 0;
	if (name_length == 0 || (rest_length && !has_default))
		/* The text does not quote the reference, which may be part of a password with a single $. */
		return seg_fail(error, SEG_EINVAL,
				"a ${...} does not name an environment variable; write ${NAME} or "
				"${NAME:-default}, or $$ for the character $");
	if (name_length >= sizeof(name))
		return seg_fail(error, SEG_EINVAL,
				"the name of the environment variable ${%.20s...} is longer than %zu",
				reference, sizeof(name) - 1);
	memcpy(name, reference, name_length);
	name[name_length] = '\0';
	const char *value = getenv(name);
	if (value && (*value || !has_default)) {
		fputs(value, out);
		return check_variable(name, value, error);
	}
	if (!has_default)
		return seg_fail(error, SEG_EINVAL,
				"the environment variable %s is not set; set it, or write ${%s:-default}",
				name, name);
	fwrite(rest + 2, 1, rest_length - 2, out);
	return 0;
}

static int expand(const char *text, FILE *out, seg_error *error)
{
	while (*text) {
		size_t plain = strcspn(text, "$");
		fwrite(text, 1, plain, out);
		text += plain;
		if (!*text)
			break;
		if (text[1] == '$') {
			fputc('$', out);
			text += 2;
			continue;
		}
		if (text[1] != '{')
			return seg_fail(
				error, SEG_EINVAL,
				"a single $ has no meaning; write $$ for the character, or ${NAME} for an "
				"environment variable");
		const char *close = strchr(text, '}');
		if (!close)
			return seg_fail(error, SEG_EINVAL,
					"a ${ has no closing }; write ${NAME}, or $$ for the character $");
		int status = expand_reference(text + 2, (size_t)(close - text - 2), out, error);
		if (status)
			return status;
		if (ftell(out) > EXPANDED_MAX)
			return seg_fail(error, SEG_EINVAL,
					"the value with its variables is longer than %d bytes; shorten it",
					EXPANDED_MAX);
		text = close + 1;
	}
	return 0;
}

int seg_config_expand(const char *text, char **expanded, seg_error *error)
{
	size_t size;
	*expanded = NULL;
	FILE *out = open_memstream(expanded, &size);
	if (!out)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	int status = expand(text, out, error);
	if (!seg_memstream_close(out, expanded))
		status = seg_fail(error, SEG_ENOMEM, "out of memory");
	if (status) {
		free(*expanded);
		*expanded = NULL;
	}
	return status;
}

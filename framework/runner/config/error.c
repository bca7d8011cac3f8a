#include "config/error.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/memstream.h"
#include "base/redact.h"

enum { ERRORS_MAX = 1000 };

__attribute__((format(printf, 3, 0))) static char *format_line(bool warning, seg_config_place place,
							       const char *format, va_list args)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	if (place.file && place.line)
		fprintf(out, "%s:%u: ", place.file, place.line);
	else if (place.file)
		fprintf(out, "%s: ", place.file);
	if (warning)
		fputs("warning: ", out);
	vfprintf(out, format, args);
	if (!seg_memstream_close(out, &text))
		return NULL;
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	char *shown = seg_redact_copy(text);
	free(text);
	return shown;
}

__attribute__((format(printf, 4, 0))) static void add(seg_config_errors *errors, bool warning,
						      seg_config_place place, const char *format,
						      va_list args)
{
	char *text = NULL;
	seg_config_error *list = NULL;
	if (errors->count < ERRORS_MAX)
		text = format_line(warning, place, format, args);
	if (text)
		list = realloc(errors->list, (errors->count + 1) * sizeof(*list));
	if (!list) {
		free(text);
		errors->incomplete = true;
		return;
	}
	errors->list = list;
	errors->list[errors->count++] = (seg_config_error){.warning = warning, .text = text};
	errors->warnings += warning;
}

void seg_config_error_add(seg_config_errors *errors, seg_config_place place, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(errors, false, place, format, args);
	va_end(args);
}

void seg_config_warning_add(seg_config_errors *errors, seg_config_place place, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(errors, true, place, format, args);
	va_end(args);
}

void seg_config_errors_print(const seg_config_errors *errors, FILE *out)
{
	for (size_t i = 0; i < errors->count; i++)
		fprintf(out, "%s\n", errors->list[i].text);
	if (errors->incomplete)
		fputs("there are more errors than can be listed; mend these first\n", out);
}

void seg_config_errors_fini(seg_config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		free(errors->list[i].text);
	free(errors->list);
	*errors = (seg_config_errors){0};
}

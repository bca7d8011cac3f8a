#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/redact.h"

void seg_log(const seg_logger *logger, int level, const char *format, ...)
{
	if (!logger || !logger->fn)
		return;
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	seg_redact(text, sizeof(text));
	seg_log_event event = {
		.level = level,
		.text = text,
		.stream = logger->stream,
		.group = logger->group,
		.partition = logger->partition,
		.epoch = logger->epoch,
	};
	logger->fn(logger->arg, &event);
}

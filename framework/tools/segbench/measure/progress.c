#include "measure/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define ERASE "\r\033[K"

void bench_progress(const char *format, ...)
{
	bool terminal = isatty(STDERR_FILENO);
	va_list args;
	va_start(args, format);
	fputs(terminal ? ERASE "segbench: " : "segbench: ", stderr);
	vfprintf(stderr, format, args);
	if (!terminal)
		fputc('\n', stderr);
	va_end(args);
}

void bench_progress_clear(void)
{
	if (isatty(STDERR_FILENO))
		fputs(ERASE, stderr);
}

#include "chaos/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static int64_t began;

void chaos_progress(const char *what, size_t done, size_t all)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (!began)
		began = seg_now();
	fprintf(stderr, "\rchaos: %zu of %zu %s, %d s\033[K", done, all, what,
		(int)((seg_now() - began) / SEG_SECOND));
	fflush(stderr);
}

void chaos_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

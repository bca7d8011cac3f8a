#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "text.h"

#define DRAW_INTERVAL (SEG_SECOND / 5)

enum { BAR_WIDTH = 30 };

ctl_progress ctl_progress_start(const char *verb)
{
	return (ctl_progress){.verb = verb, .shown = isatty(STDERR_FILENO) == 1, .started = seg_now()};
}

void ctl_progress_draw(ctl_progress *progress, uint64_t count, double part)
{
	int64_t now = seg_now();
	char text[CTL_TEXT_MAX];
	if (!progress->shown || now - progress->drawn < DRAW_INTERVAL)
		return;
	progress->drawn = now;
	fputc('\r', stderr);
	if (part >= 0) {
		int full = (int)(part * BAR_WIDTH);
		fputc('[', stderr);
		for (int i = 0; i < BAR_WIDTH; i++)
			fputc(i < full ? '#' : '.', stderr);
		fprintf(stderr, "] %3.0f%%  ", part * 100);
	}
	double seconds = (double)(now - progress->started) / SEG_SECOND;
	fprintf(stderr, "%s %s, ", ctl_count_text(count, text), progress->verb);
	uint64_t rate = seconds > 0 ? (uint64_t)((double)count / seconds) : 0;
	fprintf(stderr, "%s/s\033[K", ctl_count_text(rate, text));
}

void ctl_progress_end(ctl_progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
}

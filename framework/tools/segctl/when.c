#include "when.h"

#include <sysexits.h>

#include "base/clock.h"
#include "base/units.h"
#include "batch.h"
#include "look/roster.h"

static void got_time(void *arg, size_t number, const seg_reply *reply)
{
	(void)number;
	*(double *)arg = seg_roster_time_ms(reply);
}

static int read_clock(ctl_context *context, double *now_ms)
{
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, got_time, now_ms, 0, "TIME", (char *)NULL);
	int exit_code = ctl_batch_run(batch, context->client, "read Redis's clock");
	ctl_batch_destroy(batch);
	return exit_code;
}

int ctl_when_read(ctl_context *context, const char *option, const char *text, seg_start *start)
{
	seg_error error;
	int64_t age;
	double now_ms = 0;
	if (seg_start_parse(text, start, &error) == 0)
		return EX_OK;
	if (seg_units_duration(text, &age, NULL) || age < 0)
		return ctl_complain(EX_USAGE, "--%s: %s; or an age (10min)", option, error.text);
	int exit_code = read_clock(context, &now_ms);
	double ms = now_ms - (double)age / SEG_MS;
	*start = (seg_start){.kind = SEG_START_TIME, .id = {ms > 0 ? (uint64_t)ms : 0, 0}};
	return exit_code;
}

int ctl_when_read_time(ctl_context *context, const char *option, const char *text, uint64_t *ms)
{
	seg_start start;
	int64_t age;
	bool is_start = seg_start_parse(text, &start, NULL) == 0;
	if (is_start ? start.kind != SEG_START_TIME : seg_units_duration(text, &age, NULL) || age < 0)
		return ctl_complain(EX_USAGE,
				    "--%s %.80s: write an age (2h) or a time (2026-11-23T13:00:00Z)", option,
				    text);
	int exit_code = ctl_when_read(context, option, text, &start);
	*ms = start.id.ms;
	return exit_code;
}

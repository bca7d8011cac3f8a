#include "doctor/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sysexits.h>

static const char *const level_names[] = {"ok", "warn", "fail"};

void seg_report_free(seg_report *report)
{
	free(report->list);
	*report = (seg_report){0};
}

static seg_finding *add(seg_report *report)
{
	if (report->count == report->room) {
		size_t room = report->room ? 2 * report->room : 32;
		seg_finding *list = realloc(report->list, room * sizeof(*list));
		if (!list) {
			report->incomplete = true;
			return NULL;
		}
		report->list = list;
		report->room = room;
	}
	return &report->list[report->count++];
}

__attribute__((format(printf, 3, 0))) static void write_text(char *text, size_t size, const char *format,
							     va_list args)
{
	vsnprintf(text, size, format, args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
}

__attribute__((format(printf, 5, 0))) static void find(seg_report *report, seg_finding_level level,
						       int exit_code, const char *check, const char *found,
						       va_list args)
{
	seg_finding *finding = add(report);
	if (!finding)
		return;
	*finding = (seg_finding){.level = level, .check = check, .exit_code = exit_code};
	write_text(finding->found, sizeof(finding->found), found, args);
}

void seg_report_ok(seg_report *report, const char *check, const char *found, ...)
{
	va_list args;
	va_start(args, found);
	find(report, SEG_FINDING_OK, EX_OK, check, found, args);
	va_end(args);
}

void seg_report_warn(seg_report *report, const char *check, const char *found, ...)
{
	va_list args;
	va_start(args, found);
	find(report, SEG_FINDING_WARN, EX_OK, check, found, args);
	va_end(args);
}

void seg_report_fail(seg_report *report, int exit_code, const char *check, const char *found, ...)
{
	va_list args;
	va_start(args, found);
	find(report, SEG_FINDING_FAIL, exit_code, check, found, args);
	va_end(args);
}

void seg_report_advise(seg_report *report, const char *advice, ...)
{
	if (report->count == 0 || report->incomplete)
		return;
	seg_finding *finding = &report->list[report->count - 1];
	va_list args;
	va_start(args, advice);
	write_text(finding->advice, sizeof(finding->advice), advice, args);
	va_end(args);
}

const char *seg_finding_level_name(seg_finding_level level)
{
	return level_names[level];
}

void seg_report_print(const seg_report *report, FILE *out)
{
	for (size_t i = 0; i < report->count; i++) {
		const seg_finding *f = &report->list[i];
		fprintf(out, "%-4s %-12s %s%s%s\n", level_names[f->level], f->check, f->found,
			*f->advice ? ": " : "", f->advice);
	}
}

int seg_report_exit_code(const seg_report *report)
{
	static const int order[] = {EX_UNAVAILABLE, EX_NOPERM, EX_CONFIG};
	if (report->incomplete)
		return EX_OSERR;
	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++)
		for (size_t i = 0; i < report->count; i++)
			if (report->list[i].level == SEG_FINDING_FAIL &&
			    report->list[i].exit_code == order[o])
				return order[o];
	return EX_OK;
}

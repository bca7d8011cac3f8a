/*
 * report.h - what the doctor found: one line for each check, and the exit code that follows. Memory only; one thread.
 */
#ifndef SEG_DOCTOR_REPORT_H
#define SEG_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum seg_finding_level {
	SEG_FINDING_OK,
	SEG_FINDING_WARN, /* usable, with a risk or a cost */
	SEG_FINDING_FAIL
} seg_finding_level;

typedef struct seg_finding {
	seg_finding_level level;
	const char *check; /* what was looked at: "persistence"; static */
	char found[512];   /* what is so; without a full stop */
	char advice[384];  /* what to do; "" where the level is ok */
	int exit_code;     /* of a failure, as sysexits(3) has it */
} seg_finding;

/* Zero it first. */
typedef struct seg_report {
	seg_finding *list;
	size_t count, room;
	bool incomplete; /* memory ran out: findings are missing */
} seg_report;

void seg_report_free(seg_report *report);

/* Each adds a finding. Control characters, which a server may have sent, become blanks. */
__attribute__((format(printf, 3, 4))) void seg_report_ok(seg_report *report, const char *check,
							 const char *found, ...);
__attribute__((format(printf, 3, 4))) void seg_report_warn(seg_report *report, const char *check,
							   const char *found, ...);
__attribute__((format(printf, 4, 5))) void seg_report_fail(seg_report *report, int exit_code,
							   const char *check, const char *found, ...);

/* Gives the newest finding its advice. */
__attribute__((format(printf, 2, 3))) void seg_report_advise(seg_report *report, const char *advice, ...);

/* "ok", "warn" or "fail". */
const char *seg_finding_level_name(seg_finding_level level);

/* Prints a line for each finding: "warn persistence  what is so: what to do". */
void seg_report_print(const seg_report *report, FILE *out);

/*
 * 0 if nothing failed. Else the failure that has to be mended first: EX_UNAVAILABLE (the server cannot be used), then
 * EX_NOPERM (a right is missing), then EX_CONFIG; EX_OSERR if memory ran out.
 */
int seg_report_exit_code(const seg_report *report);

#endif

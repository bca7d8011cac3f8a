/* complain.h - how segctl reports an error: one line on standard error, and an exit code. One thread. */
#ifndef CTL_COMPLAIN_H
#define CTL_COMPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include <segmenter/segmenter.h>

/* Exit codes besides those of sysexits(3): `lag` found a limit exceeded; the user declined, or live members or kept values stand against it. */
enum { CTL_EXIT_LIMIT = 1, CTL_EXIT_NOT_DONE = 1 };

/* The exit code for a seg_status. */
int ctl_exit_code(int status);

/* Prints "segctl: <the error>", and returns the error's exit code. */
int ctl_fail(const seg_error *error);

/* Prints "segctl: ...", and returns exit_code. */
__attribute__((format(printf, 2, 3))) int ctl_complain(int exit_code, const char *format, ...);

/*
 * Writes what was printed on standard output. EX_IOERR if that fails or has failed before: complains once, but not of a reader that has read
 * enough (`segctl ... | head`).
 */
int ctl_flush(void);

/* Prints "segctl: ..." on standard error in any case, and exits with exit_code. */
__attribute__((noreturn, format(printf, 2, 3))) void ctl_die(int exit_code, const char *format, ...);

/*
 * Redirects complaints into text, which the caller keeps; each one replaces the previous one, and is cut after size - 1
 * bytes. NULL: complaints go to standard error again.
 */
void ctl_complaints_to(char *text, size_t size);

/* Passes each complaint to `take`, until the next call of ctl_complaints_to. */
typedef void ctl_complaint_fn(void *arg, const char *text);
void ctl_complaints_pass(ctl_complaint_fn *take, void *arg);

/* Whether complaints go to standard error: what repeats an attempt keeps them. */
bool ctl_complaints_are_shown(void);

#endif

/*
 * context.h - what every command works with: the client, and how to print. One thread.
 *
 * Address and namespace come from the flags, else from the runner's configuration (-c FILE), else from
 * SEGMENTER_ADDRESS and SEGMENTER_NAMESPACE, else they are the library's defaults.
 */
#ifndef CTL_CONTEXT_H
#define CTL_CONTEXT_H

#include <stddef.h>

#include <segmenter/segmenter.h>

#include "option.h"

/* Exit codes beside those of sysexits(3). */
enum { CTL_EXIT_LIMIT = 1, CTL_EXIT_NOT_DONE = 1 };

typedef enum ctl_form { CTL_FORM_TABLE = 0, CTL_FORM_JSON = 1, CTL_FORM_CSV = 2 } ctl_form;

typedef struct ctl_context {
	seg_client *client;
	ctl_form form;
} ctl_context;

/* The options that every command takes. */
extern const ctl_option ctl_context_options[];

/* Whether --help was given. */
bool ctl_context_wants_help(void);
bool ctl_context_wants_version(void);

/* Connects as the options say. 0, or an exit code after one line on standard error. */
int ctl_context_open(ctl_context *context);
void ctl_context_close(ctl_context *context);

/* The exit code for a seg_status. */
int ctl_exit_code(int status);

/* Prints "segctl: <the error>", and returns the exit code for it. */
int ctl_fail(const seg_error *error);

/* Prints "segctl: ...", and returns the code. */
__attribute__((format(printf, 2, 3))) int ctl_complain(int exit_code, const char *format, ...);

/* From now on complaints are written there, cut to size, instead of printed; NULL: printed again. */
void ctl_complaints_to(char *text, size_t size);

/* The same, and exits. */
__attribute__((noreturn, format(printf, 2, 3))) void ctl_die(int exit_code, const char *format, ...);

/* Opens a stream; its error has been printed where it returns an exit code. */
int ctl_open_stream(ctl_context *context, const char *name, seg_stream **stream);

/* Sleeps. */
void ctl_pause(int64_t ns);

/* Memory, or the end of the program with EX_OSERR. */
void *ctl_allocate(size_t count, size_t size);
void *ctl_reallocate(void *memory, size_t count, size_t size);
char *ctl_copy(const char *text, size_t length);

#endif

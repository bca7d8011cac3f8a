/*
 * context.h - what every command works with: the client, and the form of the output. One thread.
 *
 * segctl takes the address and the namespace from the first of these that has them: the options, the runner's
 * configuration (-c FILE), without -c the environment (SEGMENTER_ADDRESS, SEGMENTER_NAMESPACE), the library's defaults. The login
 * at the Sentinels likewise (SEGMENTER_SENTINEL_USER, SEGMENTER_SENTINEL_PASSWORD_FILE). The login at Redis: --user and
 * --password-file, else with the address.
 */
#ifndef CTL_CONTEXT_H
#define CTL_CONTEXT_H

#include <stddef.h>

#include <segmenter/segmenter.h>

#include "complain.h"
#include "memory.h"
#include "option.h"

typedef enum ctl_form { CTL_FORM_TABLE = 0, CTL_FORM_JSON = 1, CTL_FORM_CSV = 2 } ctl_form;

typedef struct ctl_context {
	seg_client *client;
	ctl_form form;
	int64_t patience; /* of ctl_context_bound; 0: --timeout alone bounds */
	char *embedded; /* the directory of the configuration's embedded Redis, if the client is connected to it; else NULL */
} ctl_context;

/* The options that every command takes. */
extern const ctl_option ctl_context_options[];

/* Whether --help or --version was given. */
bool ctl_context_wants_help(void);
bool ctl_context_wants_version(void);

/* The form that the options ask for. */
ctl_form ctl_context_form(void);

/* Where the options say that segctl connects to. */
typedef struct ctl_target {
	seg_client_options options; /* borrows from the rest */
	bool embedded;              /* a configuration's embedded Redis */
	struct seg_config *config;  /* or NULL */
	char *made;                 /* the address of the embedded Redis, or NULL */
} ctl_target;

/*
 * connects: segctl is going to log in there, so --user needs --password-file. Ends segctl with one line on standard
 * error if that, or the configuration, is wrong. 0, or an exit code after one line on standard error: segrunner has
 * not made the embedded Redis's directory yet.
 */
int ctl_target_choose(ctl_target *target, bool connects);
void ctl_target_free(ctl_target *target);

/*
 * Connects as the options say. 0, or an exit code after one line on standard error. A closed context may be opened
 * again.
 */
int ctl_context_open(ctl_context *context);

/* From now on each call, and each attempt to connect, takes at most --timeout, and not longer than `patience`, in ns. */
void ctl_context_bound(ctl_context *context, int64_t patience);

void ctl_context_close(ctl_context *context);

/*
 * Checks the value of --partition, where a negative one stands for all partitions. 0, or an exit code after one line
 * on standard error.
 */
int ctl_check_partition(const seg_stream *stream, int64_t partition);

/* Sleeps for so many nanoseconds; a signal ends the sleep. */
void ctl_pause(int64_t ns);

#endif

/*
 * trial.h - `segrunner test`: gives the cases in a file to a handler, without Redis, and prints its answers.
 * Main thread.
 */
#ifndef SEG_PLUGIN_TRIAL_H
#define SEG_PLUGIN_TRIAL_H

#include <stdint.h>

/* How long a call of the plugin may take, unless the command line says otherwise; ns. */
#define SEG_PLUGIN_TRIAL_TIMEOUT ((int64_t)60 * 1000000000)

typedef struct seg_plugin_trial_options {
	int64_t timeout;     /* of a call of the plugin, ns; 0: no limit */
	const char *outputs; /* the streams that the handler may emit to, with commas between; NULL: none */
} seg_plugin_trial_options;

/*
 * Loads the plugin (a path, or a name as in a configuration) with `count` settings ("NAME=VALUE", which are
 * changed), and gives it each line of the file (case.h; "-": standard input) as a batch. Prints one line for
 * each answer at once, the lines of effect_print.h below it, and the plugin's log to standard error. Each partition has values, as they
 * would be kept in Redis, until the end of the file. Returns an exit code: 0; 1 if an answer is invalid or
 * not as expected; one of sysexits(3), with the reason on standard error, if the plugin or the file cannot be used, or
 * if the file has no cases. A call that takes longer than the timeout ends the process with EX_SOFTWARE.
 */
int seg_plugin_trial(const char *plugin, const char *file, const seg_plugin_trial_options *options,
		     char *const *settings, int count);

#endif

/*
 * trial.h - `segrunner test`: gives the cases in a file to a handler, without Redis, and prints its answers.
 * Main thread.
 */
#ifndef SEG_PLUGIN_TRIAL_H
#define SEG_PLUGIN_TRIAL_H

/*
 * Loads the plugin (a path, or a name as in a configuration) with `count` options ("NAME=VALUE", which are
 * changed), and gives it each line of the file (case.h; "-": standard input) as a batch. Prints one line for
 * each answer, and the plugin's log to standard error. Returns an exit code: 0; 1 if an answer is not as
 * expected; one of sysexits(3), with the reason on standard error, if the plugin or the file cannot be used.
 */
int seg_plugin_trial(const char *plugin, const char *file, char *const *options, int count);

#endif

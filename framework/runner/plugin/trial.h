/* trial.h - `segrunner test`: a handler is given cases from a file, without Redis, and shows its answers. */
#ifndef SEG_PLUGIN_TRIAL_H
#define SEG_PLUGIN_TRIAL_H

/*
 * Loads the plugin (a path, or a name as in a configuration), gives it the options ("NAME=VALUE", `count` of them), and
 * hands over each line of the file (plugin_case.h; "-" is standard input) as a batch. Prints an answer a line, and
 * the plugin's own log to standard error. Returns an exit code: 0; 1 where an answer is not as expected; of
 * sysexits(3) where the plugin or the file cannot be used, for a reason that was written to standard error.
 */
int seg_plugin_trial(const char *plugin, const char *file, char *const *options, int count);

#endif

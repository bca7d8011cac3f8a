/*
 * runner.h - a run of segrunner, from a loaded configuration to an exit code. Main thread.
 *
 * Start: log, plugins, the embedded Redis if the configuration asks for one, client, then each section. End: each member
 * drains its partitions and leaves its group. A second signal stops at once; so does the end of shutdown_timeout.
 */
#ifndef SEG_HOST_RUNNER_H
#define SEG_HOST_RUNNER_H

#include "config/config.h"

/*
 * Runs until a signal (SIGTERM, SIGINT) or a failure. Returns a sysexits(3) code, 0 after a clean stop. Logs what a person
 * has to know, or writes it to stderr before there is a log. Ends the process itself (_exit) where a thread does not
 * return.
 */
int seg_runner_run(const seg_config *config);

/* Loads each plugin and checks its options, but runs nothing. Adds what is wrong to errors. */
void seg_runner_check(const seg_config *config, seg_config_errors *errors);

#endif

/*
 * runner.h - segrunner itself, from a loaded configuration to an exit code. Main thread.
 *
 * Start: log, plugins, the embedded Redis if asked for, client, then each section. End: every member drains its
 * partitions and leaves; a second signal ends it at once; what does not end within shutdown_timeout is left behind.
 */
#ifndef SEG_HOST_RUNNER_H
#define SEG_HOST_RUNNER_H

#include "config/config.h"

/*
 * Runs until a signal (SIGTERM, SIGINT) or a failure. Returns a sysexits(3) code, 0 after a clean stop. What a
 * person has to know was logged, or, before there is a log, written to stderr.
 */
int seg_runner_run(const seg_config *config);

/*
 * Loads every plugin and checks its options without running anything; adds what is wrong to errors.
 */
void seg_runner_check(const seg_config *config, seg_config_errors *errors);

#endif

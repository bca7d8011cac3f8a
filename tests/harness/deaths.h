/* deaths.h - runners that a message kills, one after the other, until the message is a dead letter. What fails here fails the test. */
#ifndef TEST_HARNESS_DEATHS_H
#define TEST_HARNESS_DEATHS_H

#include "harness/runner.h"

/* Waits until the runner has died by a signal, or the group has a dead letter. Returns whether it has died, and then it has ended. */
bool test_runner_dies(test_runner *runner, const char *address, const char *stream, const char *group);

#endif

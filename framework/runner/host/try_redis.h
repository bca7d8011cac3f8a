/* try_redis.h - `segrunner --check --connect`: tries the Redis of a configuration. Main thread. */
#ifndef SEG_HOST_TRY_REDIS_H
#define SEG_HOST_TRY_REDIS_H

#include <stdio.h>

#include "config/config.h"

/*
 * Tries the server, the rights of its user, and each section's stream and group, and prints a line for each finding.
 * Changes nothing. Returns a sysexits(3) code, 0 if nothing failed.
 */
int seg_runner_try_redis(const seg_config *config, FILE *out);

#endif

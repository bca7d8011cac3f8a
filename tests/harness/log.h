/*
 * log.h - what lies in a partition's log, read with plain XRANGE, for comparing with what was sent.
 *
 * Records that tests send for it have data of the form "<key>:<number>", numbers of a key rising from 0.
 */
#ifndef TEST_HARNESS_LOG_H
#define TEST_HARNESS_LOG_H

#include <stdint.h>

#include "harness/server.h"

/*
 * How many entries all logs of a stream in namespace "default" hold; fails the test where a field is
 * missing.
 */
long test_log_count(const test_server *server, const char *stream, uint32_t partitions);

/*
 * Checks that for each of `keys` keys ("k0", "k1", ...) the numbers 0 to count[key] - 1 are there exactly
 * once and in order. may_miss: numbers may be missing (their fate was unknown or refused), but none twice
 * and none out of order. Returns how many there are. Fails the test otherwise.
 */
long test_log_check(const test_server *server, const char *stream, uint32_t partitions, int keys,
		    const long *count, bool may_miss);

#endif

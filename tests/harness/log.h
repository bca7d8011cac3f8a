/*
 * log.h - reads a partition's log with plain XRANGE, to compare it with the records that were sent.
 *
 * The tests' records have data of the form "<key>:<number>"; the numbers of a key rise from 0.
 */
#ifndef TEST_HARNESS_LOG_H
#define TEST_HARNESS_LOG_H

#include <stdint.h>

#include "harness/server.h"

/*
 * How many entries all logs of a stream in namespace "default" hold; fails the test if an entry lacks a
 * field.
 */
long test_log_count(const test_server *server, const char *stream, uint32_t partitions);

/*
 * Checks that for each of `keys` keys ("k0", "k1", ...) the log has the numbers 0 to count[key] - 1 exactly
 * once and in order; fails the test otherwise. may_miss: numbers may be missing (refused, or of unknown
 * fate), but none may come twice or out of order. Returns how many numbers the log has.
 */
long test_log_check(const test_server *server, const char *stream, uint32_t partitions, int keys,
		    const long *count, bool may_miss);

#endif

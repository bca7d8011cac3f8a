/* range.h - checks that an option's value is within its range. Pure; any thread. */
#ifndef SEG_BASE_RANGE_H
#define SEG_BASE_RANGE_H

#include <stdint.h>

#include <segmenter/segmenter.h>

/*
 * Checks low <= value <= high. Returns 0, or SEG_EINVAL with a sentence that gives `name`, the value and the
 * range: "capacity is 0; it must be 1 to 1000".
 */
int seg_range_check(const char *name, uint64_t value, uint64_t low, uint64_t high, seg_error *error);

#endif

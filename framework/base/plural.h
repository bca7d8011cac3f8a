/* plural.h - words that agree with a count. Pure; any thread. */
#ifndef SEG_BASE_PLURAL_H
#define SEG_BASE_PLURAL_H

#include <stdint.h>

/* The end of a noun: "1 message", "2 messages". */
static inline const char *seg_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* The end of its verb: "1 message waits", "2 messages wait". */
static inline const char *seg_verb_ending(uint64_t count)
{
	return count == 1 ? "s" : "";
}

#endif

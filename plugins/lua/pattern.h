/*
 * pattern.h - how many steps Lua takes to match a pattern.
 *
 * Lua's matcher tries again from each earlier choice, so a pattern with a few `.-` or `.*` can take hours for a text of a few
 * kilobytes, and no hook interrupts it. This goes through the same steps first, counts them, and stops at a limit. It knows
 * nothing of what is captured for the script: Lua itself makes the match then.
 *
 * Pure; any thread.
 */
#ifndef PLUGINS_LUA_PATTERN_H
#define PLUGINS_LUA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pattern_search {
	const char *text;
	size_t length;
	size_t from; /* the index in the text to begin at, at most length */
	const char *pattern;
	size_t pattern_length;
	bool anchor;      /* a ^ at the pattern's beginning is an anchor: not in gmatch */
	uint64_t matches; /* how many matches are looked for: 1 in find and match */
} pattern_search;

/*
 * The steps of the search, each about as long as an instruction of Lua. More than `most` if there are more than that. A
 * pattern that is malformed, or too complex, costs little: Lua refuses it.
 */
uint64_t pattern_steps(const pattern_search *search, uint64_t most);

#endif

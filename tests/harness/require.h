/* require.h - what must hold in a fuzzer. */
#ifndef TEST_HARNESS_REQUIRE_H
#define TEST_HARNESS_REQUIRE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

#endif

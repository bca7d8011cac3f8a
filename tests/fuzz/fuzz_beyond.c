/*
 * fuzz_beyond.c - any bytes as the text of what is done beyond a position: reading it must stay within its bounds; and what is read
 * must be the same once it was written and read again.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partition/beyond_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const seg_beyond *a, const seg_beyond *b)
{
	return seg_id_compare(a->frontier, b->frontier) == 0 && a->count == b->count &&
	       a->hole_count == b->hole_count &&
	       (a->hole_count == 0 || memcmp(a->holes, b->holes, a->hole_count * sizeof(*a->holes)) == 0);
}

static void fail(const char *why)
{
	fprintf(stderr, "%s\n", why);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const seg_id position = {5, 1};
	seg_beyond read = {0}, again = {0};
	int status = seg_beyond_decode(&read, position, (const char *)data, size);
	if (status && !seg_beyond_is_empty(&read))
		fail("a malformed text left something");
	if (status == 0) {
		seg_beyond_text written = {0};
		const char *text = seg_beyond_text_write(&written, &read, position, 0);
		if (seg_beyond_decode(&again, position, text, written.length) || !same(&read, &again))
			fail("written and read again, it is another set");
		seg_beyond_text_fini(&written);
		if (!seg_beyond_has(&read, read.frontier))
			fail("the frontier is not done");
		for (size_t i = 0; i < read.hole_count; i++)
			if (seg_beyond_has(&read, read.holes[i].first) ||
			    seg_beyond_has(&read, read.holes[i].last))
				fail("a message in a hole is done");
	}
	seg_beyond_fini(&read);
	seg_beyond_fini(&again);
	return 0;
}

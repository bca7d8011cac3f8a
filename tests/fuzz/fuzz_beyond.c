/*
 * fuzz_beyond.c - any bytes as the text of what is done beyond a position: reading it must stay within its bounds; and what is read
 * must be the same once it was written and read again.
 */
#include <stdint.h>
#include <string.h>

#include "harness/require.h"
#include "partition/beyond_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const seg_beyond *a, const seg_beyond *b)
{
	return seg_id_compare(a->frontier, b->frontier) == 0 && a->count == b->count &&
	       a->hole_count == b->hole_count &&
	       (a->hole_count == 0 || memcmp(a->holes, b->holes, a->hole_count * sizeof(*a->holes)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const seg_id position = {5, 1};
	seg_beyond read = {0}, again = {0};
	int status = seg_beyond_decode(&read, position, (const char *)data, size);
	require(status == 0 || seg_beyond_is_empty(&read), "a malformed text left something");
	if (status == 0) {
		seg_beyond_text written = {0};
		const char *text = seg_beyond_text_write(&written, &read, position, 0);
		require(seg_beyond_decode(&again, position, text, written.length) == 0 && same(&read, &again),
			"written and read again, it is another set");
		seg_beyond_text_fini(&written);
		require(seg_beyond_has(&read, read.frontier), "the frontier is not done");
		for (size_t i = 0; i < read.hole_count; i++)
			require(!seg_beyond_has(&read, read.holes[i].first) &&
					!seg_beyond_has(&read, read.holes[i].last),
				"a message in a hole is done");
	}
	seg_beyond_fini(&read);
	seg_beyond_fini(&again);
	return 0;
}

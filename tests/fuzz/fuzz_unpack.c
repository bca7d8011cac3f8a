/*
 * fuzz_unpack.c - any bytes as the value of a packed entry: unpacking must stay within the value's bounds, and within the
 * memory that an entry may need.
 */
#include <stdint.h>

#include "harness/require.h"
#include "stream/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	/* The first byte chooses how the value is compressed, if it is, and the limit. */
	const seg_packing packing = data[0] & 0x80  ? SEG_PACKING_ZSTD
				    : data[0] & 0x1 ? SEG_PACKING_LZ4
						    : SEG_PACKING_ON;
	const size_t step = 64, steps = (data[0] & 0x7f) >> 1, limit = steps ? steps * step : SEG_ENTRY_LIMIT;
	seg_arena arena;
	seg_arena_init(&arena, 4096);
	seg_unpacker u;
	seg_message m;
	size_t sum = 0;
	int status = seg_unpacker_begin(&u, packing, (const char *)data + 1, size - 1, limit, &arena);
	for (size_t n = status == 0 ? u.records : 0; status == 0 && n > 0; n--) {
		status = seg_unpacker_next(&u, &m);
		for (size_t i = 0; status == 0 && i < m.data_length; i++)
			sum += ((const uint8_t *)m.data)[i];
		for (size_t i = 0; status == 0 && i < m.header_count; i++)
			sum += m.headers[i].name_length + m.headers[i].value_length;
	}
	/* Each piece is rounded up: one for the text, one for each record's headers. */
	require(arena.used <= limit + 16 * (SEG_PACK_RECORDS_MAX + (size_t)1),
		"more memory than the entry may need");
	seg_arena_fini(&arena);
	/* Uses the sum, so that the compiler keeps the reads above. */
	return sum == SIZE_MAX;
}

/*
 * payload.h - what is in the records that are sent: the same bytes over and over, or JSON objects as an
 * application might log them, with a part that no compression can take away.
 */
#ifndef SEGBENCH_MEASURE_PAYLOAD_H
#define SEGBENCH_MEASURE_PAYLOAD_H

#include <stdint.h>

typedef enum bench_payload {
	PAYLOAD_CONSTANT, /* 'x' */
	/*
	 * {"id":"...","user":...,"event":"...","ok":true,"source":"web","note":"xxx"}. The id is 20 random
	 * characters of 64, the user 6 random digits, the event one of eight words: 143 bits of a record cannot
	 * be compressed, 18 bytes of the 100.
	 */
	PAYLOAD_JSON,
} bench_payload;

/* So many records differ, over the partitions in turn: with up to 64 of them, more of each than an entry of a
 * packed stream holds. */
enum { PAYLOAD_RECORDS = 65536 };

/* Static text. */
const char *bench_payload_name(bench_payload payload);

/* Writes the record of that number: `size` bytes, the same for the same number, and no NUL. */
void bench_payload_write(bench_payload payload, uint64_t number, char *data, uint32_t size);

#endif

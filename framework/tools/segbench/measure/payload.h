/*
 * payload.h - the content of the records that segbench sends: the same bytes in each record, or JSON objects
 * as an application might log them. A part of each JSON object is random and does not compress.
 */
#ifndef SEGBENCH_MEASURE_PAYLOAD_H
#define SEGBENCH_MEASURE_PAYLOAD_H

#include <stdint.h>

typedef enum bench_payload {
	PAYLOAD_CONSTANT, /* each byte is 'x' */
	/*
	 * {"id":"...","user":...,"event":"...","ok":true,"source":"web","note":"xxx"}. The id is 20 random
	 * characters of 64, the user 6 random digits, the event one of eight words: 143 bits of a record, 18
	 * of its 100 bytes, cannot be compressed.
	 */
	PAYLOAD_JSON,
} bench_payload;

/*
 * The number of different records. The records go to the partitions in turn. With up to 64 partitions, each
 * partition gets more different records than an entry of a packed stream holds.
 */
enum { PAYLOAD_RECORDS = 65536 };

/* The name for the report; static text. */
const char *bench_payload_name(bench_payload payload);

/* Writes record `number`: `size` bytes without a NUL. The same number gives the same bytes. */
void bench_payload_write(bench_payload payload, uint64_t number, char *data, uint32_t size);

#endif

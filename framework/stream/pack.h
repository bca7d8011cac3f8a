/*
 * pack.h - several records in one entry of a log, for streams with packing.
 *
 * The entry's first field is `packed`, or `packed-lz4`; its value:
 *
 *     packed       records, then for each of them: key, data, headers, and for each header: name, value
 *     packed-lz4   the length of what follows when it is uncompressed; the same as one LZ4 block
 *
 * Numbers are varints (LEB128); a text is its length, its bytes, and a NUL that does not count. The entry's second field,
 * `from`, says how many records were added to the partition before.
 *
 * The entry's id is the id of its last record; those before have the sequence numbers just below it. So every record has an
 * id of its own, and a position may lie within an entry. Pure; any thread.
 */
#ifndef SEG_STREAM_PACK_H
#define SEG_STREAM_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include <segmenter/segmenter.h>

#include "base/arena.h"

#define SEG_FIELD_PACKED "packed"
#define SEG_FIELD_PACKED_LZ4 "packed-lz4"
#define SEG_FIELD_FROM "from"

/* The most records of an entry, and bytes of its value uncompressed. */
#define SEG_PACK_RECORDS_MAX 65536
#define SEG_PACK_BYTES_MAX ((size_t)1 << 30)

/* Whether this build has that packing: LZ4 may have been left out. */
bool seg_packing_supported(seg_packing packing);

/* Puts records together. Zero at first; its memory is kept from entry to entry. */
typedef struct seg_packer {
	char *bytes; /* the records, with room for their number before them */
	size_t length, room;
	char *packed;
	size_t packed_room;
	size_t records;
} seg_packer;

void seg_packer_fini(seg_packer *packer);

/* Begins an entry. */
void seg_packer_begin(seg_packer *packer);

/* Adds a copy of a record; false if out of memory. */
bool seg_packer_add(seg_packer *packer, const seg_record *record);

typedef struct seg_packed {
	const char *field;
	const char *value; /* the packer's, until its next entry */
	size_t length;
} seg_packed;

/* The entry; false if out of memory. */
bool seg_packer_finish(seg_packer *packer, seg_packing packing, seg_packed *packed);

/* Reads an entry's value, record by record. */
typedef struct seg_unpacker {
	const char *at, *end;
	size_t records; /* left */
	seg_arena *arena;
} seg_unpacker;

/*
 * Begins; with the field packed-lz4 the bytes are uncompressed into the arena. 0, SEG_EPROTOCOL if that is no such value, or
 * SEG_ENOMEM. The value must live as long as what is read.
 */
int seg_unpacker_begin(seg_unpacker *unpacker, bool lz4, const char *value, size_t length, seg_arena *arena);

/* The next record, into all of *message but its id; its headers' structs are the arena's. As above. */
int seg_unpacker_next(seg_unpacker *unpacker, seg_message *message);

#endif

/*
 * pack.h - packs several records into one entry of a log, for streams with packing, and unpacks them.
 *
 * The entry's first field is `packed`, `packed-lz4` or `packed-zstd`; its value:
 *
 *     packed        records, then for each of them: key, data, headers, and for each header: name, value
 *     packed-lz4    the length of the uncompressed value, then that value as one LZ4 block
 *     packed-zstd   the same, as one frame of zstd that also says its length
 *
 * Readers go by the field, not by the stream's packing: a stream may hold entries of each kind.
 *
 * Numbers are varints (LEB128). A text is its length, its bytes, and a NUL that the length does not count.
 * The entry's second field, `from`, is the number of records that were added to the partition before this
 * entry.
 *
 * The entry's id is the id of its last record; the records before it have the sequence numbers just below. So
 * every record has an id of its own, and a position can lie within an entry. Pure; any thread.
 */
#ifndef SEG_STREAM_PACK_H
#define SEG_STREAM_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include <segmenter/segmenter.h>

#include "base/arena.h"

#define SEG_FIELD_PACKED "packed"
#define SEG_FIELD_PACKED_LZ4 "packed-lz4"
#define SEG_FIELD_PACKED_ZSTD "packed-zstd"
#define SEG_FIELD_FROM "from"

/* The most records of an entry, and bytes of its value uncompressed. */
#define SEG_PACK_RECORDS_MAX 65536
#define SEG_PACK_BYTES_MAX ((size_t)1 << 30)

/* The bytes that an entry may need in memory, unless an option says otherwise. */
#define SEG_ENTRY_LIMIT ((size_t)64 << 20)

/* How an entry is packed whose first field has this name; SEG_PACKING_OFF: it is not. */
seg_packing seg_packing_of_field(const char *name, size_t length);

/* Packs records. Start with a zeroed struct; its memory is kept from entry to entry. */
typedef struct seg_packer {
	char *bytes; /* the records, with room before them for their number */
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

/*
 * Finishes the entry; false if out of memory. `level` is of zstd: SEG_LEVEL_MIN to SEG_LEVEL_MAX (compression.h), 0 for
 * the default.
 */
bool seg_packer_finish(seg_packer *packer, seg_packing packing, int level, seg_packed *packed);

/* Reads an entry's value, record by record. */
typedef struct seg_unpacker {
	const char *at, *end;
	size_t records; /* left */
	size_t room;    /* bytes that the rest of the entry may still allocate */
	seg_arena *arena;
} seg_unpacker;

/*
 * Begins to unpack a value of a field that seg_packing_of_field knows; decompresses it into the arena if it is compressed. 0,
 * SEG_EPROTOCOL if the value is malformed or this build cannot decompress it, SEG_ETOOBIG if the entry needs more than `limit` bytes, or SEG_ENOMEM. Looks at the sizes before it
 * allocates. The value must live as long as the messages that are read from it.
 */
int seg_unpacker_begin(seg_unpacker *unpacker, seg_packing packing, const char *value, size_t length,
		       size_t limit, seg_arena *arena);

/*
 * Reads the next record into *message, except its id. The structs of its headers are in the arena. Returns
 * the same statuses.
 */
int seg_unpacker_next(seg_unpacker *unpacker, seg_message *message);

#endif

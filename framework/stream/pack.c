#include "stream/pack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/compression.h"
#include "stream/record.h"

enum { VARINT_MAX = 10, FIRST_ROOM = 16 * 1024 };

static const struct {
	seg_packing packing;
	const char *name;
	size_t length;
} fields[] = {
	{SEG_PACKING_ON, SEG_FIELD_PACKED, sizeof(SEG_FIELD_PACKED) - 1},
	{SEG_PACKING_LZ4, SEG_FIELD_PACKED_LZ4, sizeof(SEG_FIELD_PACKED_LZ4) - 1},
	{SEG_PACKING_ZSTD, SEG_FIELD_PACKED_ZSTD, sizeof(SEG_FIELD_PACKED_ZSTD) - 1},
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

seg_packing seg_packing_of_field(const char *name, size_t length)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (length == fields[i].length && memcmp(name, fields[i].name, length) == 0)
			return fields[i].packing;
	return SEG_PACKING_OFF;
}

static const char *field_of(seg_packing packing)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].packing == packing)
			return fields[i].name;
	return NULL;
}

/* --- packing --------------------------------------------------------------------------- */

static char *put_number(char *to, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*to++ = (char)(number | 0x80);
	*to++ = (char)number;
	return to;
}

static char *put_text(char *to, const void *text, size_t length)
{
	to = put_number(to, length);
	if (length)
		memcpy(to, text, length);
	to[length] = '\0';
	return to + length + 1;
}

static bool make_room(char **bytes, size_t *room, size_t wanted)
{
	if (wanted <= *room)
		return true;
	size_t more = *room ? *room : FIRST_ROOM;
	while (more < wanted)
		more *= 2;
	char *grown = realloc(*bytes, more);
	if (!grown)
		return false;
	*bytes = grown;
	*room = more;
	return true;
}

void seg_packer_fini(seg_packer *packer)
{
	free(packer->bytes);
	free(packer->packed);
	*packer = (seg_packer){0};
}

void seg_packer_begin(seg_packer *packer)
{
	packer->length = VARINT_MAX; /* seg_packer_finish writes the number of records right before them */
	packer->records = 0;
}

bool seg_packer_add(seg_packer *packer, const seg_record *record)
{
	size_t texts = 2 + 2 * record->header_count;
	size_t most = seg_record_bytes(record) + texts * (VARINT_MAX + 1) + VARINT_MAX;
	if (!make_room(&packer->bytes, &packer->room, packer->length + most))
		return false;
	char *to = packer->bytes + packer->length;
	to = put_text(to, record->key, record->key_length);
	to = put_text(to, record->data, record->data_length);
	to = put_number(to, record->header_count);
	for (size_t i = 0; i < record->header_count; i++) {
		to = put_text(to, record->headers[i].name, record->headers[i].name_length);
		to = put_text(to, record->headers[i].value, record->headers[i].value_length);
	}
	packer->length = (size_t)(to - packer->bytes);
	packer->records++;
	return true;
}

static bool compress(seg_packer *packer, seg_packing packing, int level, const char *value, size_t length,
		     seg_packed *packed)
{
	size_t most = seg_compression_bound(packing, length);
	if (most == 0 || !make_room(&packer->packed, &packer->packed_room, VARINT_MAX + most))
		return false;
	char *to = put_number(packer->packed, length);
	size_t size = seg_compress(packing, level, value, length, to);
	*packed = (seg_packed){field_of(packing), packer->packed, (size_t)(to - packer->packed) + size};
	return size > 0;
}

bool seg_packer_finish(seg_packer *packer, seg_packing packing, int level, seg_packed *packed)
{
	char number[VARINT_MAX];
	size_t digits = (size_t)(put_number(number, packer->records) - number);
	if (!make_room(&packer->bytes, &packer->room, packer->length))
		return false;
	char *value = packer->bytes + VARINT_MAX - digits;
	size_t length = packer->length - VARINT_MAX + digits;
	memcpy(value, number, digits);
	if (packing != SEG_PACKING_ON)
		return compress(packer, packing, level, value, length, packed);
	*packed = (seg_packed){field_of(packing), value, length};
	return true;
}

/* --- unpacking ------------------------------------------------------------------------- */

static bool get_number(seg_unpacker *u, uint64_t *number)
{
	*number = 0;
	for (unsigned shift = 0; u->at < u->end && shift < 64; shift += 7) {
		uint64_t digit = (unsigned char)*u->at++;
		*number |= (digit & 0x7f) << shift;
		if (digit < 0x80)
			return shift < 63 || digit <= 1;
	}
	return false;
}

static bool get_text(seg_unpacker *u, const void *text, size_t *length)
{
	uint64_t number;
	if (!get_number(u, &number) || number >= (uint64_t)(u->end - u->at) || u->at[number] != '\0')
		return false;
	memcpy((void *)(uintptr_t)text, &(const char *){u->at}, sizeof(const char *));
	*length = (size_t)number;
	u->at += number + 1;
	return true;
}

static int decompress(seg_unpacker *u, seg_packing packing)
{
	uint64_t length;
	if (!get_number(u, &length) || length > SEG_PACK_BYTES_MAX ||
	    !seg_compression_can_expand(packing, (size_t)(u->end - u->at), (size_t)length))
		return SEG_EPROTOCOL;
	if (length > u->room)
		return SEG_ETOOBIG;
	char *bytes = seg_arena_alloc(u->arena, (size_t)length);
	if (!bytes)
		return SEG_ENOMEM;
	u->room -= (size_t)length;
	int status = seg_decompress(packing, u->at, (size_t)(u->end - u->at), bytes, (size_t)length);
	u->at = bytes;
	u->end = bytes + length;
	return status;
}

int seg_unpacker_begin(seg_unpacker *u, seg_packing packing, const char *value, size_t length, size_t limit,
		       seg_arena *arena)
{
	uint64_t records;
	*u = (seg_unpacker){.at = value, .end = value + length, .room = limit, .arena = arena};
	int status = packing == SEG_PACKING_ON ? 0 : decompress(u, packing);
	if (status)
		return status;
	if (!get_number(u, &records) || records < 1 || records > SEG_PACK_RECORDS_MAX)
		return SEG_EPROTOCOL;
	u->records = (size_t)records;
	return 0;
}

static int get_headers(seg_unpacker *u, seg_message *message, size_t count)
{
	if (count * sizeof(seg_header) > u->room)
		return SEG_ETOOBIG;
	seg_header *headers = seg_arena_alloc(u->arena, count * sizeof(*headers));
	if (!headers)
		return SEG_ENOMEM;
	u->room -= count * sizeof(*headers);
	for (size_t i = 0; i < count; i++)
		if (!get_text(u, &headers[i].name, &headers[i].name_length) ||
		    !get_text(u, &headers[i].value, &headers[i].value_length))
			return SEG_EPROTOCOL;
	message->headers = headers;
	message->header_count = count;
	return 0;
}

int seg_unpacker_next(seg_unpacker *u, seg_message *message)
{
	uint64_t headers;
	if (!get_text(u, &message->key, &message->key_length) ||
	    !get_text(u, &message->data, &message->data_length) || !get_number(u, &headers) ||
	    headers > SEG_HEADERS_MAX)
		return SEG_EPROTOCOL;
	message->headers = NULL;
	message->header_count = 0;
	int status = headers ? get_headers(u, message, (size_t)headers) : 0;
	u->records--;
	if (status == 0 && u->records == 0 && u->at != u->end)
		return SEG_EPROTOCOL;
	return status;
}

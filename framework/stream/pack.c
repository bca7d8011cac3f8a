#include "stream/pack.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef SEG_HAVE_LZ4
#include <lz4.h>
#endif

#include "stream/record.h"

enum { VARINT_MAX = 10, FIRST_ROOM = 16 * 1024 };

bool seg_packing_supported(seg_packing packing)
{
#ifdef SEG_HAVE_LZ4
	return packing <= SEG_PACKING_LZ4;
#else
	return packing <= SEG_PACKING_ON;
#endif
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

static bool compress(seg_packer *packer, const char *value, size_t length, seg_packed *packed)
{
#ifdef SEG_HAVE_LZ4
	if (length > LZ4_MAX_INPUT_SIZE)
		return false;
	int most = LZ4_compressBound((int)length);
	if (!make_room(&packer->packed, &packer->packed_room, VARINT_MAX + (size_t)most))
		return false;
	char *to = put_number(packer->packed, length);
	int size = LZ4_compress_default(value, to, (int)length, most);
	*packed = (seg_packed){SEG_FIELD_PACKED_LZ4, packer->packed,
			       (size_t)(to - packer->packed) + (size_t)size};
	return size > 0;
#else
	(void)packer, (void)value, (void)length, (void)packed;
	return false;
#endif
}

bool seg_packer_finish(seg_packer *packer, seg_packing packing, seg_packed *packed)
{
	char number[VARINT_MAX];
	size_t digits = (size_t)(put_number(number, packer->records) - number);
	if (!make_room(&packer->bytes, &packer->room, packer->length))
		return false;
	char *value = packer->bytes + VARINT_MAX - digits;
	size_t length = packer->length - VARINT_MAX + digits;
	memcpy(value, number, digits);
	if (packing == SEG_PACKING_LZ4)
		return compress(packer, value, length, packed);
	*packed = (seg_packed){SEG_FIELD_PACKED, value, length};
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

static int decompress(seg_unpacker *u)
{
#ifdef SEG_HAVE_LZ4
	uint64_t length;
	if (!get_number(u, &length) || length > SEG_PACK_BYTES_MAX || u->end - u->at > INT_MAX)
		return SEG_EPROTOCOL;
	/*
	 * LZ4 expands a byte to at most 255 (its block format): a larger length is wrong, and must not cost
	 * memory.
	 */
	if (length / 255 > (uint64_t)(u->end - u->at))
		return SEG_EPROTOCOL;
	if (length > u->room)
		return SEG_ETOOBIG;
	char *bytes = seg_arena_alloc(u->arena, (size_t)length);
	if (!bytes)
		return SEG_ENOMEM;
	u->room -= (size_t)length;
	int size = LZ4_decompress_safe(u->at, bytes, (int)(u->end - u->at), (int)length);
	if (size < 0 || (uint64_t)size != length)
		return SEG_EPROTOCOL;
	u->at = bytes;
	u->end = bytes + length;
	return 0;
#else
	(void)u;
	return SEG_EPROTOCOL;
#endif
}

int seg_unpacker_begin(seg_unpacker *u, bool lz4, const char *value, size_t length, size_t limit,
		       seg_arena *arena)
{
	uint64_t records;
	*u = (seg_unpacker){.at = value, .end = value + length, .room = limit, .arena = arena};
	int status = lz4 ? decompress(u) : 0;
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

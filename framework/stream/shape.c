#include "stream/shape.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/range.h"
#include "stream/compression.h"
#include "stream/spelling.h"

#define PARTITIONS_MAX 65536
#define PARTITION_SIZE_MAX ((uint64_t)1 << 40)

int seg_shape_check(const seg_stream_shape *shape, seg_error *error)
{
	if (!shape)
		return seg_fail(error, SEG_EINVAL, "the shape is NULL");
	int status = seg_range_check("partitions", shape->partitions, 1, PARTITIONS_MAX, error);
	if (status == 0)
		status = seg_range_check("partition_size", shape->partition_size, 1, PARTITION_SIZE_MAX,
					 error);
	if (status == 0 && !seg_spelling_name(seg_overflow_names, (int)shape->overflow))
		status =
			seg_fail(error, SEG_EINVAL,
				 "overflow is %d; it must be SEG_OVERFLOW_REJECT or SEG_OVERFLOW_DROP_OLDEST",
				 (int)shape->overflow);
	if (status == 0 && !seg_spelling_name(seg_packing_names, (int)shape->packing))
		status = seg_fail(
			error, SEG_EINVAL,
			"packing is %d; it must be SEG_PACKING_OFF, SEG_PACKING_ON, SEG_PACKING_LZ4 or SEG_PACKING_ZSTD",
			(int)shape->packing);
	return status;
}

int seg_shape_check_packing(const seg_stream_shape *shape, const char *name, seg_error *error)
{
	if (seg_packing_supported(shape->packing))
		return 0;
	return seg_fail(
		error, SEG_ESERVER,
		"stream \"%s\" has packing %s, but this library was built without %s; install %s and rebuild",
		name, seg_packing_names[shape->packing], seg_compression_library(shape->packing),
		seg_compression_package(shape->packing));
}

/* --- what is kept in Redis -------------------------------------------------- */

/* The format of what is kept in Redis: raised when an older library can no longer use the stream. */
enum {
	VERSION = 3,
	VERSION_PACKED = 2,  /* without zstd, so that a library from before it can use it */
	VERSION_UNPACKED = 1 /* without packing, likewise */
};

int seg_shape_version(const seg_stream_shape *shape)
{
	switch (shape->packing) {
	case SEG_PACKING_OFF:
		return VERSION_UNPACKED;
	case SEG_PACKING_ON:
	case SEG_PACKING_LZ4:
		return VERSION_PACKED;
	case SEG_PACKING_ZSTD:
		break;
	}
	return VERSION;
}

/* The value that a reply names; -1 if it is no text, or no name of the table. */
static int read_name(const char *const *names, const seg_reply *reply)
{
	if (!reply || reply->type != SEG_REPLY_TEXT)
		return -1;
	return seg_spelling_value(names, reply->text, reply->length);
}

enum { SHAPE_FIELDS = 5 };

/* Reads SHAPE_FIELDS elements: partitions, partition_size, overflow, version, packing. */
static void read_shape(const seg_reply *reply, size_t first, seg_stored_shape *stored)
{
	int64_t partitions = seg_reply_number(seg_reply_at(reply, first), 0);
	int64_t size = seg_reply_number(seg_reply_at(reply, first + 1), 0);
	stored->version = seg_reply_number(seg_reply_at(reply, first + 3), 0);
	for (size_t i = first; !stored->found && i < first + SHAPE_FIELDS; i++)
		stored->found = seg_reply_at(reply, i) && seg_reply_at(reply, i)->type != SEG_REPLY_NIL;
	stored->readable = partitions >= 1 && partitions <= PARTITIONS_MAX && size >= 1 &&
			   (uint64_t)size <= PARTITION_SIZE_MAX;
	int overflow = read_name(seg_overflow_names, seg_reply_at(reply, first + 2));
	/* Streams registered before there was packing say nothing of it. */
	const seg_reply *packing_name = seg_reply_at(reply, first + 4);
	bool packs = packing_name && packing_name->type != SEG_REPLY_NIL;
	int packing = packs ? read_name(seg_packing_names, packing_name) : SEG_PACKING_OFF;
	stored->readable &= overflow >= 0 && packing >= 0;
	stored->shape.overflow = (seg_overflow)(overflow < 0 ? 0 : overflow);
	stored->shape.packing = (seg_packing)(packing < 0 ? 0 : packing);
	stored->shape.partitions = (uint32_t)partitions;
	stored->shape.partition_size = (uint64_t)size;
}

void seg_stored_shape_registered(void *arg, const seg_reply *reply)
{
	if (seg_reply_is(seg_reply_at(reply, 0), "OK"))
		read_shape(reply, 1, arg);
}

void seg_stored_shape_read(void *arg, const seg_reply *reply)
{
	seg_stored_shape *stored = arg;
	stored->found = false;
	read_shape(reply, 0, stored);
	/* HMGET always has an element for each field: anything else says nothing about the stream. */
	stored->found |= !reply || reply->type != SEG_REPLY_ARRAY || reply->count != SHAPE_FIELDS;
}

int seg_stored_shape_check(const seg_stored_shape *stored, const char *name, const char *key,
			   seg_error *error)
{
	/* First: a newer version may write what this one cannot read. */
	if (stored->version > VERSION)
		return seg_fail(
			error, SEG_ESERVER,
			"stream \"%s\" was registered by a newer version of this library (format %" PRId64
			"; this version knows formats up to %d); upgrade this program",
			name, stored->version, VERSION);
	if (!stored->readable)
		return seg_fail(
			error, SEG_EPROTOCOL,
			"the key %s of stream \"%s\" does not hold a shape (a hash with partitions, "
			"partition_size, overflow and version); find the program that wrote it, delete the "
			"key, and register the stream in its shape again (segctl stream create), or delete "
			"the whole stream (segctl stream delete)",
			key, name);
	return 0;
}

bool seg_shape_equal(const seg_stream_shape *a, const seg_stream_shape *b)
{
	return a->partitions == b->partitions && a->partition_size == b->partition_size &&
	       a->overflow == b->overflow && a->packing == b->packing;
}

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/range.h"
#include "stream/client.h"
#include "stream/pack.h"
#include "stream/spelling.h"

#define PARTITIONS_MAX 65536
#define PARTITION_SIZE_MAX ((uint64_t)1 << 40)

/* Of what is kept in Redis: raised when an older library can no longer use it. Version 2 has packing. */
#define SHAPE_VERSION 2
#define SHAPE_VERSION_UNPACKED 1

static int check_shape(const seg_stream_shape *shape, seg_error *error)
{
	if (!shape)
		return seg_fail(error, SEG_EINVAL, "no shape was given for the stream");
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
			"packing is %d; it must be SEG_PACKING_OFF, SEG_PACKING_ON or SEG_PACKING_LZ4",
			(int)shape->packing);
	return status;
}

static int check_packing(const seg_stream_shape *shape, const char *name, seg_error *error)
{
	if (seg_packing_supported(shape->packing))
		return 0;
	return seg_fail(
		error, SEG_ESERVER,
		"stream \"%s\" is packed with %s, which this build was made without; install liblz4 and build again",
		name, seg_packing_names[shape->packing]);
}

/* --- what is kept in Redis -------------------------------------------------- */

typedef struct {
	bool found;
	bool readable; /* all there and in range */
	int64_t version;
	seg_stream_shape shape;
} stored_shape;

/* The value that a reply names; -1 if it is no text, or no name of the table. */
static int read_name(const char *const *names, const seg_reply *reply)
{
	if (!reply || reply->type != SEG_REPLY_TEXT)
		return -1;
	return seg_spelling_value(names, reply->text, reply->length);
}

/* Reads five elements: partitions, partition_size, overflow, version, packing. */
static void read_shape(const seg_reply *reply, size_t first, stored_shape *stored)
{
	int64_t partitions = seg_reply_number(seg_reply_at(reply, first), 0);
	int64_t size = seg_reply_number(seg_reply_at(reply, first + 1), 0);
	stored->version = seg_reply_number(seg_reply_at(reply, first + 3), 0);
	const seg_reply *any = seg_reply_at(reply, first);
	stored->found = any && any->type != SEG_REPLY_NIL;
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

static void got_registered(void *arg, const seg_reply *reply)
{
	if (seg_reply_is(seg_reply_at(reply, 0), "OK"))
		read_shape(reply, 1, arg);
}

static void got_stored(void *arg, const seg_reply *reply)
{
	read_shape(reply, 0, arg);
}

static int check_stored(const stored_shape *stored, const char *name, const char *key, seg_error *error)
{
	if (!stored->readable)
		return seg_fail(error, SEG_EPROTOCOL,
				"the key %s of stream \"%s\" does not hold a shape; was it written by "
				"something else?",
				key, name);
	if (stored->version > SHAPE_VERSION)
		return seg_fail(error, SEG_ESERVER,
				"stream \"%s\" was made by a newer version of this library (format %" PRId64
				", this one knows %d); upgrade this program",
				name, stored->version, SHAPE_VERSION);
	return 0;
}

static bool same_shape(const seg_stream_shape *a, const seg_stream_shape *b)
{
	return a->partitions == b->partitions && a->partition_size == b->partition_size &&
	       a->overflow == b->overflow && a->packing == b->packing;
}

/* --- opening ---------------------------------------------------------------- */

static int make_stream(seg_client *client, const char *name, const seg_stream_shape *shape,
		       seg_stream **result, seg_error *error)
{
	seg_stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a stream");
	stream->client = client;
	snprintf(stream->name, sizeof(stream->name), "%s", name);
	stream->shape = *shape;
	stream->logger = client->logger;
	stream->logger.stream = stream->name;
	*result = stream;
	return 0;
}

static int check_arguments(const seg_client *client, const char *name, seg_stream **result, seg_error *error)
{
	if (!client || !result)
		return seg_fail(error, SEG_EINVAL, "no %s was given",
				client ? "place for the stream" : "client");
	*result = NULL;
	return seg_name_check("stream name", name, error);
}

int seg_stream_register(seg_client *client, const char *name, const seg_stream_shape *shape,
			seg_stream **stream, seg_error *error)
{
	int status = check_arguments(client, name, stream, error);
	if (status == 0)
		status = check_shape(shape, error);
	if (status == 0)
		status = check_packing(shape, name, error);
	if (status)
		return status;

	char key[SEG_KEY_MAX], partitions[16], size[24], version[8], what[SEG_NAME_MAX + 64];
	seg_key_of_stream(key, client->name_space, name, "info", NULL);
	snprintf(partitions, sizeof(partitions), "%" PRIu32, shape->partitions);
	snprintf(size, sizeof(size), "%" PRIu64, shape->partition_size);
	snprintf(version, sizeof(version), "%d", shape->packing ? SHAPE_VERSION : SHAPE_VERSION_UNPACKED);
	snprintf(what, sizeof(what), "cannot register stream \"%s\"", name);
	const char *argv[] = {key,     partitions,
			      size,    seg_overflow_names[shape->overflow],
			      version, seg_packing_names[shape->packing]};
	stored_shape stored = {0};
	status = seg_client_script(client, SEG_SCRIPT_REGISTER, got_registered, &stored, 1, 6, argv, NULL,
				   what, error);
	if (status == 0)
		status = check_stored(&stored, name, key, error);
	if (status)
		return status;
	if (!same_shape(&stored.shape, shape))
		return seg_fail(error, SEG_ESHAPE,
				"stream \"%s\" exists with %" PRIu32 " partitions of %" PRIu64
				" messages, overflow %s, packing %s, not with "
				"%" PRIu32 " of %" PRIu64
				", overflow %s, packing %s; a stream never changes its shape: use the "
				"existing one, or another name",
				name, stored.shape.partitions, stored.shape.partition_size,
				seg_overflow_names[stored.shape.overflow],
				seg_packing_names[stored.shape.packing], shape->partitions,
				shape->partition_size, seg_overflow_names[shape->overflow],
				seg_packing_names[shape->packing]);
	return make_stream(client, name, shape, stream, error);
}

int seg_stream_open(seg_client *client, const char *name, seg_stream **stream, seg_error *error)
{
	int status = check_arguments(client, name, stream, error);
	if (status)
		return status;
	char key[SEG_KEY_MAX], what[SEG_NAME_MAX + 64];
	seg_key_of_stream(key, client->name_space, name, "info", NULL);
	snprintf(what, sizeof(what), "cannot open stream \"%s\"", name);
	const char *argv[] = {"HMGET", key, "partitions", "partition_size", "overflow", "version", "packing"};
	stored_shape stored = {0};
	status = seg_client_command(client, got_stored, &stored, 7, argv, NULL, what, error);
	if (status)
		return status;
	if (!stored.found)
		return seg_fail(error, SEG_ENOTFOUND,
				"there is no stream \"%s\" in namespace \"%s\" at %s; register it first",
				name, client->name_space, client->address.text);
	status = check_stored(&stored, name, key, error);
	if (status == 0)
		status = check_packing(&stored.shape, name, error);
	return status ? status : make_stream(client, name, &stored.shape, stream, error);
}

void seg_stream_close(seg_stream *stream)
{
	free(stream);
}

const char *seg_stream_name(const seg_stream *stream)
{
	return stream->name;
}

const seg_stream_shape *seg_stream_get_shape(const seg_stream *stream)
{
	return &stream->shape;
}

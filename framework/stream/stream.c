#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "stream/client.h"
#include "stream/misfit.h"
#include "stream/shape.h"

static int make_stream(seg_client *client, const char *name, const seg_stream_shape *shape,
		       seg_stream **result, seg_error *error)
{
	seg_stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a stream");
	stream->client = client;
	snprintf(stream->name, sizeof(stream->name), "%s", name);
	stream->shape = *shape;
	stream->packing_level = client->packing_level;
	stream->logger = client->logger;
	stream->logger.stream = stream->name;
	seg_registration_begin(&stream->registration, client->name_space, stream->name, &stream->shape,
			       &stream->logger);
	*result = stream;
	return 0;
}

static int check_arguments(const seg_client *client, const char *name, seg_stream **result, seg_error *error)
{
	if (!client || !result)
		return seg_fail(error, SEG_EINVAL, "the %s is NULL",
				client ? "pointer for the new stream" : "client");
	*result = NULL;
	return seg_name_check("stream name", name, error);
}

/*
 * Passes on why the shape was not read. A key of another type holds no shape either: then the sentence of a shape that cannot be
 * read says what to do.
 */
static int fail_to_read(const seg_error *reason, const char *name, const char *key, seg_error *error)
{
	const seg_stored_shape none = {0};
	if (seg_misfit_is_reason(reason))
		return seg_stored_shape_check(&none, name, key, error);
	return seg_fail(error, reason->status, "%s", reason->text);
}

int seg_stream_register(seg_client *client, const char *name, const seg_stream_shape *shape,
			seg_stream **stream, seg_error *error)
{
	int status = check_arguments(client, name, stream, error);
	if (status == 0)
		status = seg_shape_check(shape, error);
	if (status == 0)
		status = seg_shape_check_packing(shape, name, error);
	if (status)
		return status;

	char what[SEG_NAME_MAX + 64];
	seg_registration_call call;
	seg_registration_write(&call, client->name_space, name, shape);
	snprintf(what, sizeof(what), "cannot register stream \"%s\"", name);
	seg_stored_shape stored = {0};
	seg_error reason;
	status = seg_client_script(client, SEG_SCRIPT_REGISTER, seg_stored_shape_registered, &stored,
				   SEG_REGISTRATION_KEYS, SEG_REGISTRATION_ARGC, call.argv, NULL, what,
				   &reason);
	if (status)
		return fail_to_read(&reason, name, call.key, error);
	status = seg_stored_shape_check(&stored, name, call.key, error);
	if (status)
		return status;
	if (!seg_shape_equal(&stored.shape, shape))
		return seg_registration_fail(
			&stored.shape, shape, name,
			"a stream never changes its shape: use the existing shape or another name", error);
	return make_stream(client, name, shape, stream, error);
}

static void got_existence(void *arg, const seg_reply *reply)
{
	*(bool *)arg = seg_reply_number(reply, 0) > 0;
}

/* What this user may not ask, or what fails, tells nothing. */
static bool key_exists(seg_client *client, const char *key)
{
	bool exists = false;
	const char *argv[] = {"EXISTS", key};
	return seg_client_command(client, got_existence, &exists, 2, argv, NULL, "", NULL) == 0 && exists;
}

/*
 * A key that has none of the fields, but is there, holds something else. It is read once more, because the stream may have been
 * registered since.
 */
static int read_stored(seg_client *client, const char *name, const char *key, seg_stored_shape *stored,
		       seg_error *reason)
{
	char what[SEG_NAME_MAX + 64];
	const char *argv[] = {"HMGET", key, "partitions", "partition_size", "overflow", "version", "packing"};
	snprintf(what, sizeof(what), "cannot open stream \"%s\"", name);
	int status = seg_client_command(client, seg_stored_shape_read, stored, 7, argv, NULL, what, reason);
	if (status || stored->found || !key_exists(client, key))
		return status;
	status = seg_client_command(client, seg_stored_shape_read, stored, 7, argv, NULL, what, reason);
	stored->found = true;
	return status;
}

int seg_stream_try(seg_client *client, const char *name, seg_stream **stream, bool *unusable,
		   seg_error *error)
{
	*unusable = false;
	int status = check_arguments(client, name, stream, error);
	if (status)
		return status;
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, client->name_space, name, "info", NULL);
	seg_stored_shape stored = {0};
	seg_error reason;
	status = read_stored(client, name, key, &stored, &reason);
	if (status) {
		*unusable = seg_misfit_is_reason(&reason);
		return fail_to_read(&reason, name, key, error);
	}
	if (!stored.found)
		return seg_fail(error, SEG_ENOTFOUND,
				"stream \"%s\" does not exist in namespace \"%s\" at %s; register it first",
				name, client->name_space, client->address.text);
	status = seg_stored_shape_check(&stored, name, key, error);
	if (status == 0)
		status = seg_shape_check_packing(&stored.shape, name, error);
	*unusable = status != 0;
	return status ? status : make_stream(client, name, &stored.shape, stream, error);
}

int seg_stream_open(seg_client *client, const char *name, seg_stream **stream, seg_error *error)
{
	bool unusable;
	return seg_stream_try(client, name, stream, &unusable, error);
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

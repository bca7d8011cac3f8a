#include "group/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "stream/client.h"
#include "stream/group_outputs.h"

/* Streams that the search for circles visits at most. */
enum { STREAMS_MAX = 4096 };

/* Names without repetition, in the order in which they came. */
typedef struct name_list {
	char **names;
	size_t count, room;
	bool no_memory;
} name_list;

static void add_name(name_list *list, const char *name, size_t length)
{
	for (size_t i = 0; i < list->count; i++)
		if (strlen(list->names[i]) == length && strncmp(list->names[i], name, length) == 0)
			return;
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		char **names = realloc(list->names, room * sizeof(*names));
		list->no_memory |= !names;
		if (!names)
			return;
		list->names = names;
		list->room = room;
	}
	list->names[list->count] = strndup(name, length);
	list->no_memory |= !list->names[list->count];
	list->count += list->names[list->count] != NULL;
}

static void free_names(name_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->names[i]);
	free(list->names);
}

static void ignore(void *arg, const seg_reply *reply)
{
	(void)arg;
	(void)reply;
}

/* SMEMBERS of a set of sources, "<group>:<stream>": adds the streams. */
static void got_sources(void *arg, const seg_reply *reply)
{
	for (size_t i = 0; reply && reply->type == SEG_REPLY_ARRAY && i < reply->count; i++) {
		const seg_reply *source = reply->elements[i];
		const char *colon = source->type == SEG_REPLY_TEXT ? strchr(source->text, ':') : NULL;
		if (colon && colon[1])
			add_name(arg, colon + 1, strlen(colon + 1));
	}
}

static bool is_among(const seg_target_setup *setup, const char *stream)
{
	for (size_t i = 0; i < setup->count; i++)
		if (strcmp(setup->choices[i].name, stream) == 0)
			return true;
	return false;
}

/* Whether a stream of the outputs feeds the section's own stream, over groups that were there before. */
static int check_circle(seg_client *client, const seg_target_setup *setup, seg_error *error)
{
	name_list streams = {0};
	int status = 0;
	add_name(&streams, setup->stream, strlen(setup->stream));
	for (size_t i = 0; status == 0 && i < streams.count && i < STREAMS_MAX; i++) {
		char key[SEG_KEY_MAX];
		const char *name = streams.names[i];
		if (i > 0 && is_among(setup, name)) {
			status = seg_fail(
				error, SEG_EINVAL,
				"outputs: what goes to \"%s\" comes back to \"%s\", for ever, through groups that Redis knows (segctl stream describe %s shows them); choose another stream, or delete a group that is no longer used",
				name, setup->stream, setup->stream);
			break;
		}
		seg_key_of_stream(key, client->name_space, name, "sources", NULL);
		const char *argv[] = {"SMEMBERS", key};
		status = seg_client_command(client, got_sources, &streams, 2, argv, NULL,
					    "cannot look where streams get messages from", error);
	}
	if (status == 0 && streams.no_memory)
		status = seg_fail(error, SEG_ENOMEM, "out of memory");
	free_names(&streams);
	return status;
}

static int tell(seg_client *client, const char *command, const char *key, const char *a, const char *b,
		seg_error *error)
{
	const char *argv[] = {command, key, a, b};
	return seg_client_command(client, ignore, NULL, b ? 4 : 3, argv, NULL,
				  "cannot note where a stream gets messages from", error);
}

/* Adds the streams that the group emits to, as far as Redis knows. */
static void got_outputs(void *arg, const seg_reply *reply)
{
	const seg_reply *name;
	for (size_t at = 0; (name = seg_group_outputs_next(reply, false, &at));)
		add_name(arg, name->text, name->length);
}

/* The group no longer emits to some streams. What these know of it stays, until the group is deleted. */
static int forget_former(seg_client *client, const seg_target_setup *setup, const char *key,
			 const char *source, seg_error *error)
{
	name_list known = {0};
	int status = seg_group_outputs_read(client, setup->stream, setup->group, got_outputs, &known, error);
	for (size_t i = 0; status == 0 && i < known.count; i++) {
		char sources[SEG_KEY_MAX];
		if (is_among(setup, known.names[i]))
			continue;
		seg_key_of_stream(sources, client->name_space, known.names[i], "sources", NULL);
		status = tell(client, "SREM", sources, source, NULL, error);
		if (status == 0)
			status = tell(client, "HSET", key, known.names[i], "0", error);
	}
	free_names(&known);
	return status;
}

static int note_sources(seg_client *client, const seg_target_setup *setup, seg_error *error)
{
	char key[SEG_KEY_MAX], sources[SEG_KEY_MAX], source[2 * SEG_NAME_MAX + 2];
	snprintf(source, sizeof(source), "%s:%s", setup->group, setup->stream);
	seg_group_outputs_key(key, client, setup->stream, setup->group);
	int status = forget_former(client, setup, key, source, error);
	for (size_t i = 0; status == 0 && i < setup->count; i++) {
		const char *name = setup->choices[i].name;
		seg_key_of_stream(sources, client->name_space, name, "sources", NULL);
		/* First, so that a group that is deleted finds all that know of it. */
		status = tell(client, "HSET", key, name, "1", error);
		if (status == 0)
			status = tell(client, "SADD", sources, source, NULL, error);
	}
	return status;
}

static int open_one(seg_targets *t, seg_client *client, const seg_target_setup *setup, seg_error *error)
{
	const seg_target_choice *choice = &setup->choices[t->count];
	seg_stream **stream = &t->streams[t->count];
	int status = choice->shape ? seg_stream_register(client, choice->name, choice->shape, stream, error)
				   : seg_stream_open(client, choice->name, stream, error);
	if (status)
		return status;
	if (setup->packing_level)
		(*stream)->packing_level = setup->packing_level;
	t->count++;
	return 0;
}

/* A level that was asked for is of use for some output. */
static int check_level(const seg_targets *t, const seg_target_setup *setup, seg_error *error)
{
	if (!setup->packing_level)
		return 0;
	for (size_t i = 0; i < t->count; i++)
		if (t->streams[i]->shape.packing == SEG_PACKING_ZSTD)
			return 0;
	return seg_fail(
		error, SEG_EINVAL,
		"packing_level has no effect: none of the outputs has packing zstd; remove packing_level");
}

int seg_targets_open(seg_targets *t, seg_client *client, const seg_target_setup *setup, seg_error *error)
{
	seg_error inner;
	if (setup->count == 0)
		return 0;
	if (!t->streams)
		t->streams = calloc(setup->count, sizeof(*t->streams));
	if (!t->streams)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	int status = check_circle(client, setup, error);
	while (status == 0 && t->count < setup->count) {
		status = open_one(t, client, setup, &inner);
		if (status)
			seg_fail(error, status, "outputs: %.480s", inner.text);
	}
	if (status == 0)
		status = check_level(t, setup, error);
	return status ? status : note_sources(client, setup, error);
}

void seg_targets_close(seg_targets *t)
{
	for (size_t i = 0; i < t->count; i++)
		seg_stream_close(t->streams[i]);
	free(t->streams);
	*t = (seg_targets){0};
}

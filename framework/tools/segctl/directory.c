#include "directory.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"
#include "batch.h"
#include "stream/client.h"

/* A suggestion is a courtesy: it must not make the user, or Redis, wait. */
#define SUGGEST_TIME SEG_SECOND
enum { SUGGEST_CALLS = 100 };

/* The STREAM of a key "{__<namespace>:STREAM}:info", or NULL: the pattern matches other keys, too. Changes the key. */
static const char *stream_of_key(char *key, const char *name_space)
{
	char prefix[SEG_KEY_MAX];
	size_t length = (size_t)snprintf(prefix, sizeof(prefix), "{__%s:", name_space);
	if (strncmp(key, prefix, length) != 0)
		return NULL;
	char *name = key + length;
	name[strcspn(name, "}")] = '\0';
	return seg_name_check("stream name", name, NULL) == 0 ? name : NULL;
}

static int find_streams(ctl_context *context, unsigned calls, ctl_keys *names)
{
	const char *name_space = context->client->name_space;
	char pattern[SEG_KEY_MAX];
	ctl_keys keys = {0};
	seg_key_of_stream(pattern, name_space, "*", "info", NULL);
	int exit_code = calls ? ctl_keys_find_some(context, pattern, calls, &keys)
			      : ctl_keys_find(context, pattern, &keys);
	*names = (ctl_keys){0};
	for (size_t i = 0; i < keys.count; i++) {
		const char *name = stream_of_key(keys.list[i], name_space);
		if (name)
			ctl_keys_add(names, name, strlen(name));
	}
	ctl_keys_sort(names);
	ctl_keys_free(&keys);
	return exit_code;
}

int ctl_directory_streams(ctl_context *context, ctl_keys *names)
{
	return find_streams(context, 0, names);
}

/* --- one stream ------------------------------------------------------------------------------------ */

bool ctl_directory_suggest(ctl_context *context, const char *name, char meant[SEG_NAME_MAX + 1])
{
	char unsaid[SEG_ERROR_TEXT_MAX];
	ctl_keys names = {0};
	const char *found = NULL;
	int64_t timeout = context->client->timeout;
	if (!ctl_complaints_are_shown())
		return false;
	ctl_complaints_to(unsaid, sizeof(unsaid));
	context->client->timeout = timeout < SUGGEST_TIME ? timeout : SUGGEST_TIME;
	find_streams(context, SUGGEST_CALLS, &names);
	context->client->timeout = timeout;
	ctl_complaints_to(NULL, 0);
	if (names.count > 0)
		found = seg_suggest(name, (const char *const *)names.list, names.count);
	if (found)
		snprintf(meant, SEG_NAME_MAX + 1, "%s", found);
	ctl_keys_free(&names);
	return found;
}

int ctl_try_stream(ctl_context *context, const char *name, seg_stream **stream, seg_error *error)
{
	bool unusable;
	int status = seg_stream_try(context->client, name, stream, &unusable, error);
	return unusable ? error->status = SEG_EPROTOCOL : status;
}

int ctl_open_stream(ctl_context *context, const char *name, seg_stream **stream)
{
	seg_error error;
	char meant[SEG_NAME_MAX + 1];
	if (ctl_try_stream(context, name, stream, &error) == 0)
		return 0;
	if (error.status != SEG_ENOTFOUND)
		return ctl_fail(&error);
	if (ctl_directory_suggest(context, name, meant))
		return ctl_complain(EX_NOINPUT,
				    "%s; did you mean \"%s\"? `segctl stream list` lists the streams",
				    error.text, meant);
	return ctl_complain(EX_NOINPUT,
			    "%s; `segctl stream list` lists the streams, `segctl stream create` creates one",
			    error.text);
}

/* --- groups ---------------------------------------------------------------------------------------- */

static void got_names(void *arg, size_t number, const seg_reply *reply)
{
	(void)number;
	ctl_keys_add_reply(arg, reply);
	ctl_keys_sort(arg);
}

int ctl_directory_groups_read(ctl_context *context, const char *stream, ctl_keys *names, seg_error *error)
{
	seg_error reason;
	char key[SEG_KEY_MAX];
	*names = (ctl_keys){0};
	seg_key_of_stream(key, context->client->name_space, stream, "groups", NULL);
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, got_names, names, 0, "SMEMBERS", key, (char *)NULL);
	int status = ctl_batch_try(batch, context->client, &reason);
	ctl_batch_destroy(batch);
	return status ? seg_fail(error, status, "cannot list the groups of stream \"%s\": %s", stream,
				 reason.text)
		      : 0;
}

int ctl_directory_groups(ctl_context *context, const char *stream, ctl_keys *names)
{
	seg_error error;
	return ctl_directory_groups_read(context, stream, names, &error) ? ctl_fail(&error) : EX_OK;
}

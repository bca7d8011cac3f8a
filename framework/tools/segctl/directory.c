#include "directory.h"

#include <stdio.h>
#include <string.h>

#include "batch.h"
#include "stream/client.h"

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

int ctl_directory_streams(ctl_context *context, ctl_keys *names)
{
	const char *name_space = context->client->name_space;
	char pattern[SEG_KEY_MAX];
	ctl_keys keys = {0};
	seg_key_of_stream(pattern, name_space, "*", "info", NULL);
	int exit_code = ctl_keys_find(context, pattern, &keys);
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

static void got_names(void *arg, size_t number, const seg_reply *reply)
{
	(void)number;
	ctl_keys_add_reply(arg, reply);
	ctl_keys_sort(arg);
}

int ctl_directory_groups(ctl_context *context, const char *stream, ctl_keys *names)
{
	char key[SEG_KEY_MAX];
	*names = (ctl_keys){0};
	seg_key_of_stream(key, context->client->name_space, stream, "groups", NULL);
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, got_names, names, 0, "SMEMBERS", key, (char *)NULL);
	int exit_code = ctl_batch_run(batch, context->client, "list the groups");
	ctl_batch_destroy(batch);
	return exit_code;
}

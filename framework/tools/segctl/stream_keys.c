#include "stream_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/names.h"
#include "stream/client.h"

enum { PARTITIONS_MAX = 65536 };

int ctl_stream_keys_find(ctl_context *context, const char *name, ctl_keys *keys)
{
	const char *name_space = context->client->name_space;
	char pattern[SEG_KEY_MAX];
	snprintf(pattern, sizeof(pattern), "{__%s:%s:partition_*}:*", name_space, name);
	int exit_code = ctl_keys_find(context, pattern, keys);
	snprintf(pattern, sizeof(pattern), "__%s:%s:partition_*", name_space, name);
	if (exit_code == EX_OK)
		exit_code = ctl_keys_find(context, pattern, keys);
	seg_key_of_stream(pattern, name_space, name, "*", NULL);
	return exit_code ? exit_code : ctl_keys_find(context, pattern, keys);
}

int ctl_stream_keys_delete(ctl_context *context, const char *name)
{
	char info[SEG_KEY_MAX];
	ctl_keys keys = {0}, last = {0};
	seg_key_of_stream(info, context->client->name_space, name, "info", NULL);
	ctl_keys_add(&last, info, strlen(info));
	int exit_code = ctl_stream_keys_find(context, name, &keys);
	ctl_keys_remove(&keys, info);
	if (exit_code == EX_OK)
		exit_code = ctl_keys_unlink(context, &keys);
	if (exit_code == EX_OK)
		exit_code = ctl_keys_unlink(context, &last);
	ctl_keys_free(&keys);
	ctl_keys_free(&last);
	return exit_code;
}

/* {...}:GROUP:KIND has a group; {...}:KIND has none. */
static void read_group(const char *key, ctl_keys *groups)
{
	char group[SEG_NAME_MAX + 1];
	const char *end = strstr(key, "}:"), *colon = end ? strchr(end + 2, ':') : NULL;
	if (!colon || strchr(colon + 1, ':') || (size_t)(colon - end - 2) >= sizeof(group))
		return;
	snprintf(group, sizeof(group), "%.*s", (int)(colon - end - 2), end + 2);
	if (seg_name_check("group", group, NULL) == 0)
		ctl_keys_add(groups, group, strlen(group));
}

uint32_t ctl_stream_keys_read(const ctl_context *context, const char *name, const ctl_keys *keys,
			      ctl_keys *groups)
{
	char prefix[SEG_KEY_MAX];
	uint32_t partitions = 0;
	int length =
		snprintf(prefix, sizeof(prefix), "__%s:%s:partition_", context->client->name_space, name);
	for (size_t i = 0; i < keys->count; i++) {
		const char *key = keys->list[i];
		key += *key == '{';
		read_group(keys->list[i], groups);
		if (strncmp(key, prefix, (size_t)length) != 0)
			continue;
		unsigned long p = strtoul(key + length, NULL, 10);
		if (p >= partitions && p < PARTITIONS_MAX)
			partitions = (uint32_t)p + 1;
	}
	ctl_keys_sort(groups);
	return partitions;
}

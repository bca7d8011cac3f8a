#include "stream_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/names.h"
#include "base/whole_number.h"
#include "stream/client.h"

enum { PARTITIONS_MAX = 65536 };

static int write_prefix(char prefix[SEG_KEY_MAX], const ctl_context *context, const char *name)
{
	return snprintf(prefix, SEG_KEY_MAX, "__%s:%s:partition_", context->client->name_space, name);
}

/*
 * The number of the partition that the key is of: __NS:STREAM:partition_N or {__NS:STREAM:partition_N}:REST. -1: it is of none. A key of
 * another program may look alike.
 */
static int64_t partition_of(const char *key, const char *prefix, int prefix_length)
{
	uint64_t number;
	bool braces = *key == '{';
	const char *at = key + braces, *end = key + strlen(key);
	if (strncmp(at, prefix, (size_t)prefix_length) != 0)
		return -1;
	at += prefix_length;
	bool zero_first = at[0] == '0' && at[1] >= '0' && at[1] <= '9';
	if (zero_first || !seg_whole_number_read(&at, end, &number) || number >= PARTITIONS_MAX)
		return -1;
	return (braces ? strncmp(at, "}:", 2) == 0 : at == end) ? (int64_t)number : -1;
}

static void keep_partitions(const ctl_context *context, const char *name, ctl_keys *keys)
{
	char prefix[SEG_KEY_MAX];
	int length = write_prefix(prefix, context, name);
	size_t kept = 0;
	for (size_t i = 0; i < keys->count; i++) {
		if (partition_of(keys->list[i], prefix, length) >= 0)
			keys->list[kept++] = keys->list[i];
		else
			free(keys->list[i]);
	}
	keys->count = kept;
}

int ctl_stream_keys_find(ctl_context *context, const char *name, ctl_keys *keys)
{
	const char *name_space = context->client->name_space;
	char pattern[SEG_KEY_MAX];
	snprintf(pattern, sizeof(pattern), "{__%s:%s:partition_*}:*", name_space, name);
	int exit_code = ctl_keys_find(context, pattern, keys);
	snprintf(pattern, sizeof(pattern), "__%s:%s:partition_*", name_space, name);
	if (exit_code == EX_OK)
		exit_code = ctl_keys_find(context, pattern, keys);
	keep_partitions(context, name, keys);
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
	int length = write_prefix(prefix, context, name);
	for (size_t i = 0; i < keys->count; i++) {
		int64_t partition = partition_of(keys->list[i], prefix, length);
		read_group(keys->list[i], groups);
		if (partition >= partitions)
			partitions = (uint32_t)partition + 1;
	}
	ctl_keys_sort(groups);
	return partitions;
}

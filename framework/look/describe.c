/* describe.c - seg_group_describe: the part of a snapshot that the public header shows. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "look/snapshot.h"
#include "stream/client.h"

static seg_group_info *make_info(const seg_group_snapshot *snapshot)
{
	seg_group_info *info = calloc(1, sizeof(*info));
	if (!info)
		return NULL;
	info->generation = snapshot->generation;
	info->members = (uint32_t)snapshot->roster.live;
	info->partition_count = snapshot->partition_count;
	info->partitions = calloc(info->partition_count, sizeof(*info->partitions));
	if (!info->partitions) {
		free(info);
		return NULL;
	}
	for (uint32_t p = 0; p < info->partition_count; p++)
		info->partitions[p] = snapshot->partitions[p].info;
	return info;
}

int seg_group_describe(seg_stream *stream, const char *group, seg_group_info **info, seg_error *error)
{
	if (!stream || !info)
		return seg_fail(error, SEG_EINVAL, "no %s was given",
				stream ? "place for the description" : "stream");
	*info = NULL;
	seg_group_snapshot snapshot;
	seg_look look = {.deadline = seg_now() + stream->client->timeout};
	int status = seg_group_snapshot_take(stream, group, &look, &snapshot, error);
	if (status)
		return status;
	*info = make_info(&snapshot);
	seg_group_snapshot_free(&snapshot);
	return *info ? 0
		     : seg_fail(error, SEG_ENOMEM, "out of memory for a description of group \"%s\"", group);
}

void seg_group_info_free(seg_group_info *info)
{
	if (!info)
		return;
	free(info->partitions);
	free(info);
}

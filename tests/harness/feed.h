/* feed.h - gives bytes to a reader as a connection does. */
#ifndef HARNESS_FEED_H
#define HARNESS_FEED_H

#include <string.h>

#include "redis/reader.h"

/* False if out of memory. */
static inline bool feed_reader(seg_reader *reader, const void *bytes, size_t length)
{
	if (length == 0)
		return true;
	char *room = seg_reader_room(reader, length);
	if (!room)
		return false;
	memcpy(room, bytes, length);
	seg_reader_came(reader, length);
	return true;
}

#endif

/* tail_source.h - the partitions that `segctl tail` reads, and where it begins in each. */
#ifndef CTL_TAIL_SOURCE_H
#define CTL_TAIL_SOURCE_H

#include "context.h"
#include "base/names.h"

typedef struct ctl_tail_source {
	uint32_t partition;
	char log[SEG_KEY_MAX];
	seg_id next;    /* read messages after this one */
	seg_id end;     /* the newest message at the start */
	uint64_t total; /* if packed: records added to the partition by then */
	uint64_t skip;  /* messages to skip first: in a packed log, reading begins with a whole entry */
} ctl_tail_source;

typedef struct ctl_tail_sources {
	ctl_context *context;
	ctl_tail_source *list;
	uint32_t count;
} ctl_tail_sources;

/* All partitions of the stream, or one if `partition` is not negative. Free `list` with free(). */
void ctl_tail_sources_init(ctl_tail_sources *sources, ctl_context *context, const seg_stream *stream,
			   int64_t partition);

/*
 * Finds the end of each log, and begins at `start`, or, if start is NULL, before the last `last` messages. 0, or an exit
 * code after one line on standard error.
 */
int ctl_tail_sources_begin(ctl_tail_sources *sources, const seg_start *start, int64_t last);

#endif

#include "position.h"

#include <inttypes.h>
#include <stdio.h>

seg_id ctl_id_before(seg_id id)
{
	if (id.seq)
		return (seg_id){id.ms, id.seq - 1};
	return id.ms ? (seg_id){id.ms - 1, UINT64_MAX} : id;
}

seg_id ctl_id_after(seg_id id)
{
	return (seg_id){id.ms, id.seq + (id.seq < UINT64_MAX)};
}

bool ctl_id_read(const seg_reply *reply, seg_id *id)
{
	seg_id read;
	if (!reply || reply->type != SEG_REPLY_TEXT || seg_id_parse(reply->text, &read) != 0)
		return false;
	*id = read;
	return true;
}

seg_id ctl_position_of_start(const seg_start *start, seg_id newest)
{
	switch (start->kind) {
	case SEG_START_EARLIEST:
		break;
	case SEG_START_LATEST:
		return newest;
	case SEG_START_AFTER_ID:
		return start->id;
	case SEG_START_TIME:
		return ctl_id_before((seg_id){start->id.ms, 0});
	}
	return (seg_id){0, 0};
}

void ctl_walk_add(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, const char *log, seg_id from,
		  const char *direction, int64_t steps)
{
	char id[SEG_ID_TEXT_MAX], limit[24];
	seg_id_format(from, id);
	snprintf(limit, sizeof(limit), "%" PRId64, steps);
	const char *argv[] = {log, id, direction, limit};
	ctl_batch_script(batch, fn, arg, number, SEG_SCRIPT_WALK, 1, 4, argv);
}

int64_t ctl_walk_read(const seg_reply *reply, seg_id *id)
{
	int64_t steps = seg_reply_number(seg_reply_at(reply, 1), 0);
	return steps > 0 && ctl_id_read(seg_reply_at(reply, 2), id) ? steps : 0;
}

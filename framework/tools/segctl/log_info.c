#include "log_info.h"

#include "position.h"

/* The value after a name in a flat list, or NULL. */
static const seg_reply *member_of(const seg_reply *list, const char *name)
{
	for (size_t i = 0; i + 1 < list->count; i += 2)
		if (seg_reply_is(list->elements[i], name))
			return list->elements[i + 1];
	return NULL;
}

ctl_log_info ctl_log_info_read(const seg_reply *reply)
{
	ctl_log_info info = {0};
	info.length = (uint64_t)seg_reply_number(member_of(reply, "length"), 0);
	info.added = (uint64_t)seg_reply_number(member_of(reply, "entries-added"), 0);
	(void)ctl_id_read(seg_reply_at(member_of(reply, "first-entry"), 0), &info.first);
	(void)ctl_id_read(member_of(reply, "last-generated-id"), &info.last);
	return info;
}

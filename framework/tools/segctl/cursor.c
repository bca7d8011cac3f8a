#include "cursor.h"

#include <stdio.h>
#include <string.h>

#include "redis/connection.h"

void ctl_cursor_begin(ctl_cursor *cursor)
{
	*cursor = (ctl_cursor){.text = "0"};
}

bool ctl_cursor_take(ctl_cursor *cursor, const seg_route *route, const seg_reply *reply)
{
	const seg_reply *next = seg_reply_at(reply, 0);
	uint64_t incarnation = seg_connection_incarnation(seg_route_answering(route));
	if (strcmp(cursor->text, "0") != 0 && incarnation != cursor->incarnation) {
		cursor->torn = true;
		return false;
	}
	cursor->incarnation = incarnation;
	/* A reply that these commands never give ends them. */
	snprintf(cursor->text, sizeof(cursor->text), "%s",
		 next && next->type == SEG_REPLY_TEXT ? next->text : "0");
	return true;
}

bool ctl_cursor_goes_on(const ctl_cursor *cursor)
{
	return !cursor->torn && strcmp(cursor->text, "0") != 0;
}

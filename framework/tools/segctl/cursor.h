/* cursor.h - the cursor of a SCAN or HSCAN, which means something only to the server that gave it, as long as that runs. One thread. */
#ifndef CTL_CURSOR_H
#define CTL_CURSOR_H

#include "redis/route.h"

typedef struct ctl_cursor {
	char text[24];        /* for the next command */
	uint64_t incarnation; /* of the connection that gave it */
	bool torn; /* another connection has answered, whose answer does not count: some may be missing */
} ctl_cursor;

void ctl_cursor_begin(ctl_cursor *cursor);

/* In the callback of the command: takes the cursor of the reply. False if the pages do not belong together: the cursor is torn. */
bool ctl_cursor_take(ctl_cursor *cursor, const seg_route *route, const seg_reply *reply);

/* After the command: whether another one follows. */
bool ctl_cursor_goes_on(const ctl_cursor *cursor);

#endif

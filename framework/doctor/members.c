#include "doctor/members.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/names.h"
#include "stream/client.h"

enum { NAMES_SHOWN = 3 };

static void got_time(void *arg, const seg_reply *reply)
{
	*(int64_t *)arg = seg_reply_number(seg_reply_at(reply, 0), 0) * 1000 +
			  seg_reply_number(seg_reply_at(reply, 1), 0) / 1000;
}

static void got_names(void *arg, const seg_reply *reply)
{
	seg_live_members *members = arg;
	size_t used = 0, size = sizeof(members->names), shown = 0;
	*members = (seg_live_members){.count = reply && reply->type == SEG_REPLY_ARRAY ? reply->count : 0};
	for (; shown < members->count && shown < NAMES_SHOWN && used < size; shown++) {
		const seg_reply *name = reply->elements[shown];
		used += (size_t)snprintf(members->names + used, size - used, "%s%s", shown ? ", " : "",
					 name->type == SEG_REPLY_TEXT ? name->text : "?");
	}
	if (shown < members->count && used < size)
		snprintf(members->names + used, size - used, " and %zu more", members->count - shown);
}

int seg_live_members_read(seg_client *client, const char *stream, const char *group,
			  seg_live_members *members, seg_error *error)
{
	char leases[SEG_KEY_MAX], after[32];
	const char *time[] = {"TIME"};
	int64_t now = 0;
	*members = (seg_live_members){0};
	int status =
		seg_client_command(client, got_time, &now, 1, time, NULL, "cannot read Redis's clock", error);
	if (status)
		return status;
	seg_key_of_stream(leases, client->name_space, stream, group, "leases");
	snprintf(after, sizeof(after), "(%" PRId64, now);
	const char *live[] = {"ZRANGEBYSCORE", leases, after, "+inf"};
	return seg_client_command(client, got_names, members, 4, live, NULL,
				  "cannot read the members of the group", error);
}

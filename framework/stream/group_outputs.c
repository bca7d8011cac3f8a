#include "stream/group_outputs.h"

void seg_group_outputs_key(char key[SEG_KEY_MAX], const seg_client *client, const char *stream,
			   const char *group)
{
	seg_key_of_stream(key, client->name_space, stream, group, "outputs");
}

int seg_group_outputs_read(seg_client *client, const char *stream, const char *group, seg_reply_fn fn,
			   void *arg, seg_error *error)
{
	char key[SEG_KEY_MAX];
	seg_group_outputs_key(key, client, stream, group);
	const char *argv[] = {"HGETALL", key};
	return seg_client_command(client, fn, arg, 2, argv, NULL, "cannot read where the group emits to",
				  error);
}

/* Names and "1", or "0" for a former one, in turn. */
const seg_reply *seg_group_outputs_next(const seg_reply *reply, bool former, size_t *at)
{
	while (reply && reply->type == SEG_REPLY_ARRAY && *at + 1 < reply->count) {
		const seg_reply *name = reply->elements[*at], *is_one = reply->elements[*at + 1];
		*at += 2;
		if (name->type == SEG_REPLY_TEXT && (former || seg_reply_is(is_one, "1")))
			return name;
	}
	return NULL;
}

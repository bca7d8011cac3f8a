/*
 * group_outputs.h - where a group emits to, as Redis knows it: a hash `{__<ns>:<stream>}:<group>:outputs` of names (lua/README.md),
 * which members write (group/targets.h). One thread.
 */
#ifndef SEG_STREAM_GROUP_OUTPUTS_H
#define SEG_STREAM_GROUP_OUTPUTS_H

#include "stream/client.h"

/* The key of that hash. */
void seg_group_outputs_key(char key[SEG_KEY_MAX], const seg_client *client, const char *stream,
			   const char *group);

/* Reads it: fn gets the reply, for _next. 0, or a status and an error. Blocks while Redis is asked. */
int seg_group_outputs_read(seg_client *client, const char *stream, const char *group, seg_reply_fn fn,
			   void *arg, seg_error *error);

/*
 * The next name; NULL after the last, and if the reply is none. *at: 0 before the first. former: also those to which the group emits no
 * longer, but which still know of it.
 */
const seg_reply *seg_group_outputs_next(const seg_reply *reply, bool former, size_t *at);

#endif

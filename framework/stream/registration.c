#include "stream/registration.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/plural.h"
#include "stream/spelling.h"

/* Between two questions; and after Redis has refused one for a reason that does not pass by itself, as the want of a right. */
#define PAUSE (2 * SEG_SECOND)
#define REFUSED_PAUSE (60 * SEG_SECOND)

void seg_registration_write(seg_registration_call *call, const char *name_space, const char *name,
			    const seg_stream_shape *shape)
{
	seg_key_of_stream(call->key, name_space, name, "info", NULL);
	snprintf(call->partitions, sizeof(call->partitions), "%" PRIu32, shape->partitions);
	snprintf(call->size, sizeof(call->size), "%" PRIu64, shape->partition_size);
	snprintf(call->version, sizeof(call->version), "%d", seg_shape_version(shape));
	call->argv[0] = call->key;
	call->argv[1] = call->partitions;
	call->argv[2] = call->size;
	call->argv[3] = seg_overflow_names[shape->overflow];
	call->argv[4] = call->version;
	call->argv[5] = seg_packing_names[shape->packing];
}

void seg_registration_begin(seg_registration *r, const char *name_space, const char *name,
			    const seg_stream_shape *shape, const seg_logger *logger)
{
	*r = (seg_registration){.name_space = name_space,
				.name = name,
				.shape = shape,
				.logger = logger,
				.at = seg_now() + PAUSE};
}

bool seg_registration_is_due(const seg_registration *r)
{
	return !r->busy && seg_now() >= r->at;
}

bool seg_registration_is_reached(const seg_registration *r, seg_route *route)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, r->name_space, r->name, "info", NULL);
	return seg_route_ready_for(route, seg_slot_of(key));
}

bool seg_registration_ask(seg_registration *r, seg_route *route, seg_reply_fn got, void *arg)
{
	seg_registration_call call;
	seg_registration_write(&call, r->name_space, r->name, r->shape);
	r->busy = seg_route_script(route, SEG_SCRIPT_REGISTER, got, arg, SEG_REGISTRATION_KEYS,
				   SEG_REGISTRATION_ARGC, call.argv, NULL);
	return r->busy;
}

static void judge(seg_registration *r, const seg_stored_shape *stored)
{
	bool refused = r->refusal.status != 0;
	r->refusal.status = 0;
	if (!stored->readable || seg_shape_equal(&stored->shape, r->shape))
		return;
	seg_registration_fail(
		&stored->shape, r->shape, r->name,
		"it was deleted and made anew: start this program again, so that it finds the partitions that are there",
		&r->refusal);
	if (!refused)
		seg_log(r->logger, SEG_LOG_ERROR, "%s", r->refusal.text);
}

void seg_registration_answer(seg_registration *r, const seg_reply *reply)
{
	r->busy = false;
	bool refused = reply && reply->type == SEG_REPLY_ERROR && !seg_reply_is_transient(reply);
	r->at = seg_now() + (refused ? REFUSED_PAUSE : PAUSE);
	if (!seg_reply_is(seg_reply_at(reply, 0), "OK"))
		return;
	seg_stored_shape stored = {0};
	seg_stored_shape_registered(&stored, reply);
	if (seg_reply_is(seg_reply_at(reply, 6), "1"))
		seg_log(r->logger, SEG_LOG_WARNING,
			"Redis had lost the registration of stream \"%s\", or somebody has deleted it; it is registered again, with %" PRIu32
			" partition%s",
			r->name, r->shape->partitions, seg_plural(r->shape->partitions));
	judge(r, &stored);
}

int seg_registration_fail(const seg_stream_shape *is, const seg_stream_shape *wanted, const char *name,
			  const char *remedy, seg_error *error)
{
	return seg_fail(error, SEG_ESHAPE,
			"stream \"%s\" exists with %" PRIu32 " partition%s of %" PRIu64
			" messages, overflow %s, packing %s, not with %" PRIu32 " of %" PRIu64
			", overflow %s, packing %s; %s",
			name, is->partitions, seg_plural(is->partitions), is->partition_size,
			seg_overflow_names[is->overflow], seg_packing_names[is->packing], wanted->partitions,
			wanted->partition_size, seg_overflow_names[wanted->overflow],
			seg_packing_names[wanted->packing], remedy);
}

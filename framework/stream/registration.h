/*
 * registration.h - a stream's registration in Redis (lua/register.lua), which its senders look after.
 *
 * Redis may lose it (FLUSHALL, a restart without data). Then segctl and new programs find no such stream, or register it with
 * another shape. So a sender asks now and then, with the batches that it sends anyway: a lost registration is made again,
 * with the shape that the sender knows. If the stream has another shape by then, the sender knows nothing of its partitions, and
 * sends no more.
 */
#ifndef SEG_STREAM_REGISTRATION_H
#define SEG_STREAM_REGISTRATION_H

#include "base/log.h"
#include "base/names.h"
#include "redis/route.h"
#include "stream/shape.h"

/* The call of the script. Points into itself. */
typedef struct seg_registration_call {
	char key[SEG_KEY_MAX], partitions[16], size[24], version[8];
	const char *argv[6];
} seg_registration_call;

enum { SEG_REGISTRATION_KEYS = 1, SEG_REGISTRATION_ARGC = 6 };

void seg_registration_write(seg_registration_call *call, const char *name_space, const char *name,
			    const seg_stream_shape *shape);

/* A question of one sender, whose thread uses it. */
typedef struct seg_registration {
	const char *name_space, *name; /* borrowed, as the next two */
	const seg_stream_shape *shape;
	const seg_logger *logger;
	int64_t at; /* seg_now(): none is asked before; 0: at the next batch */
	bool busy;
	seg_error refusal; /* another shape is registered: nothing may be sent; status 0: none is */
} seg_registration;

/* The stream was opened or registered just now. What is given must outlive *registration. */
void seg_registration_begin(seg_registration *registration, const char *name_space, const char *name,
			    const seg_stream_shape *shape, const seg_logger *logger);

/* Whether a question is due. */
bool seg_registration_is_due(const seg_registration *registration);

/* Whether the node that knows the registration can be asked at once. A node that is away must not hold up sends to the others. */
bool seg_registration_is_reached(const seg_registration *registration, seg_route *route);

/* Sends the question; false: it was not sent. `got` gets the answer, with `arg`, and must call seg_registration_answer. */
bool seg_registration_ask(seg_registration *registration, seg_route *route, seg_reply_fn got, void *arg);
void seg_registration_answer(seg_registration *registration, const seg_reply *reply);

/* SEG_ESHAPE, and a sentence that names both shapes. `remedy` ends it. */
int seg_registration_fail(const seg_stream_shape *is, const seg_stream_shape *wanted, const char *name,
			  const char *remedy, seg_error *error);

#endif

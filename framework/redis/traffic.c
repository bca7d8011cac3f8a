#include "redis/traffic.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"

enum {
	READ_SIZE = 256 * 1024, /* of one read(2): a usual batch comes whole */
	READS_PER_TICK = 8,     /* so that one busy connection does not starve the thread's other work */
};

/* --- opening and closing --------------------------------------------------- */

bool seg_traffic_init(seg_traffic *t)
{
	return seg_pipeline_init(&t->pipeline) && seg_pipeline_init(&t->parked) &&
	       seg_reader_init(&t->reader);
}

void seg_traffic_fini(seg_traffic *t)
{
	seg_reader_fini(&t->reader);
	seg_pipeline_fini(&t->pipeline);
	seg_pipeline_fini(&t->parked);
}

bool seg_traffic_open(seg_traffic *t, seg_transport *transport, const char *where)
{
	t->transport = transport;
	t->where = where;
	t->heard_at = seg_now();
	t->progress = (seg_progress){0};
	t->pipeline.round_trip = 0;
	return seg_reader_restart(&t->reader);
}

bool seg_traffic_become_ready(seg_traffic *t)
{
	t->ready = true;
	/* The password was in it. */
	seg_outgoing_wipe(&t->pipeline.output);
	return seg_pipeline_join(&t->pipeline, &t->parked);
}

/* Runs the callbacks of the commands that wait now with NULL; they may issue others. */
static void lose_commands(seg_traffic *t, seg_pipeline *pipeline)
{
	t->in_callbacks = true;
	t->losing_parked = pipeline == &t->parked;
	seg_pipeline_clear(pipeline);
	for (size_t n = pipeline->count; n > 0; n--) {
		seg_waiting_command command = seg_pipeline_pop(pipeline);
		command.fn(command.arg, NULL);
	}
	t->in_callbacks = t->losing_parked = false;
}

void seg_traffic_lose_parked(seg_traffic *t)
{
	lose_commands(t, &t->parked);
}

void seg_traffic_close(seg_traffic *t)
{
	seg_transport_close(t->transport);
	t->transport = NULL;
	t->ready = t->is_no_master = t->break_wanted = false;
	lose_commands(t, &t->pipeline);
	lose_commands(t, &t->parked);
	t->break_wanted = false;
}

/* --- answers --------------------------------------------------------------- */

/* Whether it is pushed to a subscriber, and so answers no command. */
static bool is_message(const seg_reply *reply)
{
	const seg_reply *kind = seg_reply_at(reply, 0);
	return kind && (seg_reply_is(kind, "message") || seg_reply_is(kind, "pmessage"));
}

/* Whether the command was issued again elsewhere. */
static bool take_error(seg_traffic *t, const seg_reply *reply, const seg_waiting_command *command)
{
	const char *bytes = command->kept ? seg_outgoing_bytes(&t->pipeline.kept) : NULL;
	return t->on_error(t->arg, reply, command, bytes);
}

static bool answer(seg_traffic *t, const seg_reply *reply, seg_error *error)
{
	if (t->on_message && t->ready && is_message(reply)) {
		t->on_message(t->arg, reply);
		return true;
	}
	if (t->pipeline.count == 0) {
		seg_fail(error, SEG_EPROTOCOL, "Redis at %s sent a reply to no command", t->where);
		return false;
	}
	seg_pipeline_answered(&t->pipeline);
	seg_waiting_command command = seg_pipeline_pop(&t->pipeline);
	bool moved = reply->type == SEG_REPLY_ERROR && take_error(t, reply, &command);
	seg_pipeline_forget(&t->pipeline, &command);
	/* The answers that came with it tell what became of their commands. */
	if (t->ready && seg_reply_is_of_no_master(reply))
		t->is_no_master = true;
	if (!moved)
		command.fn(command.arg, reply);
	if (!t->ready && !t->break_wanted)
		t->on_answer(t->arg);
	return true;
}

static void refuse_reply(const seg_traffic *t, seg_error *error)
{
	const char *why = seg_reader_error(&t->reader);
	if (why)
		seg_fail(error, SEG_EPROTOCOL,
			 "the server at %s does not speak the Redis protocol (%s); check the address",
			 t->where, why);
	else
		seg_fail(error, SEG_ENOMEM, "out of memory for a reply of Redis at %s", t->where);
}

/* Runs the callbacks of all whole replies; false if the connection must break. */
static bool take_replies(seg_traffic *t, seg_error *error)
{
	bool good = true;
	while (good && !t->break_wanted) {
		const seg_reply *reply = NULL;
		int got = seg_reader_next(&t->reader, seg_pipeline_sink(&t->pipeline), &reply);
		if (got == 0)
			break;
		if (got < 0) {
			refuse_reply(t, error);
			return false;
		}
		good = answer(t, reply, error);
		seg_reader_release(&t->reader);
	}
	if (good && !t->break_wanted && t->is_no_master) {
		seg_fail(error, SEG_ESERVER,
			 "Redis at %s has become a read-only replica; looking for the master", t->where);
		return false;
	}
	return good && !t->break_wanted;
}

/* --- bytes ----------------------------------------------------------------- */

bool seg_traffic_read(seg_traffic *t, int64_t now, seg_error *error)
{
	for (int i = 0; i < READS_PER_TICK; i++) {
		char *room = seg_reader_room(&t->reader, READ_SIZE);
		if (!room) {
			seg_fail(error, SEG_ENOMEM, "out of memory for a reply of Redis at %s", t->where);
			return false;
		}
		ssize_t n = seg_transport_read(t->transport, room, READ_SIZE);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			*error = *seg_transport_error(t->transport);
			return false;
		}
		t->heard_at = now;
		seg_reader_came(&t->reader, (size_t)n);
		t->in_callbacks = true;
		bool good = take_replies(t, error);
		t->in_callbacks = false;
		if (!good)
			return false;
		if (n < READ_SIZE)
			return true;
	}
	return true;
}

bool seg_traffic_flush(seg_traffic *t, seg_error *error)
{
	seg_outgoing *output = &t->pipeline.output;
	while (t->transport && seg_outgoing_length(output) > 0) {
		ssize_t n = seg_transport_write(t->transport, seg_outgoing_bytes(output),
						seg_outgoing_length(output));
		if (n < 0) {
			if (errno == EAGAIN)
				return true;
			*error = *seg_transport_error(t->transport);
			return false;
		}
		seg_outgoing_consume(output, (size_t)n);
		t->progress.written += (uint64_t)n;
	}
	return true;
}

bool seg_traffic_pending(const seg_traffic *t)
{
	return t->transport && seg_transport_pending(t->transport);
}

size_t seg_traffic_unsent(const seg_traffic *t)
{
	return seg_outgoing_length(&t->pipeline.output);
}

struct pollfd seg_traffic_polled(const seg_traffic *t)
{
	if (!t->transport)
		return (struct pollfd){.fd = -1};
	return (struct pollfd){.fd = seg_transport_fd(t->transport),
			       .events = seg_transport_events(t->transport, seg_traffic_unsent(t) > 0)};
}

/* --- an answer that is due ------------------------------------------------- */

static bool waits(const seg_traffic *t)
{
	return t->pipeline.count > 0 && t->answer_timeout > 0;
}

static int64_t waits_since(const seg_traffic *t)
{
	return t->heard_at > t->pipeline.busy_since ? t->heard_at : t->pipeline.busy_since;
}

/* When the answer that is due is overdue; SEG_NEVER: none is due, or there is no limit. */
static int64_t answer_by(const seg_traffic *t)
{
	return waits(t) ? seg_progress_deadline(&t->progress, waits_since(t), t->answer_timeout) : SEG_NEVER;
}

static int64_t look_at(const seg_traffic *t)
{
	return waits(t) ? seg_progress_look_at(&t->progress, waits_since(t), t->answer_timeout) : SEG_NEVER;
}

bool seg_traffic_is_late(seg_traffic *t, int64_t now)
{
	if (now >= look_at(t))
		seg_progress_look(&t->progress, waits_since(t), now, seg_traffic_unsent(t),
				  seg_transport_unacknowledged(t->transport));
	return now >= answer_by(t);
}

int64_t seg_traffic_timer(const seg_traffic *t)
{
	int64_t by = answer_by(t), look = look_at(t);
	return by < look ? by : look;
}

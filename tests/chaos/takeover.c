#include "chaos/takeover.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { READ_MS = 1000, STILL_MS = 100, LOOK_MS = 5 };

/* --- reading ------------------------------------------------------------------------------- */

static redisReply *ask(redisContext *context, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* NULL if the server does not have the key's slot. */
static redisReply *ask(redisContext *context, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = redisvCommand(context, format, args);
	va_end(args);
	if (reply && reply->type != REDIS_REPLY_ERROR)
		return reply;
	if (reply)
		freeReplyObject(reply);
	return NULL;
}

static void read_id(const redisReply *reply, seg_id *id)
{
	if (reply->str)
		seg_id_parse(reply->str, id);
}

static void read_partition(redisContext *context, const char *stream, const char *group, int partition,
			   chaos_mark *mark)
{
	redisReply *log = ask(context, "XINFO STREAM __default:%s:partition_%d", stream, partition);
	redisReply *state = ask(context, "HMGET {__default:%s:partition_%d}:%s:state position epoch clean",
				stream, partition, group);
	if (log && state) {
		*mark = (chaos_mark){.known = true};
		for (size_t i = 0; i + 1 < log->elements; i += 2)
			if (strcmp(log->element[i]->str, "last-generated-id") == 0)
				read_id(log->element[i + 1], &mark->last);
		read_id(state->element[0], &mark->position);
		if (state->element[1]->str)
			mark->epoch = strtoull(state->element[1]->str, NULL, 10);
		mark->released = state->element[2]->str && strcmp(state->element[2]->str, "1") == 0;
	}
	if (log)
		freeReplyObject(log);
	if (state)
		freeReplyObject(state);
}

void chaos_marks_read(chaos_marks *marks, const test_server *server)
{
	redisContext *context = chaos_servers_connect(server);
	if (!context)
		return;
	/* A replica in a cluster would redirect; a server without a cluster refuses the command. */
	redisReply *reply = redisCommand(context, "READONLY");
	if (reply)
		freeReplyObject(reply);
	for (int p = 0; p < CHAOS_PARTITIONS; p++)
		read_partition(context, "chaos", "workers", p, &marks->partitions[p]);
	for (int p = 0; p < CHAOS_OUTPUT_PARTITIONS; p++)
		read_partition(context, CHAOS_OUTPUT, "readers", p, &marks->partitions[CHAOS_PARTITIONS + p]);
	reply = redisCommand(context, "EXISTS {__default:chaos}:workers:partitions");
	marks->control |= reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
	if (reply)
		freeReplyObject(reply);
	redisFree(context);
	marks->time = seg_now();
}

void chaos_marks_lower(chaos_marks *marks, const chaos_marks *others)
{
	for (int p = 0; p < CHAOS_LOGS; p++) {
		chaos_mark *m = &marks->partitions[p];
		const chaos_mark *o = &others->partitions[p];
		if (!m->known) {
			*m = *o;
			continue;
		}
		if (!o->known)
			continue;
		if (seg_id_compare(o->last, m->last) < 0)
			m->last = o->last;
		if (seg_id_compare(o->position, m->position) < 0)
			m->position = o->position;
		m->released = (m->released || o->epoch < m->epoch) && (o->released || m->epoch < o->epoch);
		if (o->epoch < m->epoch)
			m->epoch = o->epoch;
	}
	marks->control |= others->control;
	marks->time = others->time;
}

void chaos_takeover_wait_read(chaos_world *w, const test_server *replica, bool killed)
{
	int64_t deadline = seg_now() + READ_MS * SEG_MS;
	/* The link of a killed master ends behind its last byte; a paused one's says nothing more. */
	chaos_world_pass(w, STILL_MS);
	while (killed && !test_server_seems(replica, "INFO replication", "master_link_status:down") &&
	       seg_now() < deadline)
		chaos_world_pass(w, LOOK_MS);
}

/* --- noting -------------------------------------------------------------------------------- */

/* No id that Redis gave until now is later. */
static seg_id newest_id(void)
{
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	return (seg_id){(uint64_t)wall.tv_sec * 1000 + (uint64_t)(wall.tv_nsec / SEG_MS), UINT64_MAX};
}

void chaos_takeover_note(chaos_world *w, const chaos_marks *marks, int64_t time, int64_t until)
{
	for (uint32_t i = 0; i < (w->output ? CHAOS_LOGS : CHAOS_PARTITIONS); i++) {
		bool of_output = i >= CHAOS_PARTITIONS;
		uint32_t p = of_output ? i - CHAOS_PARTITIONS : i;
		chaos_history *history = of_output ? w->output : w->history;
		const chaos_mark *m = &marks->partitions[i];
		chaos_rollback r = {.partition = p, .time = time, .until = until};
		if (m->known) {
			r.kept = m->last;
			r.lost = newest_id();
			r.position = m->position;
			r.epoch = m->epoch;
			r.released = m->released;
			/* The audits of both are shared out at the end of the run. */
			chaos_append(&w->history->audits, (chaos_audit){.kind = CHAOS_AUDIT_ROLLBACK,
									.partition = p,
									.epoch = m->epoch,
									.id = m->position,
									.time = until,
									.of_output = of_output});
		} else if (marks->control) {
			r.assignment = true;
		} else {
			continue;
		}
		chaos_append(&history->rollbacks, r);
	}
}

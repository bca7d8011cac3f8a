#include "reset_plan.h"

#include <sysexits.h>

#include "batch.h"
#include "log_info.h"
#include "message.h"
#include "position.h"
#include "stream/client.h"
#include "table.h"

enum { STEPS_MAX = 10000, SETTLE_TRIES = 10, ARENA_BLOCK = 1 << 16 };

/* --- steps over a log ------------------------------------------------------------------------ */

typedef struct {
	int64_t steps; /* of the last walk */
	seg_id id;
	ctl_log_info log; /* read just after the walk */
} walk;

static void got_steps(void *arg, size_t number, const seg_reply *reply)
{
	walk *w = arg;
	(void)number;
	w->steps = ctl_walk_read(reply, &w->id);
}

/* An error where the log does not exist yet. */
static void got_log(void *arg, size_t number, const seg_reply *reply)
{
	(void)number;
	((walk *)arg)->log = ctl_log_info_read(reply);
}

static int take_steps(ctl_reset_plan *plan, const ctl_move *m, walk *w, const char *direction, int64_t steps)
{
	ctl_batch *batch = ctl_batch_create(true);
	ctl_walk_add(batch, got_steps, w, 0, m->log, w->id, direction, steps < STEPS_MAX ? steps : STEPS_MAX);
	ctl_batch_words(batch, got_log, w, 0, "XINFO", "STREAM", m->log, (char *)NULL);
	int exit_code = ctl_batch_run(batch, plan->context->client, "read the stream");
	ctl_batch_destroy(batch);
	return exit_code;
}

/* Moves by so many messages, at most to an end of the log. */
static int shift(ctl_reset_plan *plan, ctl_move *m, int64_t by)
{
	const char *direction = by < 0 ? "-" : "+";
	int64_t left = by < 0 ? -by : by;
	/* Back from just after the old position, so that the walk counts its message. */
	walk w = {.id = by < 0 ? ctl_id_after(m->old) : m->old};
	int exit_code = EX_OK;
	for (w.steps = 1; left > 0 && w.steps > 0 && exit_code == EX_OK; left -= w.steps)
		exit_code = take_steps(plan, m, &w, direction, left);
	if (by < 0)
		m->new = left > 0 ? (seg_id){0, 0} : ctl_id_before(w.id);
	else
		m->new = w.id;
	return exit_code;
}

/* --- what waits after the new position ------------------------------------------------------------ */

/* Counts the messages, and goes on while producers add more. */
static int count_waiting(ctl_reset_plan *plan, ctl_move *m)
{
	walk w = {.id = m->new};
	int64_t waiting = 0;
	int exit_code = EX_OK;
	m->waiting = m->count = -1;
	for (int tries = 0; exit_code == EX_OK && tries < SETTLE_TRIES;) {
		exit_code = take_steps(plan, m, &w, "+", STEPS_MAX);
		waiting += w.steps;
		if (seg_id_compare(w.id, w.log.last) >= 0) {
			m->waiting = waiting;
			m->count = (int64_t)w.log.added - waiting;
			return exit_code;
		}
		tries += w.steps < STEPS_MAX;
	}
	return exit_code;
}

/* Each entry of a packed log says how many records were added before it. */
typedef struct {
	ctl_move *move;
	seg_arena *arena;
	int64_t total; /* records added, ever */
} packed_count;

static void got_total(void *arg, size_t number, const seg_reply *reply)
{
	(void)number;
	((packed_count *)arg)->total = seg_reply_number(reply, 0);
}

/* The first entry with a record after the position. Without one, nothing waits. */
static void got_next_entry(void *arg, size_t number, const seg_reply *reply)
{
	packed_count *c = arg;
	ctl_move *m = c->move;
	ctl_entry entry;
	(void)number;
	m->waiting = 0;
	m->count = c->total;
	if (reply->count == 0)
		return;
	m->waiting = m->count = -1;
	if (!ctl_entry_read(&entry, seg_reply_at(reply, 0), c->arena) || !entry.packed)
		return;
	m->count = (int64_t)entry.from;
	for (size_t i = 0; i < entry.count; i++)
		m->count += seg_id_compare(entry.messages[i].id, m->new) <= 0;
	m->waiting = c->total - m->count;
}

static int count_packed(ctl_reset_plan *plan, ctl_move *m)
{
	seg_arena arena;
	packed_count c = {m, &arena, 0};
	char counters[SEG_KEY_MAX], from[SEG_ID_TEXT_MAX + 1] = "(";
	seg_arena_init(&arena, ARENA_BLOCK);
	seg_id_format(m->new, from + 1);
	seg_key_beside_log(counters, plan->context->client->name_space, plan->stream->name, m->partition,
			   "counters", NULL);
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, got_total, &c, 0, "HGET", counters, "records", (char *)NULL);
	ctl_batch_words(batch, got_next_entry, &c, 0, "XRANGE", m->log, from, "+", "COUNT", "1",
			(char *)NULL);
	int exit_code = ctl_batch_run(batch, plan->context->client, "read the stream");
	ctl_batch_destroy(batch);
	seg_arena_fini(&arena);
	return exit_code;
}

/* --- the plan ------------------------------------------------------------------------------------- */

static void place(ctl_move *m, const seg_start *start)
{
	m->new = ctl_position_of_start(start, m->newest);
	/* A position after the end would skip messages that are added later. */
	if (seg_id_compare(m->new, m->newest) > 0)
		m->new = m->newest;
}

static int plan_move(ctl_reset_plan *plan, ctl_move *m, const seg_partition_info *info,
		     const ctl_reset_target *target)
{
	const char *name_space = plan->context->client->name_space;
	int exit_code = EX_OK;
	m->old = info->position;
	m->newest = info->last;
	seg_key_log(m->log, name_space, plan->stream->name, m->partition);
	seg_key_beside_log(m->state, name_space, plan->stream->name, m->partition, plan->group, "state");
	seg_key_beside_log(m->values, name_space, plan->stream->name, m->partition, plan->group, "values");
	if (target->start)
		place(m, target->start);
	else
		exit_code = shift(plan, m, target->shift);
	if (exit_code)
		return exit_code;
	return plan->stream->shape.packing ? count_packed(plan, m) : count_waiting(plan, m);
}

static void got_value_count(void *arg, size_t i, const seg_reply *reply)
{
	((ctl_reset_plan *)arg)->moves[i].value_count = (uint64_t)reply->integer;
}

static int count_values(ctl_reset_plan *plan)
{
	ctl_batch *batch = ctl_batch_create(false);
	for (uint32_t i = 0; i < plan->count; i++)
		ctl_batch_words(batch, got_value_count, plan, i, "HLEN", plan->moves[i].values, (char *)NULL);
	int exit_code = ctl_batch_run(batch, plan->context->client, "count the values of the group");
	ctl_batch_destroy(batch);
	return exit_code;
}

uint64_t ctl_reset_plan_values(const ctl_reset_plan *plan)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < plan->count; i++)
		sum += plan->moves[i].value_count;
	return sum;
}

int ctl_reset_plan_make(ctl_reset_plan *plan, const ctl_snapshot *snapshot, const ctl_reset_target *target)
{
	int exit_code = EX_OK;
	plan->moves = ctl_allocate(snapshot->partition_count, sizeof(*plan->moves));
	for (uint32_t p = 0; p < snapshot->partition_count && exit_code == EX_OK; p++) {
		if (target->partition >= 0 && target->partition != (int64_t)p)
			continue;
		ctl_move *m = &plan->moves[plan->count++];
		m->partition = p;
		exit_code = plan_move(plan, m, &snapshot->partitions[p].info, target);
	}
	return exit_code ? exit_code : count_values(plan);
}

static const ctl_column columns[] = {
	{"partition", "PARTITION", true},  {"old", "FROM", false}, {"new", "TO", false},
	{"waiting", "THEN WAITING", true}, {NULL, NULL, false},
};

void ctl_reset_plan_print(const ctl_reset_plan *plan)
{
	ctl_table *table = ctl_table_create(columns);
	char id[SEG_ID_TEXT_MAX];
	for (uint32_t i = 0; i < plan->count; i++) {
		const ctl_move *m = &plan->moves[i];
		ctl_table_number(table, m->partition);
		ctl_table_text(table, seg_id_format(m->old, id));
		ctl_table_text(table, seg_id_format(m->new, id));
		if (m->waiting < 0)
			ctl_table_none(table);
		else
			ctl_table_number(table, m->waiting);
	}
	ctl_table_print(table, plan->context->form, "", stdout);
	ctl_table_destroy(table);
}

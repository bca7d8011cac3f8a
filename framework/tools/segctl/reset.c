/*
 * reset.c - `segctl reset`: sets where a group goes on.
 *
 * First it is worked out where each partition comes from and goes to, which is all that --dry-run does. Then
 * one fenced step a partition sets it (framework/lua/reset.lua says why no owner can commit over it
 * unnoticed).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ask.h"
#include "batch.h"
#include "command.h"
#include "message.h"
#include "snapshot.h"
#include "stream/client.h"
#include "table.h"
#include "text.h"

enum { STEPS_MAX = 10000, SETTLE_TRIES = 10, ARENA_BLOCK = 1 << 16 };

#define NO_SHIFT INT64_MAX

static struct {
	const char *to;
	int64_t shift, partition;
	bool force, dry_run, yes;
} given = {.shift = NO_SHIFT, .partition = -1};

/* clang-format off */
static const ctl_option options[] = {
	{"to", 't', "WHERE", CTL_TEXT, &given.to, 0, 0, NULL,
	 "earliest, latest, behind an id, or from a time (2026-11-23T13:00:00Z)"},
	{"shift", 's', "N", CTL_NUMBER, &given.shift, -1000000000000, 1000000000000, NULL,
	 "so many messages on, or, below 0, back"},
	{"partition", 'p', "N", CTL_NUMBER, &given.partition, 0, 65535, NULL, "only this one"},
	{"dry-run", 0, NULL, CTL_FLAG, &given.dry_run, 0, 0, NULL, "only show where each would go"},
	{"force", 0, NULL, CTL_FLAG, &given.force, 0, 0, NULL,
	 "also while members live; they go on from there at once"},
	{"yes", 'y', NULL, CTL_FLAG, &given.yes, 0, 0, NULL, "do not ask"},
	CTL_OPTIONS_END,
};
/* clang-format on */

typedef struct {
	uint32_t number;
	char log[SEG_KEY_MAX], state[SEG_KEY_MAX];
	seg_id old, last, new;
	int64_t waiting; /* behind the new position; -1: not known */
	int64_t count;   /* entries up to there, ever; -1: not known */
	bool moved;      /* by somebody else, meanwhile */
	bool set;
} move;

typedef struct {
	ctl_context *context;
	seg_stream *stream;
	const char *group;
	ctl_snapshot snapshot;
	move *moves;
	uint32_t count;
} resetting;

static seg_id id_before(seg_id id)
{
	if (id.seq)
		return (seg_id){id.ms, id.seq - 1};
	return id.ms ? (seg_id){id.ms - 1, UINT64_MAX} : id;
}

/* --- steps over a log ------------------------------------------------------------------------ */

typedef struct {
	int64_t steps; /* of the newest answer */
	seg_id id;
	seg_id last;   /* the log's newest entry, just after */
	int64_t added; /* to the log, ever */
} walk;

static void got_steps(void *arg, size_t number, const seg_reply *reply)
{
	walk *w = arg;
	const seg_reply *id = seg_reply_at(reply, 2);
	(void)number;
	w->steps = seg_reply_number(seg_reply_at(reply, 1), 0);
	if (id)
		(void)seg_id_parse(id->text, &w->id);
}

/* XINFO STREAM; an error where the log does not exist yet. */
static void got_log(void *arg, size_t number, const seg_reply *reply)
{
	walk *w = arg;
	(void)number;
	for (size_t i = 0; reply->type == SEG_REPLY_ARRAY && i + 1 < reply->count; i += 2) {
		if (seg_reply_is(reply->elements[i], "last-generated-id"))
			(void)seg_id_parse(reply->elements[i + 1]->text, &w->last);
		else if (seg_reply_is(reply->elements[i], "entries-added"))
			w->added = seg_reply_number(reply->elements[i + 1], 0);
	}
}

static int take_steps(resetting *r, const move *m, walk *w, const char *direction, int64_t steps)
{
	char from[SEG_ID_TEXT_MAX], limit[24];
	seg_id_format(w->id, from);
	snprintf(limit, sizeof(limit), "%" PRId64, steps < STEPS_MAX ? steps : (int64_t)STEPS_MAX);
	const char *argv[] = {m->log, from, direction, limit};
	ctl_batch *batch = ctl_batch_create(true);
	ctl_batch_script(batch, got_steps, w, 0, SEG_SCRIPT_WALK, 1, 4, argv);
	ctl_batch_words(batch, got_log, w, 0, "XINFO", "STREAM", m->log, (char *)NULL);
	int exit_code = ctl_batch_run(batch, r->context->client, "read the stream");
	ctl_batch_destroy(batch);
	return exit_code;
}

/* Where so many messages on from the old position, or back from it, lead; the log's ends are the ends. */
static int shift(resetting *r, move *m, int64_t by)
{
	const char *direction = by < 0 ? "-" : "+";
	int64_t left = by < 0 ? -by : by;
	/* Back from behind the old position, so that its own message counts. */
	walk w = {.id = by < 0 ? (seg_id){m->old.ms, m->old.seq + (m->old.seq < UINT64_MAX)} : m->old};
	int exit_code = EX_OK;
	for (w.steps = 1; left > 0 && w.steps > 0 && exit_code == EX_OK; left -= w.steps)
		exit_code = take_steps(r, m, &w, direction, left);
	if (by < 0)
		m->new = left > 0 ? (seg_id){0, 0} : id_before(w.id);
	else
		m->new = w.id;
	return exit_code;
}

/* Counts what waits behind the new position, until no message comes in between. */
static int count_waiting(resetting *r, move *m)
{
	walk w = {.id = m->new};
	int64_t waiting = 0;
	int exit_code = EX_OK;
	m->waiting = m->count = -1;
	for (int tries = 0; exit_code == EX_OK && tries < SETTLE_TRIES;) {
		exit_code = take_steps(r, m, &w, "+", STEPS_MAX);
		waiting += w.steps;
		if (seg_id_compare(w.id, w.last) >= 0) {
			m->waiting = waiting;
			m->count = w.added - waiting;
			return exit_code;
		}
		tries += w.steps < STEPS_MAX;
	}
	return exit_code;
}

/* --- a packed log: its entries tell how many records came before -------------------------------- */

typedef struct {
	move *move;
	seg_arena *arena;
	int64_t total; /* records ever added */
} packed_count;

static void got_total(void *arg, size_t number, const seg_reply *reply)
{
	(void)number;
	((packed_count *)arg)->total = seg_reply_number(reply, 0);
}

/* The first entry that has a record behind the position; none: nothing waits. */
static void got_next_entry(void *arg, size_t number, const seg_reply *reply)
{
	packed_count *c = arg;
	move *m = c->move;
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

static int count_packed(resetting *r, move *m)
{
	seg_arena arena;
	packed_count c = {m, &arena, 0};
	char counters[SEG_KEY_MAX], from[SEG_ID_TEXT_MAX + 1] = "(";
	seg_arena_init(&arena, ARENA_BLOCK);
	seg_id_format(m->new, from + 1);
	seg_key_beside_log(counters, r->context->client->name_space, r->stream->name, m->number, "counters",
			   NULL);
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, got_total, &c, 0, "HGET", counters, "records", (char *)NULL);
	ctl_batch_words(batch, got_next_entry, &c, 0, "XRANGE", m->log, from, "+", "COUNT", "1",
			(char *)NULL);
	int exit_code = ctl_batch_run(batch, r->context->client, "read the stream");
	ctl_batch_destroy(batch);
	seg_arena_fini(&arena);
	return exit_code;
}

/* --- where to ---------------------------------------------------------------------------------- */

static void place(move *m, const seg_start *start)
{
	switch (start->kind) {
	case SEG_START_EARLIEST:
		m->new = (seg_id){0, 0};
		break;
	case SEG_START_LATEST:
		m->new = m->last;
		break;
	case SEG_START_AFTER_ID:
		m->new = start->id;
		break;
	case SEG_START_TIME:
		m->new = id_before((seg_id){start->id.ms, 0});
		break;
	}
	/* Behind the end, messages to come would be passed over. */
	if (seg_id_compare(m->new, m->last) > 0)
		m->new = m->last;
}

static int plan(resetting *r, const seg_start *start)
{
	const char *name_space = r->context->client->name_space;
	int exit_code = EX_OK;
	r->moves = ctl_allocate(r->snapshot.partition_count, sizeof(*r->moves));
	for (uint32_t p = 0; p < r->snapshot.partition_count && exit_code == EX_OK; p++) {
		if (given.partition >= 0 && given.partition != (int64_t)p)
			continue;
		move *m = &r->moves[r->count++];
		m->number = p;
		m->old = r->snapshot.partitions[p].info.position;
		m->last = r->snapshot.partitions[p].info.last;
		seg_key_log(m->log, name_space, r->stream->name, p);
		seg_key_beside_log(m->state, name_space, r->stream->name, p, r->group, "state");
		if (given.shift != NO_SHIFT)
			exit_code = shift(r, m, given.shift);
		else
			place(m, start);
		if (exit_code == EX_OK)
			exit_code = r->stream->shape.packing ? count_packed(r, m) : count_waiting(r, m);
	}
	return exit_code;
}

static const ctl_column columns[] = {
	{"partition", "PARTITION", true},  {"old", "FROM", false}, {"new", "TO", false},
	{"waiting", "THEN WAITING", true}, {NULL, NULL, false},
};

static void print_plan(const resetting *r)
{
	ctl_table *table = ctl_table_create(columns);
	char id[SEG_ID_TEXT_MAX];
	for (uint32_t i = 0; i < r->count; i++) {
		const move *m = &r->moves[i];
		ctl_table_number(table, m->number);
		ctl_table_text(table, seg_id_format(m->old, id));
		ctl_table_text(table, seg_id_format(m->new, id));
		if (m->waiting < 0)
			ctl_table_none(table);
		else
			ctl_table_number(table, m->waiting);
	}
	ctl_table_print(table, r->context->form, "", stdout);
	ctl_table_destroy(table);
}

/* --- doing it -------------------------------------------------------------------------------------- */

static void got_reset(void *arg, size_t i, const seg_reply *reply)
{
	move *m = &((resetting *)arg)->moves[i];
	m->set = seg_reply_is(seg_reply_at(reply, 0), "OK");
	m->moved = seg_reply_is(seg_reply_at(reply, 0), "MOVED");
}

static int set_positions(resetting *r)
{
	ctl_batch *batch = ctl_batch_create(false);
	for (uint32_t i = 0; i < r->count; i++) {
		const move *m = &r->moves[i];
		char old[SEG_ID_TEXT_MAX] = "", new[SEG_ID_TEXT_MAX], count[24];
		if (!given.force && seg_id_compare(m->old, (seg_id){0, 0}) != 0)
			seg_id_format(m->old, old);
		seg_id_format(m->new, new);
		snprintf(count, sizeof(count), "%s%" PRId64,
			 r->stream->shape.packing && m->count >= 0 ? "r" : "", m->count);
		const char *argv[] = {m->log, m->state, r->group, old, new, count};
		ctl_batch_script(batch, got_reset, r, i, SEG_SCRIPT_RESET, 2, 6, argv);
	}
	int exit_code = ctl_batch_run(batch, r->context->client, "set the positions");
	ctl_batch_destroy(batch);
	return exit_code;
}

/* Live owners would find out at their next commit only. */
static int tell_owners(resetting *r)
{
	const char *name_space = r->context->client->name_space;
	char partitions[SEG_KEY_MAX], control[SEG_KEY_MAX];
	const char **argv = ctl_allocate(2 + (size_t)r->count, sizeof(*argv));
	char(*numbers)[16] = ctl_allocate(r->count, sizeof(*numbers));
	seg_key_of_stream(partitions, name_space, r->stream->name, r->group, "partitions");
	seg_key_of_stream(control, name_space, r->stream->name, r->group, "control");
	argv[0] = partitions;
	argv[1] = control;
	for (uint32_t i = 0; i < r->count; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu32, r->moves[i].number);
		argv[2 + i] = numbers[i];
	}
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_script(batch, NULL, NULL, 0, SEG_SCRIPT_RENEW, 2, 2 + (int)r->count, argv);
	int exit_code = ctl_batch_run(batch, r->context->client, "tell the members");
	ctl_batch_destroy(batch);
	free(numbers);
	free(argv);
	return exit_code;
}

static int report(const resetting *r)
{
	uint32_t set = 0;
	int exit_code = EX_OK;
	for (uint32_t i = 0; i < r->count; i++) {
		set += r->moves[i].set;
		if (r->moves[i].moved)
			exit_code = ctl_complain(
				EX_TEMPFAIL,
				"partition %" PRIu32
				" was not set: its position has moved meanwhile, so somebody reads; stop the "
				"group's members, or say --force",
				r->moves[i].number);
	}
	if (r->context->form == CTL_FORM_TABLE)
		printf("%" PRIu32 " of %" PRIu32 " partitions set\n", set, r->count);
	return exit_code;
}

static int refuse_if_live(const resetting *r)
{
	char names[512];
	if (given.force || given.dry_run || r->snapshot.roster.live == 0)
		return EX_OK;
	return ctl_complain(EX_TEMPFAIL,
			    "group \"%s\" of stream \"%s\" has live members (%s); stop them, or say --force",
			    r->group, r->stream->name,
			    ctl_roster_names(&r->snapshot.roster, names, sizeof(names)));
}

static int set_all(resetting *r)
{
	int exit_code = refuse_if_live(r);
	if (exit_code)
		return exit_code;
	print_plan(r);
	if (given.dry_run)
		return EX_OK;
	exit_code = ctl_ask(given.yes,
			    "Set the position of group \"%s\" of stream \"%s\" in %" PRIu32 " partitions",
			    r->group, r->stream->name, r->count);
	if (exit_code == EX_OK)
		exit_code = set_positions(r);
	if (exit_code == EX_OK && given.force && r->snapshot.roster.live > 0)
		exit_code = tell_owners(r);
	return exit_code ? exit_code : report(r);
}

static int read_target(seg_start *start)
{
	seg_error error;
	if ((given.to != NULL) + (given.shift != NO_SHIFT) != 1)
		return ctl_complain(EX_USAGE,
				    "say where to: --to earliest, latest, an id or a time, or --shift N");
	if (given.to && seg_start_parse(given.to, start, &error))
		return ctl_complain(EX_USAGE, "--to: %s", error.text);
	return EX_OK;
}

static int reset(ctl_context *context, int argc, char **argv)
{
	seg_start start = {0};
	resetting r = {.context = context, .group = argv[1]};
	(void)argc;
	int exit_code = read_target(&start);
	if (exit_code == EX_OK)
		exit_code = ctl_open_stream(context, argv[0], &r.stream);
	if (exit_code)
		return exit_code;
	exit_code = ctl_snapshot_take(r.stream, r.group, &r.snapshot);
	if (exit_code == EX_OK && given.partition >= (int64_t)r.snapshot.partition_count)
		exit_code = ctl_complain(EX_NOINPUT,
					 "stream \"%s\" has the partitions 0 to %" PRIu32 ", not %" PRId64,
					 argv[0], r.snapshot.partition_count - 1, given.partition);
	if (exit_code == EX_OK && r.stream->shape.packing && given.shift != NO_SHIFT)
		exit_code = ctl_complain(
			EX_USAGE,
			"--shift counts entries, and stream \"%s\" packs many messages into one; say --to, "
			"with "
			"an id (segctl tail shows them) or a time",
			argv[0]);
	if (exit_code == EX_OK)
		exit_code = plan(&r, &start);
	if (exit_code == EX_OK)
		exit_code = set_all(&r);
	free(r.moves);
	ctl_snapshot_free(&r.snapshot);
	seg_stream_close(r.stream);
	return exit_code;
}

const ctl_command ctl_reset = {
	"reset",
	NULL,
	"STREAM GROUP",
	2,
	2,
	"Sets the position of a group: what it handles next",
	"What lies behind the new position is handled (again); what is passed over is not. The members "
	"should be stopped: with "
	"--force they are told to begin again from there, and what is in a handler at that moment may take "
	"effect, too.",
	options,
	reset,
};

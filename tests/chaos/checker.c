#include "chaos/checker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/ledger.h"

enum { VIOLATIONS_SHOWN = 40 };

#define NS_PER_MS 1000000

/* One call of a handler. */
typedef struct {
	uint32_t partition;
	int process;
	uint64_t epoch;
	int64_t start, end; /* end: when it had surely ended, also with its process */
	size_t ownership;
} call;

/* From partition_open to partition_close. */
typedef struct {
	uint32_t partition;
	int process;
	uint64_t epoch;
	int64_t opened;
	bool closed; /* the handler was told */
	bool released;
	bool begun;            /* a message was handed over */
	size_t again;          /* messages that an earlier ownership had been given */
	size_t first;          /* the entry it began with, */
	size_t done;           /* and one behind the last that it was done with; */
	bool wants_letter;     /* with that only once its dead letter is written */
	int64_t forgiven;      /* the end of the freeze for which a call was forgiven; 0: none */
	int64_t forgiven_call; /* when that call began */
} ownership;

typedef struct {
	chaos_history *history;
	chaos_ledger ledger;
	CHAOS_LIST(call) calls;
	CHAOS_LIST(ownership) ownerships;
	size_t *owner_of; /* the ownership that each record belongs to */
	chaos_verdict *verdict;
	FILE *out;
	size_t shown;
} checker;

__attribute__((format(printf, 3, 4))) static void violation(checker *c, size_t *counter, const char *format,
							    ...)
{
	++*counter;
	if (!c->out || c->shown++ >= VIOLATIONS_SHOWN)
		return;
	va_list args;
	va_start(args, format);
	fputs("violation: ", c->out);
	vfprintf(c->out, format, args);
	fputc('\n', c->out);
	va_end(args);
}

#define ID "%" PRIu64 "-%" PRIu64
#define ID_OF(id) (id).ms, (id).seq

/* --- processes --------------------------------------------------------------------- */

static int64_t end_of_process(const chaos_history *h, int process)
{
	for (size_t i = 0; i < h->processes.count; i++)
		if (h->processes.items[i].process == process)
			return h->processes.items[i].ended;
	return CHAOS_NEVER;
}

/* The freeze of the process that touches from..to, or NULL. */
static const chaos_freeze *freeze_between(const chaos_history *h, int process, int64_t from, int64_t to)
{
	for (size_t i = 0; i < h->freezes.count; i++) {
		const chaos_freeze *f = &h->freezes.items[i];
		if (f->process == process && f->from <= to && f->to >= from)
			return f;
	}
	return NULL;
}

/* --- what each ownership was given: in the log's order, without gaps ------------------- */

/* Where an ownership is in the log while its records are read. */
typedef struct {
	size_t ownership;
	bool open;
	bool in_call;
	size_t call;
	size_t call_first; /* entry with which the call began */
	size_t next;       /* the entry that must come next */
	size_t done;       /* one behind the last that it was done with */
	size_t furthest;   /* one behind the last that was ever given to it, */
	size_t counted;    /* and that it did not ask to be given again */
} walk;

static int compare_records(const void *a, const void *b)
{
	const chaos_record *x = a, *y = b;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	/* Equal times keep their order: kinds of one instant happen in the order of their lines. */
	return x->time != y->time ? (x->time < y->time ? -1 : 1) : (x < y ? -1 : x > y);
}

static void end_call(checker *c, walk *w, int64_t time)
{
	if (w->in_call)
		c->calls.items[w->call].end = time;
	w->in_call = false;
}

/* The walk is over: what was begun and not done may have been what ended it. */
static void end_ownership(checker *c, walk *w, bool released)
{
	if (!w->open)
		return;
	ownership *o = &c->ownerships.items[w->ownership];
	o->released = released;
	o->done = w->done;
	for (size_t i = w->done; !released && o->begun && i < w->furthest; i++)
		c->ledger.entries[i].deaths++;
	w->open = false;
}

static void begin_ownership(checker *c, walk *w, const chaos_record *r)
{
	end_ownership(c, w, false);
	ownership o = {.partition = r->partition,
		       .process = r->process,
		       .epoch = r->epoch,
		       .opened = r->time};
	chaos_append(&c->ownerships, o);
	*w = (walk){.ownership = c->ownerships.count - 1, .open = true};
}

static void take_message(checker *c, walk *w, const chaos_record *r)
{
	chaos_entry *e = chaos_ledger_find(&c->ledger, r->partition, r->id);
	size_t at = (size_t)(e - c->ledger.entries);
	ownership *o = &c->ownerships.items[w->ownership];
	if (!w->in_call) {
		call begun = {r->partition,
			      r->process,
			      r->epoch,
			      r->time,
			      end_of_process(c->history, r->process),
			      w->ownership};
		chaos_append(&c->calls, begun);
		w->in_call = true;
		w->call = c->calls.count - 1;
		w->call_first = at;
	}
	if (o->begun && at != w->next)
		violation(c, &c->verdict->reordered,
			  "partition %" PRIu32 " epoch %" PRIu64 ": " ID " came %s", r->partition, r->epoch,
			  ID_OF(r->id), at > w->next ? "before what precedes it" : "again, or late");
	if (!o->begun || at >= w->counted) {
		e->handled++;
		w->counted = at + 1;
	}
	if (!o->begun || at >= w->furthest)
		w->furthest = at + 1;
	if (!o->begun)
		w->done = o->first = at;
	o->begun = true;
	w->next = at + 1;
	if (r->time < e->begun) {
		e->begun = r->time;
		e->begun_epoch = r->epoch;
	}
}

/* The entries of the call up to `end` (not included) are done. */
static void decide(checker *c, const walk *w, size_t end, int64_t time)
{
	for (size_t i = w->call_first; i < end; i++)
		if (time < c->ledger.entries[i].decided)
			c->ledger.entries[i].decided = time;
}

static void take_return(checker *c, walk *w, const chaos_record *r)
{
	chaos_entry *e = chaos_ledger_find(&c->ledger, r->partition, r->id);
	if (!w->in_call || !e)
		return;
	size_t at = (size_t)(e - c->ledger.entries);
	decide(c, w, at + (r->kind != CHAOS_RETURN_AGAIN), r->time);
	e->wanted_dead |= r->kind == CHAOS_RETURN_DEAD;
	w->next = w->done = r->kind == CHAOS_RETURN_AGAIN ? at : at + 1;
	if (r->kind == CHAOS_RETURN_AGAIN && w->counted == at + 1) {
		e->handled--;
		w->counted = at;
	}
	c->ownerships.items[w->ownership].wants_letter = r->kind == CHAOS_RETURN_DEAD;
	end_call(c, w, r->time);
}

static void walk_records(checker *c)
{
	chaos_history *h = c->history;
	walk w = {0};
	for (size_t i = 0; i < h->records.count; i++) {
		const chaos_record *r = &h->records.items[i];
		if (i > 0 && (r->process != r[-1].process || r->partition != r[-1].partition)) {
			end_ownership(c, &w, false);
			w = (walk){0};
		}
		switch (r->kind) {
		case CHAOS_OPEN:
			begin_ownership(c, &w, r);
			break;
		case CHAOS_CLOSE_RELEASED:
		case CHAOS_CLOSE_LOST:
			if (w.open)
				c->ownerships.items[w.ownership].closed = true;
			end_ownership(c, &w, r->kind == CHAOS_CLOSE_RELEASED);
			break;
		case CHAOS_MESSAGE:
			if (!w.open)
				begin_ownership(c, &w, r);
			take_message(c, &w, r);
			break;
		case CHAOS_RETURN_DONE:
		case CHAOS_RETURN_DEAD:
		case CHAOS_RETURN_AGAIN:
			take_return(c, &w, r);
			break;
		}
		c->owner_of[i] = w.ownership;
	}
	end_ownership(c, &w, false);
}

/* --- the log itself -------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	const chaos_entry *x = *(chaos_entry *const *)a, *y = *(chaos_entry *const *)b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void check_producer_order(checker *c)
{
	const chaos_ledger *l = &c->ledger;
	chaos_entry **by_key = malloc((l->count + 1) * sizeof(*by_key));
	for (size_t i = 0; i < l->count; i++)
		by_key[i] = &l->entries[i];
	qsort(by_key, l->count, sizeof(*by_key), compare_keys);
	for (size_t i = 1; i < l->count; i++) {
		const chaos_entry *before = by_key[i - 1], *e = by_key[i];
		if (before->key == e->key && e->number <= before->number)
			violation(c, &c->verdict->reordered,
				  "partition %" PRIu32 ": record %" PRIu32 " of key k%" PRIu32
				  " was added %s, at " ID,
				  e->partition, e->number, e->key,
				  e->number == before->number ? "twice" : "late", ID_OF(e->id));
	}
	free(by_key);
}

static int compare_sends(const void *a, const void *b)
{
	const chaos_send *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->number != y->number ? (x->number < y->number ? -1 : 1) : 0;
}

static void check_entries(checker *c)
{
	chaos_history *h = c->history;
	for (size_t i = 0; i < c->ledger.count; i++) {
		const chaos_entry *e = &c->ledger.entries[i];
		chaos_send wanted = {.key = e->key, .number = e->number};
		if (e->conflicting || !h->sends.count ||
		    !bsearch(&wanted, h->sends.items, h->sends.count, sizeof(wanted), compare_sends))
			violation(c, &c->verdict->reordered,
				  "partition %" PRIu32 ": nobody sent what is at " ID, e->partition,
				  ID_OF(e->id));
		c->verdict->sent += e->acknowledged;
		c->verdict->handled += e->decided != CHAOS_NEVER;
		c->verdict->duplicates += e->handled > 1 ? e->handled - 1 : 0;
		if (e->acknowledged && e->decided == CHAOS_NEVER && !e->dead_letters)
			violation(c, &c->verdict->lost,
				  "partition %" PRIu32 ": " ID " (record %" PRIu32 " of key k%" PRIu32
				  ") was never handled",
				  e->partition, ID_OF(e->id), e->number, e->key);
		if (e->dead_letters != e->wanted_dead)
			violation(c, &c->verdict->lost,
				  "partition %" PRIu32 ": " ID " is a dead letter %u times, not %d",
				  e->partition, ID_OF(e->id), e->dead_letters, e->wanted_dead);
	}
}

static void take_dead_letters(checker *c)
{
	for (size_t i = 0; i < c->history->dead_letters.count; i++) {
		const chaos_dead_letter *d = &c->history->dead_letters.items[i];
		chaos_entry *e = chaos_ledger_find(&c->ledger, d->partition, d->id);
		if (!e) {
			violation(c, &c->verdict->lost,
				  "partition %" PRIu32 ": a dead letter of " ID ", which nobody has seen",
				  d->partition, ID_OF(d->id));
			continue;
		}
		e->dead_letters++;
		if (d->deaths > e->deaths)
			violation(c, &c->verdict->lost,
				  "partition %" PRIu32 ": " ID " became a dead letter for %" PRIu32
				  " deaths, of which %u happened",
				  d->partition, ID_OF(d->id), d->deaths, e->deaths);
		if (d->deaths) {
			e->wanted_dead = true;
			e->decided = e->begun < e->decided ? e->begun : e->decided;
		}
	}
}

/* --- one ownership after the other ------------------------------------------------------- */

static int compare_ownerships(const void *a, const void *b)
{
	const ownership *const *x = a, *const *y = b;
	if ((*x)->partition != (*y)->partition)
		return (*x)->partition < (*y)->partition ? -1 : 1;
	return (*x)->opened != (*y)->opened ? ((*x)->opened < (*y)->opened ? -1 : 1) : 0;
}

/* Whether Redis executed the owner's release before `until`. */
static bool was_released(const checker *c, const ownership *o, int64_t until)
{
	for (size_t i = 0; o->released && i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		if (a->kind == CHAOS_AUDIT_RELEASE && a->partition == o->partition && a->epoch == o->epoch &&
		    a->time <= until)
			return true;
	}
	return false;
}

/* How the messages of the ownership overlap with what others were given before, and what nobody was. */
static void check_beginning(checker *c)
{
	size_t last = SIZE_MAX, furthest = 0;
	for (size_t i = 0; i < c->history->records.count; i++) {
		const chaos_record *r = &c->history->records.items[i];
		if (r->kind != CHAOS_MESSAGE)
			continue;
		const chaos_entry *e = chaos_ledger_find(&c->ledger, r->partition, r->id);
		size_t at = (size_t)(e - c->ledger.entries);
		bool first = c->owner_of[i] != last;
		last = c->owner_of[i];
		if (first && !chaos_ledger_is_first(&c->ledger, e) && e[-1].all_decided > r->time)
			violation(c, &c->verdict->reordered,
				  "partition %" PRIu32 " epoch %" PRIu64 ": began at " ID
				  ", behind messages that nobody had handled",
				  r->partition, r->epoch, ID_OF(r->id));
		if (!first && at < furthest)
			continue;
		/* What a later owner had first, one that was frozen gives to its handler late: see check_overlap. */
		c->ownerships.items[last].again += e->begun < r->time && e->begun_epoch < r->epoch;
		furthest = at + 1;
	}
}

/* Whether Redis has the position at the entry, or behind it, by the owner's doing. */
static bool was_committed(const checker *c, const ownership *o, const chaos_entry *entry)
{
	for (size_t i = 0; i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		if (a->kind == CHAOS_AUDIT_COMMIT && a->partition == o->partition && a->epoch == o->epoch &&
		    seg_id_compare(a->id, entry->id) >= 0)
			return true;
	}
	return false;
}

/* One behind the last entry that must not come again. An owner that stops while Redis is away leaves a dead letter to the next. */
static size_t settled(const checker *c, const ownership *o)
{
	bool owed = o->wants_letter && !was_committed(c, o, &c->ledger.entries[o->done - 1]);
	return owed ? o->done - 1 : o->done;
}

static void check_repetition(checker *c)
{
	size_t count = c->ownerships.count;
	ownership **order = malloc((count + 1) * sizeof(*order));
	for (size_t i = 0; i < count; i++)
		order[i] = &c->ownerships.items[i];
	qsort(order, count, sizeof(*order), compare_ownerships);
	for (size_t i = 0; i < count; i++) {
		const ownership *o = order[i], *before = i > 0 && order[i - 1]->partition == o->partition
								 ? order[i - 1]
								 : NULL;
		if (o->again > c->history->window)
			violation(c, &c->verdict->excessive,
				  "partition %" PRIu32 " epoch %" PRIu64
				  ": %zu messages came again, of %" PRIu32 " in flight at most",
				  o->partition, o->epoch, o->again, c->history->window);
		else if (before && before->begun && o->begun && o->first < before->done &&
			 was_released(c, before, o->opened) && o->first < settled(c, before))
			violation(c, &c->verdict->excessive,
				  "partition %" PRIu32 " epoch %" PRIu64
				  ": %zu messages came again after a clean handoff",
				  o->partition, o->epoch, before->done - o->first);
	}
	free(order);
}

/* --- at the same time -------------------------------------------------------------------- */

static int compare_calls(const void *a, const void *b)
{
	const call *x = a, *y = b;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return x->start != y->start ? (x->start < y->start ? -1 : 1) : 0;
}

/* Nobody can take back a call that was under way, or as good as that, when its process was stopped: one each time. */
static bool forgive(checker *c, const call *late, int64_t from, int64_t to)
{
	ownership *o = &c->ownerships.items[late->ownership];
	const chaos_freeze *f = freeze_between(c->history, late->process, from, to);
	if (f && o->forgiven == f->to)
		return o->forgiven_call == late->start;
	if (f) {
		o->forgiven = f->to;
		o->forgiven_call = late->start;
	}
	return f != NULL;
}

static void check_overlap(checker *c)
{
	const call *newest = NULL, *longest = NULL;
	if (c->calls.count)
		qsort(c->calls.items, c->calls.count, sizeof(*c->calls.items), compare_calls);
	for (size_t i = 0; i < c->calls.count; i++) {
		const call *k = &c->calls.items[i];
		if (i == 0 || k->partition != k[-1].partition)
			newest = longest = NULL;
		if (longest && longest->ownership != k->ownership && longest->end > k->start &&
		    longest->epoch < k->epoch && !forgive(c, longest, longest->start, k->start))
			violation(c, &c->verdict->stale,
				  "partition %" PRIu32 ": epochs %" PRIu64 " and %" PRIu64
				  " handled messages at the same time",
				  k->partition, longest->epoch, k->epoch);
		/* The check of the lease, a stop, and then the call: from the newer owner's first call back to the lease's end. */
		if (newest && newest->epoch > k->epoch &&
		    !forgive(c, k, newest->start - 2000 * (int64_t)NS_PER_MS, k->start))
			violation(c, &c->verdict->stale,
				  "partition %" PRIu32 ": epoch %" PRIu64 " began a call after epoch %" PRIu64
				  " had",
				  k->partition, k->epoch, newest->epoch);
		if (!newest || k->epoch > newest->epoch)
			newest = k;
		if (!longest || k->end > longest->end)
			longest = k;
	}
}

/* --- what Redis executed ------------------------------------------------------------------ */

typedef struct {
	uint64_t epoch; /* the newest that was seen */
	bool up;        /* the fence is known to be up, for that epoch */
	bool known;
	seg_id position;
} fence;

static void check_commit(checker *c, const fence *f, const chaos_audit *a)
{
	if (f->known && (!f->up || a->epoch != f->epoch))
		violation(c, &c->verdict->stale,
			  "partition %" PRIu32 ": epoch %" PRIu64 " committed " ID
			  " when the fence was %s%" PRIu64,
			  a->partition, a->epoch, ID_OF(a->id), f->up ? "at " : "down since ", f->epoch);
	else if (a->epoch < f->epoch)
		violation(c, &c->verdict->stale,
			  "partition %" PRIu32 ": epoch %" PRIu64 " committed after epoch %" PRIu64,
			  a->partition, a->epoch, f->epoch);
	int direction = seg_id_compare(a->id, f->position);
	if (direction < 0)
		violation(c, &c->verdict->stale,
			  "partition %" PRIu32 " epoch %" PRIu64 ": the position went back from " ID
			  " to " ID,
			  a->partition, a->epoch, ID_OF(f->position), ID_OF(a->id));
	if (direction <= 0)
		return;
	const chaos_entry *e = chaos_ledger_find(&c->ledger, a->partition, a->id);
	if (!e || e->all_decided > a->time)
		violation(c, &c->verdict->stale,
			  "partition %" PRIu32 " epoch %" PRIu64 ": " ID
			  " was committed before it was handled",
			  a->partition, a->epoch, ID_OF(a->id));
}

static void check_claim(checker *c, const fence *f, const chaos_audit *a)
{
	if (a->epoch < f->epoch)
		violation(c, &c->verdict->stale,
			  "partition %" PRIu32 ": the fence went from epoch %" PRIu64 " back to %" PRIu64,
			  a->partition, f->epoch, a->epoch);
	if (f->known && a->epoch == f->epoch && !f->up)
		violation(c, &c->verdict->stale,
			  "partition %" PRIu32 ": epoch %" PRIu64 " was claimed again after its release",
			  a->partition, a->epoch);
	if (seg_id_compare(a->id, f->position) < 0 || (f->known && seg_id_compare(a->id, f->position) > 0))
		violation(c, &c->verdict->stale,
			  "partition %" PRIu32 " epoch %" PRIu64 ": claimed at " ID
			  ", not at the position " ID,
			  a->partition, a->epoch, ID_OF(a->id), ID_OF(f->position));
}

static void check_audit(checker *c)
{
	uint32_t partitions = 0;
	for (size_t i = 0; i < c->history->audits.count; i++)
		if (c->history->audits.items[i].partition >= partitions)
			partitions = c->history->audits.items[i].partition + 1;
	fence *fences = calloc(partitions + 1, sizeof(*fences));
	for (size_t i = 0; i < c->history->audits.count; i++) {
		const chaos_audit *a = &c->history->audits.items[i];
		fence *f = &fences[a->partition];
		switch (a->kind) {
		case CHAOS_AUDIT_GAP:
			for (uint32_t p = 0; p < partitions; p++)
				fences[p].known = false;
			continue;
		case CHAOS_AUDIT_CLAIM:
			check_claim(c, f, a);
			f->known = f->up = true;
			break;
		case CHAOS_AUDIT_COMMIT:
			check_commit(c, f, a);
			break;
		case CHAOS_AUDIT_RELEASE:
			f->up = false;
			break;
		}
		if (a->epoch > f->epoch)
			f->epoch = a->epoch;
		if (a->kind != CHAOS_AUDIT_RELEASE && seg_id_compare(a->id, f->position) > 0)
			f->position = a->id;
	}
	free(fences);
}

/* --- takeovers ------------------------------------------------------------------------------ */

/* Whether something else was wrong meanwhile: then it takes as long as that. */
static bool disturbed(const chaos_history *h, int64_t from, int64_t to)
{
	for (size_t i = 0; i < h->processes.count; i++)
		if (h->processes.items[i].killed && h->processes.items[i].killed_at > from &&
		    h->processes.items[i].killed_at < to)
			return true;
	for (size_t i = 0; i < h->freezes.count; i++)
		if (h->freezes.items[i].from <= to && h->freezes.items[i].to >= from)
			return true;
	for (size_t i = 0; i < h->outages.count; i++)
		if (h->outages.items[i].from <= to && h->outages.items[i].to >= from)
			return true;
	return false;
}

/* When the partition was opened first after `time`, by anybody. */
static int64_t next_open(const checker *c, uint32_t partition, int64_t time)
{
	int64_t first = CHAOS_NEVER;
	for (size_t i = 0; i < c->ownerships.count; i++) {
		const ownership *o = &c->ownerships.items[i];
		if (o->partition == partition && o->opened > time && o->opened < first)
			first = o->opened;
	}
	return first;
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* The ownership with which the process's records of a partition end was open when it was killed. */
static bool was_open(const checker *c, size_t i, const chaos_process *p)
{
	const ownership *o = &c->ownerships.items[i], *next = o + 1;
	bool last = i + 1 == c->ownerships.count || next->process != o->process ||
		    next->partition != o->partition;
	return o->process == p->process && last && !o->closed;
}

static void measure_takeovers(checker *c)
{
	CHAOS_LIST(int64_t) times = {0};
	for (size_t n = 0; n < c->history->processes.count; n++) {
		const chaos_process *p = &c->history->processes.items[n];
		for (size_t i = 0; p->killed && i < c->ownerships.count; i++) {
			if (!was_open(c, i, p))
				continue;
			int64_t taken = next_open(c, c->ownerships.items[i].partition, p->killed_at);
			if (taken != CHAOS_NEVER && !disturbed(c->history, p->killed_at, taken))
				chaos_append(&times, taken - p->killed_at);
		}
	}
	if (times.count) {
		qsort(times.items, times.count, sizeof(*times.items), compare_times);
		c->verdict->takeover_p99_ms = (long)(times.items[(times.count * 99 - 1) / 100] / NS_PER_MS);
	}
	c->verdict->takeovers = times.count;
	free(times.items);
}

/* --- all of it -------------------------------------------------------------------------------- */

void chaos_check(chaos_history *history, chaos_verdict *verdict, FILE *out)
{
	checker c = {.history = history, .verdict = verdict, .out = out};
	*verdict = (chaos_verdict){0};
	if (history->records.count)
		qsort(history->records.items, history->records.count, sizeof(*history->records.items),
		      compare_records);
	if (history->sends.count)
		qsort(history->sends.items, history->sends.count, sizeof(*history->sends.items),
		      compare_sends);
	c.owner_of = calloc(history->records.count + 1, sizeof(*c.owner_of));
	chaos_ledger_init(&c.ledger, history);
	walk_records(&c);
	take_dead_letters(&c);
	chaos_ledger_settle(&c.ledger);
	check_entries(&c);
	check_producer_order(&c);
	check_beginning(&c);
	check_repetition(&c);
	measure_takeovers(&c);
	check_overlap(&c);
	check_audit(&c);
	chaos_ledger_fini(&c.ledger);
	free(c.owner_of);
	free(c.calls.items);
	free(c.ownerships.items);
}

bool chaos_verdict_good(const chaos_verdict *verdict)
{
	return verdict->lost + verdict->reordered + verdict->stale + verdict->excessive == 0;
}

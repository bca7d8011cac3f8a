#include "chaos/replay.h"

#include <stdarg.h>
#include <stdlib.h>

#include "chaos/ledger.h"

enum { VIOLATIONS_SHOWN = 40 };

#define ID "%" PRIu64 "-%" PRIu64
#define ID_OF(id) (id).ms, (id).seq

/* What the replay says of an entry, and the output has of it. */
typedef struct {
	chaos_chain chain;   /* with it */
	bool letter, killed; /* it became a dead letter; because its owners died */
	unsigned parts;      /* which of its records are there, a bit each */
} fate;

/* A key: its chain at the end. */
typedef struct {
	bool known;
	bool killed;    /* the chains that its records tell may differ */
	bool forgotten; /* Redis lost messages of it: its chains and its value may count them, or not */
	bool kept;      /* it has a value */
	uint32_t partition;
	chaos_chain chain;
} account;

typedef struct {
	chaos_history *history;
	chaos_ledger ledger;
	fate *fates;
	account *accounts;
	uint32_t keys;
	chaos_replay_verdict *verdict;
	FILE *out;
	size_t shown;
} replay;

static void violation(replay *r, size_t *counter, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void violation(replay *r, size_t *counter, const char *format, ...)
{
	++*counter;
	if (!r->out || r->shown++ >= VIOLATIONS_SHOWN)
		return;
	va_list args;
	va_start(args, format);
	fputs("violation: ", r->out);
	vfprintf(r->out, format, args);
	fputc('\n', r->out);
	va_end(args);
}

/* --- the replay ----------------------------------------------------------------------------- */

static void take_letters(replay *r)
{
	for (size_t i = 0; i < r->history->dead_letters.count; i++) {
		const chaos_dead_letter *d = &r->history->dead_letters.items[i];
		const chaos_entry *e = chaos_ledger_find(&r->ledger, d->partition, d->generation, d->id);
		if (!e)
			continue;
		fate *f = &r->fates[e - r->ledger.entries];
		f->letter = true;
		f->killed |= d->deaths > 0;
	}
}

static void run_replay(replay *r)
{
	for (size_t i = 0; i < r->ledger.count; i++) {
		const chaos_entry *e = &r->ledger.entries[i];
		account *a = &r->accounts[e->key];
		fate *f = &r->fates[i];
		a->killed |= f->killed;
		a->forgotten |= e->vanished;
		if (f->letter || e->vanished)
			continue;
		a->known = true;
		a->partition = e->partition;
		chaos_chain_add(&a->chain, e->id.ms, e->id.seq, e->number);
		f->chain = a->chain;
		r->verdict->sources++;
	}
}

static uint32_t count_keys(const replay *r)
{
	uint32_t most = 0;
	for (size_t i = 0; i < r->ledger.count; i++)
		most = r->ledger.entries[i].key > most ? r->ledger.entries[i].key : most;
	return most + 1;
}

/* --- the output ------------------------------------------------------------------------------- */

static int compare_origins(const void *a_, const void *b_)
{
	const chaos_origin *a = a_, *b = b_;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return seg_id_compare(a->id, b->id);
}

/* The order of the records of a key: that of their messages, then their own numbers. */
static int compare_sources(const chaos_origin *a, const chaos_origin *b)
{
	int order = seg_id_compare(a->source_id, b->source_id);
	return order ? order : (a->part > b->part) - (a->part < b->part);
}

static void check_record(replay *r, const chaos_origin *o)
{
	const chaos_entry *e = chaos_ledger_find(&r->ledger, o->source_partition, 0, o->source_id);
	if (!e || e->key != o->key || e->number != o->number || o->part >= chaos_parts_of(o->number)) {
		violation(r, &r->verdict->untrue,
			  "the output has at partition %" PRIu32 " " ID " a record of key k%" PRIu32
			  " that came from no message",
			  o->partition, ID_OF(o->id), o->key);
		return;
	}
	fate *f = &r->fates[e - r->ledger.entries];
	if (f->parts & 1u << o->part)
		violation(r, &r->verdict->twice,
			  "the output has record %" PRIu32 " of " ID " (partition %" PRIu32 ", key k%" PRIu32
			  ", number %" PRIu32 ") twice, also at partition %" PRIu32 " " ID,
			  o->part, ID_OF(e->id), e->partition, e->key, e->number, o->partition, ID_OF(o->id));
	f->parts |= 1u << o->part;
	if (e->vanished || r->accounts[e->key].forgotten)
		return;
	if (f->letter && !f->killed)
		violation(r, &r->verdict->untrue,
			  "the output has a record of " ID " (partition %" PRIu32 ", key k%" PRIu32
			  ", number %" PRIu32 "), which became a dead letter",
			  ID_OF(e->id), e->partition, e->key, e->number);
	else if (!r->history->no_values && !r->accounts[e->key].killed &&
		 (o->chain.count != f->chain.count || o->chain.hash != f->chain.hash))
		violation(r, &r->verdict->untrue,
			  "the record of " ID " (partition %" PRIu32 ", key k%" PRIu32 ", number %" PRIu32
			  ") says that it was its key's message %" PRIu64 ", and it was %" PRIu64 "%s",
			  ID_OF(e->id), e->partition, e->key, e->number, o->chain.count, f->chain.count,
			  o->chain.count == f->chain.count ? ", after others" : "");
}

/* Readers get a record again and again; what counts is where it is in the output. */
static void check_output(replay *r)
{
	chaos_origin *origins = r->history->origins.items;
	const chaos_origin *before = NULL;
	if (r->history->origins.count)
		qsort(origins, r->history->origins.count, sizeof(*origins), compare_origins);
	for (size_t i = 0; i < r->history->origins.count; i++) {
		const chaos_origin *o = &origins[i];
		if (before && compare_origins(before, o) == 0)
			continue;
		r->verdict->outputs++;
		if (before && before->key == o->key &&
		    (before->partition != o->partition || compare_sources(before, o) > 0))
			violation(r, &r->verdict->misplaced,
				  "key k%" PRIu32 ": the output has the record of " ID
				  " at partition %" PRIu32 " " ID ", behind that of " ID
				  " at partition %" PRIu32 " " ID,
				  o->key, ID_OF(o->source_id), o->partition, ID_OF(o->id),
				  ID_OF(before->source_id), before->partition, ID_OF(before->id));
		check_record(r, o);
		before = o;
	}
}

/* Each message has all its records. */
static void check_messages(replay *r)
{
	for (size_t i = 0; i < r->ledger.count; i++) {
		const chaos_entry *e = &r->ledger.entries[i];
		const fate *f = &r->fates[i];
		unsigned all = (1u << chaos_parts_of(e->number)) - 1;
		bool none_is_right = (f->letter && f->parts == 0) || e->vanished;
		if (!none_is_right && f->parts != all)
			violation(r, &r->verdict->missing,
				  "the output has %s of the %" PRIu32 " records of " ID " (partition %" PRIu32
				  ", key k%" PRIu32 ", number %" PRIu32 ")",
				  f->parts ? "not all" : "none", chaos_parts_of(e->number), ID_OF(e->id),
				  e->partition, e->key, e->number);
	}
}

/* --- the values --------------------------------------------------------------------------------- */

static void check_value(replay *r, const chaos_value *v)
{
	account *a = v->key < r->keys ? &r->accounts[v->key] : NULL;
	r->verdict->values++;
	if (a && a->forgotten) {
		a->kept = true;
		return;
	}
	if (!a || !a->known || a->partition != v->partition) {
		violation(r, &r->verdict->untrue,
			  "partition %" PRIu32 " has a value of key k%" PRIu32 ", of which it has no message",
			  v->partition, v->key);
		return;
	}
	if (a->kept)
		violation(r, &r->verdict->twice, "partition %" PRIu32 " has two values of key k%" PRIu32,
			  v->partition, v->key);
	a->kept = true;
	if (a->chain.count != v->chain.count || a->chain.hash != v->chain.hash)
		violation(r, &r->verdict->untrue,
			  "partition %" PRIu32 ": the value of key k%" PRIu32 " is that of %" PRIu64
			  " messages, and the log has %" PRIu64 "%s",
			  v->partition, v->key, v->chain.count, a->chain.count,
			  a->chain.count == v->chain.count ? ", not the same or not in that order" : "");
}

static void check_values(replay *r)
{
	for (size_t i = 0; i < r->history->values.count; i++)
		check_value(r, &r->history->values.items[i]);
	for (uint32_t k = 0; k < r->keys; k++)
		if (r->accounts[k].known && !r->accounts[k].kept && !r->accounts[k].forgotten)
			violation(r, &r->verdict->missing,
				  "partition %" PRIu32 " has no value of key k%" PRIu32,
				  r->accounts[k].partition, k);
}

void chaos_replay_check(chaos_history *history, chaos_replay_verdict *verdict, FILE *out)
{
	replay r = {.history = history, .verdict = verdict, .out = out};
	*verdict = (chaos_replay_verdict){0};
	chaos_ledger_init(&r.ledger, history);
	r.keys = count_keys(&r);
	r.fates = calloc(r.ledger.count + 1, sizeof(*r.fates));
	r.accounts = calloc(r.keys, sizeof(*r.accounts));
	if (!r.fates || !r.accounts)
		abort();
	take_letters(&r);
	run_replay(&r);
	check_output(&r);
	check_messages(&r);
	if (!history->no_values)
		check_values(&r);
	free(r.fates);
	free(r.accounts);
	chaos_ledger_fini(&r.ledger);
}

bool chaos_replay_good(const chaos_replay_verdict *v)
{
	return v->missing + v->twice + v->misplaced + v->untrue == 0;
}

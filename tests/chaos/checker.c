#include "chaos/checker_parts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/generations.h"

enum { VIOLATIONS_SHOWN = 40 };

/* So long does Redis know at least which batches it has added. */
enum { BATCHES_KNOWN_MS = 10 * 60 * 1000 };

void chaos_violation(chaos_checker *c, size_t *counter, const char *format, ...)
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

/* --- the log itself -------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	const chaos_entry *x = *(chaos_entry *const *)a, *y = *(chaos_entry *const *)b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Whether Redis's clock jumped so far that Redis forgot which batches it had, before it acknowledged the record of this entry. */
static bool is_forgotten_by_a_jump(const chaos_checker *c, const chaos_entry *e)
{
	for (size_t i = 0; i < c->history->jumps.count; i++) {
		const chaos_jump *j = &c->history->jumps.items[i];
		if (j->ms >= BATCHES_KNOWN_MS && (!e->acknowledged || e->told >= j->time))
			return true;
	}
	return false;
}

/* Whether Redis forgot this record, and the sender, which had not heard of it, added it again. */
static bool is_sent_again(const chaos_checker *c, chaos_entry *const *by_key, size_t i)
{
	const chaos_entry *e = by_key[i];
	for (size_t j = i; j-- > 0 && by_key[j]->key == e->key && by_key[j]->generation == e->generation;)
		if (by_key[j]->number == e->number)
			return !by_key[j]->acknowledged && is_forgotten_by_a_jump(c, e);
	return false;
}

static void check_key(chaos_checker *c, chaos_entry *const *by_key, size_t count)
{
	/* What was acknowledged of lost logs must not come again; the rest may have been sent again. */
	int64_t told = -1, told_before = -1;
	for (size_t i = 0; i < count; i++) {
		const chaos_entry *e = by_key[i], *before = i > 0 ? by_key[i - 1] : NULL;
		if (before && before->generation != e->generation) {
			told_before = told;
			before = NULL;
		}
		bool late = before && e->number <= before->number && !is_sent_again(c, by_key, i);
		if (late || e->number <= told_before)
			chaos_violation(c, &c->verdict->reordered,
					"partition %" PRIu32 ": record %" PRIu32 " of key k%" PRIu32
					" was added %s, at " ID,
					e->partition, e->number, e->key,
					before && e->number == before->number ? "twice" : "late",
					ID_OF(e->id));
		if (e->acknowledged && e->number > told)
			told = e->number;
	}
}

static void check_producer_order(chaos_checker *c)
{
	const chaos_ledger *l = &c->ledger;
	size_t count = 0;
	/* What only a lost primary had may have been sent again. */
	chaos_entry **by_key = malloc((l->count + 1) * sizeof(*by_key));
	for (size_t i = 0; i < l->count; i++)
		if (!l->entries[i].vanished || l->entries[i].in_lost_log)
			by_key[count++] = &l->entries[i];
	qsort(by_key, count, sizeof(*by_key), compare_keys);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && by_key[to]->key == by_key[from]->key;)
			to++;
		check_key(c, by_key + from, to - from);
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

/* Counts a deletion: before the entry was handed over, or after. */
static void check_removal(chaos_checker *c, const chaos_entry *e)
{
	if (e->deleted && e->begun == CHAOS_NEVER)
		c->verdict->gaps++;
	else if (e->deleted)
		c->verdict->late_deletions++;
}

/* The log must have what no failover explains the loss of. */
static void check_log(chaos_checker *c, const chaos_entry *e)
{
	c->verdict->forgotten += e->acknowledged && e->vanished;
	if (c->history->whole_log && !e->logged && !e->vanished)
		chaos_violation(c, &c->verdict->lost,
				"partition %" PRIu32 ": " ID " (record %" PRIu32 " of key k%" PRIu32
				", %s) is not in the log, and no failover explains that",
				e->partition, ID_OF(e->id), e->number, e->key,
				e->acknowledged ? "acknowledged" : "handled");
	if (c->history->durable && e->acknowledged && e->vanished && !e->disputed)
		chaos_violation(c, &c->verdict->lost,
				"partition %" PRIu32 ": " ID " (record %" PRIu32 " of key k%" PRIu32
				") was acknowledged by all replicas, and a failover lost it",
				e->partition, ID_OF(e->id), e->number, e->key);
}

static void check_entries(chaos_checker *c)
{
	chaos_history *h = c->history;
	for (size_t i = 0; i < c->ledger.count; i++) {
		const chaos_entry *e = &c->ledger.entries[i];
		chaos_send wanted = {.key = e->key, .number = e->number};
		if (e->conflicting || !h->sends.count ||
		    !bsearch(&wanted, h->sends.items, h->sends.count, sizeof(wanted), compare_sends))
			chaos_violation(c, &c->verdict->reordered,
					"partition %" PRIu32 ": nobody sent the message at " ID, e->partition,
					ID_OF(e->id));
		c->verdict->sent += e->acknowledged;
		c->verdict->handled += e->decided != CHAOS_NEVER;
		c->verdict->duplicates += e->handled > 1 ? e->handled - 1 : 0;
		check_removal(c, e);
		check_log(c, e);
		if ((e->acknowledged || e->logged || e->in_lost_log) && e->decided == CHAOS_NEVER &&
		    !e->dead_letters && !e->deleted && !e->vanished)
			chaos_violation(c, &c->verdict->lost,
					"partition %" PRIu32 ": " ID " (record %" PRIu32 " of key k%" PRIu32
					") was never handled",
					e->partition, ID_OF(e->id), e->number, e->key);
		c->verdict->vanished += e->vanished && e->decided == CHAOS_NEVER;
		c->verdict->vanished_handled += e->vanished && e->decided != CHAOS_NEVER;
		/* When an entry vanishes, its dead letter vanishes, too. */
		if (e->dead_letters != e->wanted_dead && !(e->vanished && e->dead_letters == 0))
			chaos_violation(c, &c->verdict->lost,
					"partition %" PRIu32 ": " ID " has %u dead letters, not %d",
					e->partition, ID_OF(e->id), e->dead_letters, e->wanted_dead);
	}
}

/*
 * An entry that was removed while being handled, before its commit, may count as unread if its owner died
 * then.
 */
static void check_gaps(chaos_checker *c)
{
	const chaos_history *h = c->history;
	size_t most = c->verdict->gaps + (h->processes_died ? c->verdict->late_deletions : 0);
	if (h->removed_unread < c->verdict->gaps || h->removed_unread > most)
		chaos_violation(c, &c->verdict->miscounted,
				"the group counts %" PRIu64 " entries as removed unread, not %zu",
				h->removed_unread, c->verdict->gaps);
}

/*
 * A letter has the content that the log has when the letter is written: none if the log was lost meanwhile. Then it is of an entry of
 * the newest lost log with that id.
 */
static chaos_entry *entry_of(const chaos_checker *c, const chaos_dead_letter *d)
{
	chaos_entry *e = chaos_ledger_find(&c->ledger, d->partition, d->generation, d->id);
	for (uint32_t g = d->generation; !e && g-- > 0;)
		e = chaos_ledger_find(&c->ledger, d->partition, g, d->id);
	return e;
}

static void take_dead_letters(chaos_checker *c)
{
	for (size_t i = 0; i < c->history->dead_letters.count; i++) {
		const chaos_dead_letter *d = &c->history->dead_letters.items[i];
		chaos_entry *e = entry_of(c, d);
		if (!e) {
			chaos_violation(c, &c->verdict->lost,
					"partition %" PRIu32 ": a dead letter of " ID
					", which is no known entry",
					d->partition, ID_OF(d->id));
			continue;
		}
		e->dead_letters++;
		/* A partition with lanes has many messages that may have killed its owner. */
		unsigned most = d->deaths == 0 || c->history->lanes > 1 ? d->deaths : chaos_deaths_most(c, e);
		if (d->deaths > most)
			chaos_violation(c, &c->verdict->lost,
					"partition %" PRIu32 ": " ID " became a dead letter for %" PRIu32
					" deaths, of which at most %u happened there",
					d->partition, ID_OF(d->id), d->deaths, most);
		if (d->deaths) {
			e->wanted_dead = true;
			e->decided = e->begun < e->decided ? e->begun : e->decided;
		}
	}
}

/* --- the whole check -------------------------------------------------------------------------------- */

void chaos_check(chaos_history *history, chaos_verdict *verdict, FILE *out)
{
	chaos_checker c = {.history = history, .verdict = verdict, .out = out};
	*verdict = (chaos_verdict){0};
	if (history->sends.count)
		qsort(history->sends.items, history->sends.count, sizeof(*history->sends.items),
		      compare_sends);
	chaos_generations_tell(history);
	c.owner_of = calloc(history->records.count + 1, sizeof(*c.owner_of));
	chaos_ledger_init(&c.ledger, history);
	if (history->lanes > 1)
		chaos_check_lanes(&c);
	else
		chaos_check_walk(&c);
	take_dead_letters(&c);
	chaos_ledger_settle(&c.ledger);
	check_entries(&c);
	check_gaps(&c);
	check_producer_order(&c);
	chaos_check_owners(&c);
	chaos_check_takeovers(&c);
	chaos_check_redis(&c);
	chaos_ledger_fini(&c.ledger);
	free(c.owner_of);
	free(c.calls.items);
	free(c.ownerships.items);
}

bool chaos_verdict_good(const chaos_verdict *verdict)
{
	return verdict->lost + verdict->reordered + verdict->stale + verdict->excessive +
		       verdict->miscounted ==
	       0;
}

#include "chaos/ledger.h"

#include <stdlib.h>

typedef CHAOS_LIST(chaos_entry) entry_list;

static int compare(const void *a, const void *b)
{
	const chaos_entry *x = a, *y = b;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	return seg_id_compare(x->id, y->id);
}

static void merge(chaos_entry *into, const chaos_entry *from)
{
	into->conflicting |= from->conflicting || into->key != from->key || into->number != from->number;
	into->acknowledged |= from->acknowledged;
	into->logged |= from->logged;
	into->deleted |= from->deleted;
	if (from->gone < into->gone)
		into->gone = from->gone;
}

/* Marks the entries that only a lost history had. Ids of later histories are higher, because the clock goes on. */
static void take_rollbacks(chaos_ledger *ledger, const chaos_history *history)
{
	for (size_t i = 0; i < history->rollbacks.count; i++) {
		const chaos_rollback *r = &history->rollbacks.items[i];
		for (size_t j = 0; j < ledger->count; j++) {
			chaos_entry *e = &ledger->entries[j];
			if (r->assignment || e->logged || e->partition != r->partition ||
			    seg_id_compare(e->id, r->kept) <= 0 || seg_id_compare(e->id, r->lost) > 0)
				continue;
			e->vanished = true;
			e->disputed |= r->disputed;
			e->gone = r->time < e->gone ? r->time : e->gone;
		}
	}
}

static size_t merge_equal(chaos_entry *entries, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && compare(&entries[kept - 1], &entries[i]) == 0)
			merge(&entries[kept - 1], &entries[i]);
		else
			entries[kept++] = entries[i];
	}
	return kept;
}

static void add_logged(entry_list *list, const chaos_history *history)
{
	for (size_t i = 0; i < history->logged.count; i++) {
		const chaos_logged *l = &history->logged.items[i];
		chaos_entry entry = {.partition = l->partition,
				     .id = l->id,
				     .key = l->key,
				     .number = l->number,
				     .logged = true,
				     .begun = CHAOS_NEVER,
				     .decided = CHAOS_NEVER,
				     .all_decided = CHAOS_NEVER,
				     .gone = CHAOS_NEVER};
		chaos_append(list, entry);
	}
}

void chaos_ledger_init(chaos_ledger *ledger, const chaos_history *history)
{
	entry_list list = {0};
	chaos_entry entry = {.begun = CHAOS_NEVER,
			     .decided = CHAOS_NEVER,
			     .all_decided = CHAOS_NEVER,
			     .gone = CHAOS_NEVER};
	for (size_t i = 0; i < history->sends.count; i++) {
		const chaos_send *s = &history->sends.items[i];
		entry.partition = s->partition;
		entry.id = s->id;
		entry.key = s->key;
		entry.number = s->number;
		entry.acknowledged = true;
		if (s->acknowledged)
			chaos_append(&list, entry);
	}
	for (size_t i = 0; i < history->records.count; i++) {
		const chaos_record *r = &history->records.items[i];
		entry.partition = r->partition;
		entry.id = r->id;
		entry.key = r->key;
		entry.number = r->number;
		entry.acknowledged = false;
		if (r->kind == CHAOS_MESSAGE)
			chaos_append(&list, entry);
	}
	for (size_t i = 0; i < history->deletions.count; i++) {
		const chaos_deletion *d = &history->deletions.items[i];
		entry.partition = d->partition;
		entry.id = d->id;
		entry.key = d->key;
		entry.number = d->number;
		entry.gone = d->time;
		entry.deleted = true;
		chaos_append(&list, entry);
	}
	add_logged(&list, history);
	if (list.count)
		qsort(list.items, list.count, sizeof(*list.items), compare);
	*ledger = (chaos_ledger){list.items, merge_equal(list.items, list.count)};
	take_rollbacks(ledger, history);
}

void chaos_ledger_fini(chaos_ledger *ledger)
{
	free(ledger->entries);
}

chaos_entry *chaos_ledger_find(const chaos_ledger *ledger, uint32_t partition, seg_id id)
{
	chaos_entry wanted = {.partition = partition, .id = id};
	return ledger->count ? bsearch(&wanted, ledger->entries, ledger->count, sizeof(wanted), compare)
			     : NULL;
}

void chaos_ledger_settle(chaos_ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++) {
		chaos_entry *e = &ledger->entries[i];
		e->all_decided = e->decided < e->gone ? e->decided : e->gone;
		if (!chaos_ledger_is_first(ledger, e) && e[-1].all_decided > e->all_decided)
			e->all_decided = e[-1].all_decided;
	}
}

bool chaos_ledger_is_first(const chaos_ledger *ledger, const chaos_entry *entry)
{
	return entry == ledger->entries || entry[-1].partition != entry->partition;
}

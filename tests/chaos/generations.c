#include "chaos/generations.h"

#include <stdlib.h>

enum { UNKNOWN = UINT32_MAX };

/* Something that is about one message. */
typedef struct {
	uint32_t partition, key, number;
	seg_id id;
	uint32_t generation; /* as far as this alone tells it, or UNKNOWN */
	uint32_t *told;      /* where the answer goes, or NULL */
} mention;

typedef CHAOS_LIST(mention) mention_list;

/* How many of the partition's logs were lost until then, or in the whole run with CHAOS_NEVER. */
static uint32_t losses_until(const chaos_history *h, uint32_t partition, int64_t time)
{
	uint32_t count = 0;
	for (size_t i = 0; i < h->losses.count; i++)
		count += h->losses.items[i].partition == partition && h->losses.items[i].time <= time;
	return count;
}

static int compare(const void *a, const void *b)
{
	const mention *x = a, *y = b;
	if (x->partition != y->partition)
		return x->partition < y->partition ? -1 : 1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return seg_id_compare(x->id, y->id);
}

/* All that is about one message is of one generation, the oldest that is mentioned. */
static void settle(const chaos_history *h, mention *mentions, size_t count)
{
	uint32_t oldest = UNKNOWN;
	for (size_t i = 0; i < count; i++)
		oldest = mentions[i].generation < oldest ? mentions[i].generation : oldest;
	if (oldest == UNKNOWN)
		oldest = losses_until(h, mentions[0].partition, CHAOS_NEVER);
	for (size_t i = 0; i < count; i++)
		if (mentions[i].told)
			*mentions[i].told = oldest;
}

static void mention_all(chaos_history *h, mention_list *list)
{
	for (size_t i = 0; i < h->sends.count; i++) {
		chaos_send *s = &h->sends.items[i];
		if (s->acknowledged)
			chaos_append(list, (mention){s->partition, s->key, s->number, s->id, UNKNOWN,
						     &s->generation});
	}
	for (size_t i = 0; i < h->records.count; i++) {
		chaos_record *r = &h->records.items[i];
		if (r->kind == CHAOS_MESSAGE)
			chaos_append(list, (mention){r->partition, r->key, r->number, r->id,
						     losses_until(h, r->partition, r->time), &r->generation});
	}
	for (size_t i = 0; i < h->lost.count; i++) {
		const chaos_lost *l = &h->lost.items[i];
		chaos_append(list, (mention){l->partition, l->key, l->number, l->id, l->generation, NULL});
	}
	for (size_t i = 0; i < h->dead_letters.count; i++) {
		chaos_dead_letter *d = &h->dead_letters.items[i];
		chaos_append(list,
			     (mention){d->partition, d->key, d->number, d->id, UNKNOWN, &d->generation});
	}
}

/* Redis executed these in the order of the list. */
static void tell_audits(chaos_history *h)
{
	uint32_t partitions = 0;
	for (size_t i = 0; i < h->audits.count; i++)
		if (h->audits.items[i].partition >= partitions)
			partitions = h->audits.items[i].partition + 1;
	uint32_t *generations = calloc(partitions + 1, sizeof(*generations));
	for (size_t i = 0; i < h->audits.count; i++) {
		chaos_audit *a = &h->audits.items[i];
		if (a->kind == CHAOS_AUDIT_LOG_LOST)
			generations[a->partition]++;
		for (uint32_t p = 0; a->kind == CHAOS_AUDIT_ALL_LOST && p < partitions; p++)
			generations[p]++;
		a->generation = generations[a->partition];
	}
	free(generations);
}

void chaos_generations_tell(chaos_history *history)
{
	mention_list list = {0};
	if (!history->losses.count)
		return;
	mention_all(history, &list);
	if (list.count)
		qsort(list.items, list.count, sizeof(*list.items), compare);
	for (size_t from = 0, to; from < list.count; from = to) {
		for (to = from + 1; to < list.count && compare(&list.items[from], &list.items[to]) == 0;)
			to++;
		settle(history, list.items + from, to - from);
	}
	free(list.items);
	tell_audits(history);
}

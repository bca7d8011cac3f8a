#include "consumer/emitted.h"

/* A completion with so many bytes takes no further message: a cut copies at most so much, and a completion costs some KiB by itself. */
enum { PIECE = 16 << 10 };

/* NULL: out of memory. */
static seg_completion *append(seg_emitted *e, uint64_t number)
{
	seg_completion *c = seg_completion_create();
	if (!c)
		return NULL;
	c->begin = c->end = number;
	if (e->last)
		e->last->next = c;
	else
		e->first = c;
	e->last = c;
	return c;
}

/* Whether its newest records are that message's. */
static bool ends_with(const seg_completion *c, uint64_t number)
{
	return c && c->emission_count > 0 && c->end == number + 1;
}

bool seg_emitted_add(seg_emitted *e, uint64_t number, const seg_emission *record)
{
	seg_completion *c = e->last;
	seg_emission numbered = *record;
	bool again = ends_with(c, number);
	numbered.number = again ? c->emissions[c->emission_count - 1].number + 1 : 1;
	if (!c || (!again && c->bytes >= PIECE))
		c = append(e, number);
	if (!c)
		return false;
	size_t before = c->bytes;
	bool added = seg_emission_add(c, &numbered);
	size_t bytes = c->bytes - before;
	e->bytes += bytes;
	if (!added)
		return false;
	c->end = number + 1;
	e->last_bytes = again ? e->last_bytes + bytes : bytes;
	return true;
}

bool seg_emitted_is_past(const seg_emitted *e, uint64_t number)
{
	return e->last && e->last->end > number + 1;
}

size_t seg_emitted_of(const seg_emitted *e, uint64_t number)
{
	return ends_with(e->last, number) ? e->last_bytes : 0;
}

/* The completion with records of messages on both sides of `number`; NULL: there is none. */
static seg_completion *astride(const seg_emitted *e, uint64_t number)
{
	for (seg_completion *c = e->first; c && c->begin < number; c = c->next)
		if (c->end > number)
			return c;
	return NULL;
}

bool seg_emitted_cut(seg_emitted *e, uint64_t number, seg_id id)
{
	seg_completion *c = astride(e, number), *rest;
	size_t kept = 0;
	if (!c)
		return true;
	rest = seg_completion_create();
	if (!rest)
		return false;
	while (kept < c->emission_count && seg_id_compare(c->emissions[kept].source, id) < 0)
		kept++;
	for (size_t i = kept; i < c->emission_count; i++)
		if (!seg_emission_add(rest, &c->emissions[i])) {
			seg_completion_destroy(rest);
			return false;
		}
	rest->begin = number;
	rest->end = c->end;
	rest->next = c->next;
	c->emission_count = kept;
	c->end = number;
	c->next = rest;
	if (e->last == c)
		e->last = rest;
	e->bytes += rest->bytes;
	return true;
}

/* The first one if all of it is before `number`, without it in the list; or NULL. */
static seg_completion *take(seg_emitted *e, uint64_t number)
{
	seg_completion *c = e->first;
	if (!c || c->end > number)
		return NULL;
	e->first = c->next;
	if (!e->first)
		e->last = NULL;
	c->next = NULL;
	e->bytes -= c->bytes;
	return c;
}

void seg_emitted_hand_over(seg_emitted *e, uint64_t number, seg_handoff *handoff)
{
	for (seg_completion *c; (c = take(e, number)) != NULL;)
		seg_handoff_complete(handoff, c);
}

void seg_emitted_drop(seg_emitted *e, uint64_t number)
{
	for (seg_completion *c; (c = take(e, number)) != NULL;)
		seg_completion_destroy(c);
}

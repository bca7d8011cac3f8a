#include "seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* After a pause, the whole list can be too old. Each message forgets a few texts, so that none takes long. */
enum { FORGET_AT_ONCE = 8, NUMBERS_MAX = 48 };

/* The message that is handled, and its part of the state. */
typedef struct context {
	const seg_batch *batch;
	size_t index;
	const seen_bounds *bounds;
	uint64_t now;
	uint64_t first, next; /* of the list */
} context;

typedef struct name {
	char bytes[SEG_STATE_NAME_MAX];
	size_t length;
} name;

static const name list = {.bytes = "list", .length = 4};

static name name_of_text(const char *text, size_t length)
{
	name n = {.bytes = "=", .length = length + 1};
	memcpy(n.bytes + 1, text, length);
	return n;
}

static name name_of_number(uint64_t number)
{
	name n;
	n.length = (size_t)snprintf(n.bytes, sizeof(n.bytes), "#%" PRIu64, number);
	return n;
}

/* Reads a value of two numbers. False if there is none. */
static bool get_numbers(const context *c, const name *n, uint64_t *a, uint64_t *b)
{
	char text[NUMBERS_MAX];
	size_t length;
	const void *value = seg_state_get(c->batch, c->index, n->bytes, n->length, &length);
	if (!value || length >= sizeof(text))
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	return sscanf(text, "%" SCNu64 " %" SCNu64, a, b) == 2;
}

static const char *put_numbers(const context *c, const name *n, uint64_t a, uint64_t b)
{
	char text[NUMBERS_MAX];
	int length = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, a, b);
	return seg_state_put(c->batch, c->index, n->bytes, n->length, text, (size_t)length);
}

/* Whether number `number` of the list, which came at `time`, is within the bounds. */
static bool counts(const context *c, uint64_t number, uint64_t time)
{
	bool is_recent = c->bounds->window == 0 || c->now < time || c->now - time < c->bounds->window;
	return is_recent && c->next - number <= c->bounds->count;
}

/* Forgets the oldest text of the list, unless it is within the bounds. Returns whether it was forgotten. */
static bool forget_oldest(context *c)
{
	name entry = name_of_number(c->first);
	size_t length;
	uint64_t number, time;
	const char *text = seg_state_get(c->batch, c->index, entry.bytes, entry.length, &length);
	if (text && length <= SEEN_TEXT_MAX) {
		name seen = name_of_text(text, length);
		bool known = get_numbers(c, &seen, &number, &time);
		/* A text that came again later has a higher number. */
		if (known && number == c->first && counts(c, number, time))
			return false;
		if (known && number == c->first)
			seg_state_delete(c->batch, c->index, seen.bytes, seen.length);
	}
	seg_state_delete(c->batch, c->index, entry.bytes, entry.length);
	c->first++;
	return true;
}

/* Forgets before it adds: so the state does not grow once the list is full. */
static const char *note(context *c, const name *seen)
{
	uint64_t number = c->next++;
	for (int i = 0; i < FORGET_AT_ONCE && c->first < number && forget_oldest(c);)
		i++;
	name entry = name_of_number(number);
	const char *why = put_numbers(c, seen, number, c->now);
	if (!why)
		why = seg_state_put(c->batch, c->index, entry.bytes, entry.length, seen->bytes + 1,
				    seen->length - 1);
	return why ? why : put_numbers(c, &list, c->first, c->next);
}

bool seen_before(const seg_batch *batch, size_t index, const seen_bounds *bounds, const char *text,
		 size_t length, uint64_t now, const char **why)
{
	context c = {.batch = batch, .index = index, .bounds = bounds, .now = now};
	name seen = name_of_text(text, length);
	uint64_t number, time;
	*why = NULL;
	if (!get_numbers(&c, &list, &c.first, &c.next))
		c.first = c.next = 0;
	if (get_numbers(&c, &seen, &number, &time) && counts(&c, number, time))
		return true;
	*why = note(&c, &seen);
	return false;
}

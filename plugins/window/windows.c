#include "windows.h"

#include <inttypes.h>

enum { VALUE_MAX = 4 * AMOUNT_TEXT_MAX };

/* What a window has seen of a key. */
typedef struct totals {
	uint64_t count;
	bool has_amounts;
	amount sum, min, max;
} totals;

/* A window that closes. */
typedef struct closing {
	uint64_t start;
	const char *key; /* in the walk's keys, from key_offset on; set when these no longer move */
	size_t key_offset, key_length;
	totals totals;
} closing;

/* What a walk over the state finds. */
typedef struct walk {
	const window_rules *rules;
	uint64_t newest;
	uint64_t close; /* of the windows that stay open, the first to close; 0: none */
	closing *list;
	size_t count, capacity;
	buffer keys;
	bool failed;
} walk;

static const char time_name[] = "time";

/* --- values as text ------------------------------------------------------------------------------ */

static bool read_totals(totals *t, const char *value, size_t length)
{
	char text[VALUE_MAX];
	char sum[AMOUNT_TEXT_MAX], min[AMOUNT_TEXT_MAX], max[AMOUNT_TEXT_MAX];
	if (length >= sizeof(text))
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	*t = (totals){0};
	int parts = sscanf(text, "%" SCNu64 " %47s %47s %47s", &t->count, sum, min, max);
	t->has_amounts = parts == 4;
	if (parts != 4)
		return parts == 1;
	return amount_read(&t->sum, sum, strlen(sum)) && amount_read(&t->min, min, strlen(min)) &&
	       amount_read(&t->max, max, strlen(max));
}

static int write_totals(const totals *t, char text[VALUE_MAX])
{
	char sum[AMOUNT_TEXT_MAX], min[AMOUNT_TEXT_MAX], max[AMOUNT_TEXT_MAX];
	if (!t->has_amounts)
		return snprintf(text, VALUE_MAX, "%" PRIu64, t->count);
	amount_write(&t->sum, sum);
	amount_write(&t->min, min);
	amount_write(&t->max, max);
	return snprintf(text, VALUE_MAX, "%" PRIu64 " %s %s %s", t->count, sum, min, max);
}

/* Reads "START KEY". Returns where the key begins; 0 for the name of another value. */
static size_t read_name(const char *name, size_t length, uint64_t *start)
{
	size_t digits = 0;
	*start = 0;
	for (; digits < length && name[digits] >= '0' && name[digits] <= '9'; digits++)
		*start = *start * 10 + (uint64_t)(name[digits] - '0');
	return digits > 0 && digits < length && name[digits] == ' ' ? digits + 1 : 0;
}

static void add_totals(totals *t, const amount *value)
{
	bool first = !t->has_amounts;
	t->count++;
	if (!value)
		return;
	t->sum = first ? *value : amount_add(&t->sum, value);
	if (first || amount_is_less(value, &t->min))
		t->min = *value;
	if (first || amount_is_less(&t->max, value))
		t->max = *value;
	t->has_amounts = true;
}

/* --- windows that close ---------------------------------------------------------------------------- */

static uint64_t closes_at(const window_rules *rules, uint64_t start)
{
	return start + rules->size + rules->grace;
}

static bool make_room(walk *w)
{
	if (w->count < w->capacity)
		return true;
	size_t capacity = w->capacity ? 2 * w->capacity : 64;
	closing *list = realloc(w->list, capacity * sizeof(*list));
	if (!list)
		return false;
	w->list = list;
	w->capacity = capacity;
	return true;
}

static int visit(void *arg, const void *name, size_t name_length, const void *value, size_t value_length)
{
	walk *w = arg;
	closing c;
	size_t key = read_name(name, name_length, &c.start);
	if (key == 0 || !read_totals(&c.totals, value, value_length))
		return 0;
	uint64_t close = closes_at(w->rules, c.start);
	if (close > w->newest) {
		if (w->close == 0 || close < w->close)
			w->close = close;
		return 0;
	}
	c.key_offset = w->keys.length;
	c.key_length = name_length - key;
	buffer_add(&w->keys, (const char *)name + key, c.key_length);
	w->failed = w->keys.failed || !make_room(w);
	if (!w->failed)
		w->list[w->count++] = c;
	return w->failed;
}

static int compare(const void *a_, const void *b_)
{
	const closing *a = a_, *b = b_;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	size_t common = a->key_length < b->key_length ? a->key_length : b->key_length;
	int order = memcmp(a->key, b->key, common);
	return order ? order : a->key_length < b->key_length ? -1 : a->key_length > b->key_length;
}

/* In the order in which their results are emitted: a walk has none of its own, and results need the same one each time. */
static void sort(walk *w)
{
	for (size_t i = 0; i < w->count; i++)
		w->list[i].key = w->list[i].key_length ? w->keys.bytes + w->list[i].key_offset : "";
	if (w->count > 0)
		qsort(w->list, w->count, sizeof(*w->list), compare);
}

/* {"key":"alice","start":1763907600000,"end":1763907660000,"count":3,"sum":12.5,"min":1,"max":9} */
static void write_result(buffer *json, const window_rules *rules, const closing *c)
{
	char text[AMOUNT_TEXT_MAX];
	const totals *t = &c->totals;
	buffer_reset(json);
	buffer_text(json, "{");
	buffer_field(json, "key", c->key, c->key_length, false);
	buffer_format(json, ",\"start\":%" PRIu64 ",\"end\":%" PRIu64 ",\"count\":%" PRIu64, c->start,
		      c->start + rules->size, t->count);
	if (t->has_amounts) {
		amount_write(&t->sum, text);
		buffer_format(json, ",\"sum\":%s", text);
		amount_write(&t->min, text);
		buffer_format(json, ",\"min\":%s", text);
		amount_write(&t->max, text);
		buffer_format(json, ",\"max\":%s", text);
	}
	buffer_text(json, "}");
}

static size_t name_of(char name[SEG_STATE_NAME_MAX], uint64_t start, const char *key, size_t key_length)
{
	size_t length = (size_t)snprintf(name, SEG_STATE_NAME_MAX, "%" PRIu64 " ", start);
	memcpy(name + length, key, key_length);
	return length + key_length;
}

static const char *emit_result(const window_rules *rules, const seg_batch *batch, size_t index,
			       const closing *c, buffer *json)
{
	char name[SEG_STATE_NAME_MAX];
	write_result(json, rules, c);
	if (json->failed)
		return "out of memory";
	seg_output result = {.stream = rules->output,
			     .key = c->key,
			     .key_length = c->key_length,
			     .data = json->bytes,
			     .data_length = json->length};
	const char *why = seg_emit(batch, index, &result);
	size_t length = name_of(name, c->start, c->key, c->key_length);
	return why ? why : seg_state_delete(batch, index, name, length);
}

/*
 * What one message may emit and change is bounded (in_flight_bytes, at least 4 MiB), so it closes windows until their results have about
 * 1 MiB, and the next message goes on. OVERHEAD: of a result and of the name that is deleted, as segrunner counts them, rounded up.
 */
enum { CLOSING_BYTES = 1 << 20, OVERHEAD = 384 };

/* Emits the results of windows that close at `newest`. *close: when the next one does, or did; 0: none is open. */
static const char *close_windows(const window_rules *rules, const seg_batch *batch, size_t index,
				 uint64_t newest, buffer *json, uint64_t *close, uint64_t *closed)
{
	walk w = {.rules = rules, .newest = newest};
	seg_state_each(batch, index, visit, &w);
	const char *why = w.failed ? "out of memory" : NULL;
	sort(&w);
	size_t done = 0;
	for (size_t bytes = 0; done < w.count && bytes < CLOSING_BYTES && !why; done++) {
		why = emit_result(rules, batch, index, &w.list[done], json);
		bytes += OVERHEAD + json->length + 2 * w.list[done].key_length;
	}
	*closed += done;
	*close = done < w.count ? closes_at(rules, w.list[done].start) : w.close;
	free(w.list);
	buffer_fini(&w.keys);
	return why;
}

/* --- counting ---------------------------------------------------------------------------------------- */

static const char *count_in(const seg_batch *batch, size_t index, uint64_t start, const occurrence *o)
{
	char name[SEG_STATE_NAME_MAX], text[VALUE_MAX];
	size_t name_length = name_of(name, start, o->key, o->key_length), length;
	totals t = {0};
	const char *value = seg_state_get(batch, index, name, name_length, &length);
	if (value && !read_totals(&t, value, length))
		return "the state has a value that this plugin did not write";
	add_totals(&t, o->value);
	return seg_state_put(batch, index, name, name_length, text, (size_t)write_totals(&t, text));
}

static void get_time(const seg_batch *batch, size_t index, uint64_t *newest, uint64_t *close)
{
	char text[64] = "";
	size_t length;
	const char *value = seg_state_get(batch, index, time_name, strlen(time_name), &length);
	*newest = *close = 0;
	if (!value || length >= sizeof(text))
		return;
	memcpy(text, value, length);
	if (sscanf(text, "%" SCNu64 " %" SCNu64, newest, close) != 2)
		*newest = *close = 0;
}

static const char *put_time(const seg_batch *batch, size_t index, uint64_t newest, uint64_t close)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, newest, close);
	return seg_state_put(batch, index, time_name, strlen(time_name), text, (size_t)length);
}

windows_outcome windows_count(const window_rules *rules, const seg_batch *batch, size_t index,
			      const occurrence *o, buffer *json, uint64_t *closed, const char **why)
{
	uint64_t newest, close, start = o->time - o->time % rules->size;
	get_time(batch, index, &newest, &close);
	*why = NULL;
	if (closes_at(rules, start) <= newest)
		return WINDOWS_LATE;
	uint64_t newest_before = newest, close_before = close;
	if (o->time > newest)
		newest = o->time;
	if (close && close <= newest)
		*why = close_windows(rules, batch, index, newest, json, &close, closed);
	if (!*why)
		*why = count_in(batch, index, start, o);
	if (close == 0 || closes_at(rules, start) < close)
		close = closes_at(rules, start);
	if (!*why && (newest != newest_before || close != close_before))
		*why = put_time(batch, index, newest, close);
	return *why ? WINDOWS_FAILED : WINDOWS_COUNTED;
}

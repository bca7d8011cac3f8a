#include "keyspace.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "batch.h"
#include "complain.h"
#include "cursor.h"
#include "stream/client.h"

void ctl_keys_add(ctl_keys *keys, const char *key, size_t length)
{
	if (keys->count == keys->room) {
		keys->room = keys->room ? 2 * keys->room : 64;
		keys->list = ctl_reallocate(keys->list, keys->room, sizeof(*keys->list));
	}
	keys->list[keys->count++] = ctl_copy(key, length);
}

void ctl_keys_add_reply(ctl_keys *keys, const seg_reply *array)
{
	for (size_t i = 0; array && i < array->count; i++)
		if (array->elements[i]->type == SEG_REPLY_TEXT)
			ctl_keys_add(keys, array->elements[i]->text, array->elements[i]->length);
}

void ctl_keys_remove(ctl_keys *keys, const char *key)
{
	size_t kept = 0;
	for (size_t i = 0; i < keys->count; i++) {
		if (strcmp(keys->list[i], key) == 0)
			free(keys->list[i]);
		else
			keys->list[kept++] = keys->list[i];
	}
	keys->count = kept;
}

void ctl_keys_free(ctl_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		free(keys->list[i]);
	free(keys->list);
	*keys = (ctl_keys){0};
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void ctl_keys_sort(ctl_keys *keys)
{
	size_t kept = 0;
	if (keys->count == 0)
		return;
	qsort(keys->list, keys->count, sizeof(*keys->list), compare);
	for (size_t i = 1; i < keys->count; i++) {
		if (strcmp(keys->list[kept], keys->list[i]) == 0)
			free(keys->list[i]);
		else
			keys->list[++kept] = keys->list[i];
	}
	keys->count = kept + 1;
}

typedef struct {
	ctl_keys *keys;
	const seg_route *route;
	ctl_cursor cursor;
	unsigned calls;   /* that are left; UINT_MAX: without end */
	int64_t deadline; /* seg_now() after which no call begins */
} scan;

/* How often a search begins anew because a connection or its node was replaced: each time, what was found stays. */
enum { RESTARTS = 5 };

static void got_page(void *arg, size_t number, const seg_reply *reply)
{
	scan *s = arg;
	(void)number;
	if (ctl_cursor_take(&s->cursor, s->route, reply))
		ctl_keys_add_reply(s->keys, seg_reply_at(reply, 1));
}

static bool may_go_on(const scan *s)
{
	return s->calls > 0 && seg_now() < s->deadline;
}

/* *replaced: another connection or node has come in the place of the one that was asked, so that some keys may be missing. */
static int scan_node(ctl_context *context, seg_node node, const char *pattern, scan *s, bool *replaced)
{
	ctl_batch *batch = ctl_batch_create(false);
	int exit_code;
	ctl_cursor_begin(&s->cursor);
	ctl_batch_on_node(batch, node);
	do {
		ctl_batch_words(batch, got_page, s, 0, "SCAN", s->cursor.text, "MATCH", pattern, "COUNT",
				"1000", (char *)NULL);
		exit_code = ctl_batch_run(batch, context->client, "look for keys");
		s->calls -= s->calls < UINT_MAX;
		*replaced = s->cursor.torn || ctl_batch_lacks_node(batch);
	} while (exit_code == 0 && !*replaced && ctl_cursor_goes_on(&s->cursor) && may_go_on(s));
	ctl_batch_destroy(batch);
	return exit_code;
}

static int scan_nodes(ctl_context *context, const char *pattern, scan *s, bool *replaced)
{
	int exit_code = 0;
	seg_node node = 0;
	do {
		node = seg_route_next(s->route, node);
		exit_code = scan_node(context, node, pattern, s, replaced);
	} while (exit_code == 0 && !*replaced && node > 0 && seg_route_next(s->route, node) > 0 &&
		 may_go_on(s));
	return exit_code;
}

static int scan_all(ctl_context *context, const char *pattern, scan *s)
{
	int exit_code = 0;
	bool replaced = true;
	s->route = context->client->route;
	for (int times = 0; exit_code == 0 && replaced && times <= RESTARTS && may_go_on(s); times++)
		exit_code = scan_nodes(context, pattern, s, &replaced);
	if (exit_code == 0 && replaced && s->calls == UINT_MAX)
		exit_code = ctl_complain(
			EX_TEMPFAIL,
			"cannot look for keys: the connection to Redis was lost, or another node took over, again and again; run the "
			"command again");
	ctl_keys_sort(s->keys);
	return exit_code;
}

int ctl_keys_find(ctl_context *context, const char *pattern, ctl_keys *keys)
{
	return scan_all(context, pattern, &(scan){.keys = keys, .calls = UINT_MAX, .deadline = INT64_MAX});
}

int ctl_keys_find_some(ctl_context *context, const char *pattern, unsigned calls, ctl_keys *keys)
{
	return scan_all(context, pattern,
			&(scan){.keys = keys,
				.calls = calls,
				.deadline = seg_now() + context->client->timeout});
}

int ctl_keys_unlink(ctl_context *context, const ctl_keys *keys)
{
	ctl_batch *batch = ctl_batch_create(false);
	for (size_t i = 0; i < keys->count; i++)
		ctl_batch_words(batch, NULL, NULL, i, "UNLINK", keys->list[i], (char *)NULL);
	int exit_code = ctl_batch_run(batch, context->client, "remove keys");
	ctl_batch_destroy(batch);
	return exit_code;
}

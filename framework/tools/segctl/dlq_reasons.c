#include "dlq_reasons.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

typedef struct {
	char *reason;
	int64_t count;
	uint64_t first_ms, last_ms;
	uint32_t partitions; /* that have such letters */
	uint32_t newest;     /* the last partition that was counted */
	char letter[SEG_ID_TEXT_MAX];
} reason;

typedef struct {
	reason *list;
	size_t count, room;
} reasons;

static const ctl_column columns[] = {
	{"count", "LETTERS", true},       {"partitions", "PARTITIONS", true},
	{"first_time", "FIRST", false},   {"last_time", "LAST", false},
	{"partition", "PARTITION", true}, {"letter", "NEWEST LETTER", false},
	{"reason", "REASON", false},      {NULL, NULL, false},
};

static reason *find(reasons *all, const char *text)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->list[i].reason, text) == 0)
			return &all->list[i];
	if (all->count == all->room) {
		all->room = all->room ? 2 * all->room : 16;
		all->list = ctl_reallocate(all->list, all->room, sizeof(*all->list));
	}
	all->list[all->count] = (reason){.reason = ctl_copy(text, strlen(text)), .first_ms = UINT64_MAX};
	return &all->list[all->count++];
}

static bool count_letter(void *arg, const ctl_dead_letter *letter)
{
	reason *r = find(arg, letter->reason);
	r->partitions += r->count == 0 || r->newest != letter->partition;
	r->newest = letter->partition;
	r->count++;
	r->first_ms = letter->time_ms < r->first_ms ? letter->time_ms : r->first_ms;
	r->last_ms = letter->time_ms > r->last_ms ? letter->time_ms : r->last_ms;
	snprintf(r->letter, sizeof(r->letter), "%s", letter->id);
	return true;
}

static int most_first(const void *a, const void *b)
{
	const reason *x = a, *y = b;
	return (x->count < y->count) - (x->count > y->count);
}

int ctl_dlq_reasons_print(ctl_context *context, const seg_stream *stream, const char *group,
			  const ctl_letter_filter *filter)
{
	reasons all = {0};
	int exit_code = ctl_letters_visit(context, stream, group, filter, count_letter, &all);
	ctl_table *table = ctl_table_create(columns);
	if (all.count)
		qsort(all.list, all.count, sizeof(*all.list), most_first);
	for (size_t i = 0; i < all.count; i++) {
		const reason *r = &all.list[i];
		ctl_table_number(table, r->count);
		ctl_table_number(table, r->partitions);
		ctl_table_time(table, r->first_ms);
		ctl_table_time(table, r->last_ms);
		ctl_table_number(table, r->newest);
		ctl_table_text(table, r->letter);
		ctl_table_text(table, r->reason);
		free(r->reason);
	}
	if (exit_code == 0)
		ctl_table_print(table, context->form, "No dead letter matches", stdout);
	ctl_table_destroy(table);
	free(all.list);
	return exit_code;
}

#include "dlq_reasons.h"

#include <sysexits.h>

#include "complain.h"
#include "look/reasons.h"
#include "position.h"
#include "table.h"

static const ctl_column columns[] = {
	{"count", "LETTERS", true},       {"partitions", "PARTITIONS", true},
	{"first_time", "FIRST", false},   {"last_time", "LAST", false},
	{"partition", "PARTITION", true}, {"letter", "NEWEST LETTER", false},
	{"reason", "REASON", false},      {NULL, NULL, false},
};

static bool count_letter(void *arg, const ctl_dead_letter *letter)
{
	if (!seg_reasons_add(arg, letter->reason, letter->partition, letter->time_ms,
			     letter->content.message.id))
		ctl_die(EX_OSERR, "out of memory");
	return true;
}

int ctl_dlq_reasons_print(ctl_context *context, const seg_stream *stream, const char *group,
			  const ctl_letter_filter *filter)
{
	char id[SEG_ID_TEXT_MAX];
	seg_reasons all = {0};
	int exit_code = ctl_letters_visit(context, stream, group, filter, count_letter, &all);
	ctl_table *table = ctl_table_create(columns);
	seg_reasons_sort(&all);
	for (size_t i = 0; i < all.count; i++) {
		const seg_reason *r = &all.list[i];
		ctl_table_number(table, (int64_t)r->letters);
		ctl_table_number(table, r->partitions);
		ctl_table_time(table, r->first_ms);
		ctl_table_time(table, r->last_ms);
		ctl_table_number(table, r->partition);
		ctl_table_text(table, seg_id_format(r->letter, id));
		ctl_table_text(table, r->text);
	}
	if (exit_code == 0)
		ctl_table_print(table, context->form, "No dead letter matches", stdout);
	ctl_table_destroy(table);
	seg_reasons_free(&all);
	return exit_code;
}

/* dlq.h - what the commands of `segctl dlq` share: the filter, its options, and the list. */
#ifndef CTL_DLQ_H
#define CTL_DLQ_H

#include "dead_letter.h"
#include "option.h"

/* The header that counts how often a message was replayed. */
#define CTL_DLQ_HEADER_COUNT "dead-letter-count"

extern ctl_letter_filter ctl_dlq_filter;

/* Rows for a command's table of options, which set the filter. */
/* clang-format off */
#define CTL_DLQ_FILTER_OPTIONS \
	{"handler", 0, "NAME", CTL_TEXT, &ctl_dlq_filter.handler, 0, 0, NULL, "only letters of this handler"}, \
	{"reason", 0, "TEXT", CTL_TEXT, &ctl_dlq_filter.reason, 0, 0, NULL, \
	 "only letters whose reason contains this"}, \
	{"key", 'k', "KEY", CTL_TEXT, &ctl_dlq_filter.key, 0, 0, NULL, "only letters with this key"}, \
	{"since", 0, "WHEN", CTL_TEXT, &ctl_dlq_filter.since, 0, 0, NULL, \
	 "only letters since then: a time, or how long ago (2h)"}, \
	{"partition", 'p', "N", CTL_NUMBER, &ctl_dlq_filter.partition, 0, 65535, NULL, \
	 "only letters of this partition"}
/* clang-format on */

/*
 * Opens the stream argv[0], checks that it has the group argv[1], and initialises the filter. 0, or an exit code after
 * one line on standard error. Close with seg_stream_close.
 */
int ctl_dlq_open(ctl_context *context, char **argv, seg_stream **stream);

/* Prints the selected letters. 0, or an exit code. */
int ctl_dlq_print_list(ctl_context *context, seg_stream *stream, const char *group);

/* How often the letter's message was replayed before it failed again. */
uint64_t ctl_dlq_replays(const ctl_dead_letter *letter);

#endif

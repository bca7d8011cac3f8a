/* dlq_reasons.h - the dead letters of a group by reason. */
#ifndef CTL_DLQ_REASONS_H
#define CTL_DLQ_REASONS_H

#include "dead_letter.h"

/* Prints how many of the selected letters have which reason, the commonest first. 0, or an exit code. */
int ctl_dlq_reasons_print(ctl_context *context, const seg_stream *stream, const char *group,
			  const ctl_letter_filter *filter);

#endif

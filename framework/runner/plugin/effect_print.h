/* effect_print.h - prints what a handler has emitted and which values it has changed, as JSON: for `segrunner test`. Any thread. */
#ifndef SEG_PLUGIN_EFFECT_PRINT_H
#define SEG_PLUGIN_EFFECT_PRINT_H

#include <stdio.h>

#include "partition/completion.h"

/*
 * One line for each record, in the order emitted, and one for each name whose value has changed, in the order of their last changes:
 *
 *     emit {"stream": "totals", "key": "k1", "data": "5", "headers": {"trace": "7"}}
 *     state {"name": "k1", "value": "5"}
 *
 * Bytes that are no UTF-8 are {"base64": ...}; the value of a deleted name is null; a header's name that is no UTF-8 is left out.
 */
void seg_effect_print(const seg_completion *completion, FILE *out);

#endif

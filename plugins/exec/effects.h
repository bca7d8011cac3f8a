/*
 * effects.h - what a child's answer emits and changes, and the values that a child is told.
 *
 *     "emit":[{"stream":"enriched","key":"alice","data":"...","headers":[{"name":"trace","value":"7f3a"}]}]
 *     "state":{"alice":"gold","bob":null,"raw":{"base64":"/w=="}}
 *
 * key, data, and a header's name and value can also be key_base64, data_base64, name_base64 and value_base64. In "state", null
 * deletes the value. All of it belongs to the answered message.
 */
#ifndef PLUGINS_EXEC_EFFECTS_H
#define PLUGINS_EXEC_EFFECTS_H

#include <jansson.h>
#include <stdbool.h>

#include <segmenter/handler.h>

#include "../common/buffer.h"

/* Whether the answer emits or changes anything. Pure. */
bool effects_are_in(const json_t *answer);

/* NULL, or what is wrong with "emit" and "state" of the answer, in one sentence. Pure. */
const char *effects_check(const json_t *answer);

/*
 * Emits and changes for message `index` what the answer says, which effects_check has accepted. NULL, or why segrunner refuses.
 * scratch: for the caller to keep.
 */
const char *effects_apply(const json_t *answer, const seg_batch *batch, size_t index, buffer *scratch);

/* Adds "state":{...}, the partition's values. A value whose name is not UTF-8 is left out. */
void effects_tell(buffer *b, const seg_batch *batch, size_t index);

#endif

/*
 * refusal.h - logs what Redis refused. Refusals that are alike are logged once in a while: a missing right refuses every
 * partition's calls, again and again. I/O thread.
 */
#ifndef SEG_GROUP_REFUSAL_H
#define SEG_GROUP_REFUSAL_H

#include "group/state.h"

/*
 * Logs "Redis refused <what>: <why>", with the right to grant if one is missing; or only counts it, if the same was logged a
 * short time ago. what: a constant text. reply: an error, or an answer that nobody expects.
 */
void seg_refusal_tell(seg_member *member, const seg_logger *logger, const char *what, const seg_reply *reply);

#endif

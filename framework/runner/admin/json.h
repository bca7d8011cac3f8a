/* json.h - pieces of the answers in JSON that the API's files share. Any thread. */
#ifndef SEG_ADMIN_JSON_H
#define SEG_ADMIN_JSON_H

#include <jansson.h>

#include "admin/server.h"

/* The whole answer. Releases the JSON; NULL stands for no memory. */
void seg_json_answer(seg_http_answer *answer, json_t *json);

/* An answer with that status that says why: {"error": ...}. */
void seg_json_refuse(seg_http_answer *answer, unsigned status, const char *why);

/* A text from elsewhere may not be UTF-8: then '?' replaces each byte that is not ASCII. */
json_t *seg_json_foreign_text(const char *text);

/* The same; null if there is none, or "". */
json_t *seg_json_optional_text(const char *text);

/* null if it is no finite number. */
json_t *seg_json_real(double value);

/* RFC 3339, in UTC, of a seg_wall_clock(); null for 0. */
json_t *seg_json_time(int64_t wall);

/* The same of Unix time in milliseconds, from Redis; null also if it is too large for a time. */
json_t *seg_json_time_ms(uint64_t ms);

/* null if it is negative: it is not known. */
json_t *seg_json_known(double value);

#endif

/*
 * values.h - named values of a server, as INFO, CONFIG GET, HELLO and CLUSTER INFO answer them. Any type of reply is
 * accepted; one that holds no values leaves them unknown. Pure; one thread.
 */
#ifndef SEG_REDIS_VALUES_H
#define SEG_REDIS_VALUES_H

#include <stdint.h>

#include "redis/reply.h"

enum { SEG_VALUE_MAX = 512 };

/* Zero it first. */
typedef struct seg_values {
	char *text;        /* lines "name:value"; NULL: not known */
	char refusal[160]; /* the server's error; "" if it gave none */
} seg_values;

void seg_values_free(seg_values *values);

/* Reads a text of lines (INFO, CLUSTER INFO), or an array of names and values (CONFIG GET, HELLO). */
void seg_values_read(seg_values *values, const seg_reply *reply);

/* Copies the value and returns it: "" if there is none by that name, cut if it is too long. */
const char *seg_values_get(const seg_values *values, const char *name, char value[SEG_VALUE_MAX]);

/* The value as a number; `otherwise` if there is none by that name, or the value is no number. */
int64_t seg_values_number(const seg_values *values, const char *name, int64_t otherwise);

#endif

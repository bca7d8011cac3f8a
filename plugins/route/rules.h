/*
 * rules.h - which text goes to which output. Pure; any thread reads.
 *
 *     VALUE = OUTPUT, VALUE = OUTPUT, ...
 *
 * The first rule that fits holds. A * at the end of VALUE stands for anything: vip-* fits vip-7. A value with a comma, an equals
 * sign, a double quote, or a * or a blank at its end is written in double quotes, "a, b", where "" is a double quote and a * is
 * a *.
 */
#ifndef PLUGINS_ROUTE_RULES_H
#define PLUGINS_ROUTE_RULES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct rule {
	char *value;
	size_t length;
	bool is_prefix;
	char *output;
} rule;

/* Start with {0}. */
typedef struct rule_list {
	rule *list;
	size_t count;
} rule_list;

/* Returns 0, or -1 with one line in error. Call rules_fini in any case. */
int rules_parse(rule_list *rules, const char *text, char *error, size_t error_size);

void rules_fini(rule_list *rules);

/* The output for the text; NULL if no rule fits. */
const char *rules_find(const rule_list *rules, const char *text, size_t length);

#endif

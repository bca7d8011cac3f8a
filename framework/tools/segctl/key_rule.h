/* key_rule.h - how `segctl send` finds the key of a line: fixed, a column, a pattern, or the whole line. */
#ifndef CTL_KEY_RULE_H
#define CTL_KEY_RULE_H

#include <regex.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* Set at most one of fixed, column and pattern; with none of them the whole line is the key. */
typedef struct ctl_key_rule {
	const char *fixed;     /* the key of every line, or NULL */
	int64_t column;        /* from 1; 0: none */
	const char *separator; /* between columns */
	const char *pattern;   /* an extended regular expression, or NULL */
	regex_t compiled;
} ctl_key_rule;

/* Checks the rule, and compiles the pattern. 0, or SEG_EINVAL. After 0, call _fini. */
int ctl_key_rule_init(ctl_key_rule *rule, seg_error *error);
void ctl_key_rule_fini(ctl_key_rule *rule);

/*
 * Finds the key of a line, which ends with a NUL. *key points into the line or to the fixed key. 0, or SEG_EINVAL if the
 * line has no key; the error then completes "the line ...".
 */
int ctl_key_rule_apply(const ctl_key_rule *rule, const char *line, size_t length, const char **key,
		       size_t *key_length, seg_error *error);

#endif

/* key_rule.h - where in a line its key is: everywhere, nowhere, in a column, or where a pattern says. */
#ifndef CTL_KEY_RULE_H
#define CTL_KEY_RULE_H

#include <regex.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* At most one of fixed, column and pattern; with none of them the whole line is its key. */
typedef struct ctl_key_rule {
	const char *fixed;     /* all lines have this one; or NULL */
	int64_t column;        /* from 1; 0: none */
	const char *separator; /* between columns */
	const char *pattern;   /* an extended regular expression, or NULL */
	regex_t compiled;
} ctl_key_rule;

/* Checks it, and compiles the pattern. 0 or SEG_EINVAL. Pass to _fini. */
int ctl_key_rule_init(ctl_key_rule *rule, seg_error *error);
void ctl_key_rule_fini(ctl_key_rule *rule);

/*
 * The key of a line (NUL-terminated beside its length), which points into it. 0, or SEG_EINVAL: it has none.
 */
int ctl_key_rule_apply(const ctl_key_rule *rule, const char *line, size_t length, const char **key,
		       size_t *key_length, seg_error *error);

#endif

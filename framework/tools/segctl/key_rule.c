#include "key_rule.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/plural.h"

int ctl_key_rule_init(ctl_key_rule *rule, seg_error *error)
{
	if ((rule->fixed != NULL) + (rule->column > 0) + (rule->pattern != NULL) > 1)
		return seg_fail(error, SEG_EINVAL, "give only one of --key, --key-column and --key-pattern");
	if (strcmp(rule->separator, "\\t") == 0)
		rule->separator = "\t";
	if (!*rule->separator)
		return seg_fail(error, SEG_EINVAL, "--separator is empty; give the text between two columns");
	int failure = rule->pattern ? regcomp(&rule->compiled, rule->pattern, REG_EXTENDED) : 0;
	if (failure) {
		char why[128];
		regerror(failure, &rule->compiled, why, sizeof(why));
		return seg_fail(error, SEG_EINVAL, "--key-pattern %s: %s", rule->pattern, why);
	}
	return 0;
}

void ctl_key_rule_fini(ctl_key_rule *rule)
{
	if (rule->pattern)
		regfree(&rule->compiled);
}

static int apply_column(const ctl_key_rule *rule, const char *line, size_t length, const char **key,
			size_t *key_length, seg_error *error)
{
	size_t width = strlen(rule->separator);
	const char *end = line + length, *from = line;
	for (int64_t column = 1;; column++) {
		const char *to = memmem(from, (size_t)(end - from), rule->separator, width);
		if (column == rule->column) {
			*key = from;
			*key_length = (size_t)((to ? to : end) - from);
			return 0;
		}
		if (!to)
			return seg_fail(error, SEG_EINVAL,
					"has %" PRId64 " column%s, but the key is in column %" PRId64, column,
					seg_plural(column), rule->column);
		from = to + width;
	}
}

static int apply_pattern(const ctl_key_rule *rule, const char *line, const char **key, size_t *key_length,
			 seg_error *error)
{
	regmatch_t matches[2];
	if (regexec(&rule->compiled, line, 2, matches, 0) != 0)
		return seg_fail(error, SEG_EINVAL, "does not match %s", rule->pattern);
	/* The first group, or the whole match. */
	const regmatch_t *match = &matches[rule->compiled.re_nsub > 0 && matches[1].rm_so >= 0];
	*key = line + match->rm_so;
	*key_length = (size_t)(match->rm_eo - match->rm_so);
	return 0;
}

int ctl_key_rule_apply(const ctl_key_rule *rule, const char *line, size_t length, const char **key,
		       size_t *key_length, seg_error *error)
{
	if (rule->column > 0)
		return apply_column(rule, line, length, key, key_length, error);
	if (rule->pattern)
		return apply_pattern(rule, line, key, key_length, error);
	*key = rule->fixed ? rule->fixed : line;
	*key_length = rule->fixed ? strlen(rule->fixed) : length;
	return 0;
}

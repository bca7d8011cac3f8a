#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads up to one of the `ends` or the end of the text, without the blanks around it. NULL if out of memory. */
static char *read_plain(const char **text, const char *ends, size_t *length)
{
	const char *from = *text;
	size_t n = strcspn(from, ends);
	*text = from + n;
	while (n > 0 && from[n - 1] == ' ')
		n--;
	*length = n;
	return strndup(from, n);
}

/* Reads from after an opening quote to after the closing one. NULL if there is none, or if out of memory. */
static char *read_quoted(const char **text, size_t *length)
{
	char *value = malloc(strlen(*text) + 1);
	if (!value)
		return NULL;
	*length = 0;
	for (const char *from = *text; *from; from++) {
		if (*from == '"' && *++from != '"') {
			*text = from;
			value[*length] = '\0';
			return value;
		}
		value[(*length)++] = *from;
	}
	free(value);
	return NULL;
}

static bool read_value(rule *r, const char **text)
{
	if (**text == '"') {
		++*text;
		r->value = read_quoted(text, &r->length);
		return r->value != NULL;
	}
	r->value = read_plain(text, "=,\"", &r->length);
	if (!r->value || r->length == 0)
		return false;
	r->is_prefix = r->value[r->length - 1] == '*';
	r->length -= r->is_prefix;
	return true;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* VALUE = OUTPUT, up to the comma or the end. */
static bool read_rule(rule *r, const char **text)
{
	size_t length;
	*text = skip_blanks(*text);
	if (!read_value(r, text))
		return false;
	*text = skip_blanks(*text);
	if (**text != '=')
		return false;
	*text = skip_blanks(*text + 1);
	r->output = read_plain(text, "=,\"", &length);
	return r->output && length > 0 && (!**text || **text == ',');
}

int rules_parse(rule_list *rules, const char *text, char *error, size_t error_size)
{
	const char *rest = text;
	for (;;) {
		rule *longer = realloc(rules->list, (rules->count + 1) * sizeof(*longer));
		if (!longer) {
			snprintf(error, error_size, "out of memory");
			return -1;
		}
		rules->list = longer;
		longer[rules->count++] = (rule){0};
		if (!read_rule(&longer[rules->count - 1], &rest))
			break;
		if (!*rest++)
			return 0;
	}
	snprintf(error, error_size,
		 "option.rules = %.200s is invalid at rule %zu: write VALUE = OUTPUT, VALUE = OUTPUT, ...; a "
		 "value with a comma or an equals sign in double quotes",
		 text, rules->count);
	return -1;
}

void rules_fini(rule_list *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		free(rules->list[i].value);
		free(rules->list[i].output);
	}
	free(rules->list);
	*rules = (rule_list){0};
}

const char *rules_find(const rule_list *rules, const char *text, size_t length)
{
	for (size_t i = 0; i < rules->count; i++) {
		const rule *r = &rules->list[i];
		if ((r->is_prefix ? length >= r->length : length == r->length) &&
		    memcmp(text, r->value, r->length) == 0)
			return r->output;
	}
	return NULL;
}

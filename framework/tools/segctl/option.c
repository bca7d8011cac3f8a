#include "option.h"

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "base/units.h"
#include "complain.h"
#include "text.h"

enum { OPTIONS_MAX = 48, FIRST_CODE = 256, HELP_COLUMN = 30 };

/* --- one value ---------------------------------------------------------------- */

static void take_number(const ctl_option *o, const char *text)
{
	seg_error error;
	int64_t value;
	if (seg_units_integer(text, &value, &error) != 0)
		ctl_die(EX_USAGE, "--%s: %s", o->name, error.text);
	if (value < o->min || value > o->max)
		ctl_die(EX_USAGE, "--%s is %" PRId64 "; it must be %" PRId64 " to %" PRId64, o->name, value,
			o->min, o->max);
	*(int64_t *)o->value = value;
}

static void take_duration(const ctl_option *o, const char *text)
{
	seg_error error;
	int64_t value;
	char least[SEG_UNITS_TEXT_MAX], most[SEG_UNITS_TEXT_MAX];
	if (seg_units_duration(text, &value, &error) != 0)
		ctl_die(EX_USAGE, "--%s: %s", o->name, error.text);
	if (value < o->min || value > o->max)
		ctl_die(EX_USAGE, "--%s is %s; it must be %s to %s", o->name, text,
			seg_units_duration_format(o->min, least), seg_units_duration_format(o->max, most));
	*(int64_t *)o->value = value;
}

static void take_choice(const ctl_option *o, const char *text)
{
	char known[160] = "";
	size_t used = 0, count = 0;
	for (; o->choices[count]; count++) {
		if (strcmp(o->choices[count], text) == 0) {
			*(int *)o->value = (int)count;
			return;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", count ? ", " : "",
					 o->choices[count]);
	}
	const char *meant = seg_suggest(text, o->choices, count);
	if (meant)
		ctl_die(EX_USAGE, "--%s %s is not known; did you mean \"%s\"?", o->name, text, meant);
	ctl_die(EX_USAGE, "--%s %s is not known; use one of: %s", o->name, text, known);
}

static void take_item(const ctl_option *o, const char *text)
{
	ctl_list *list = o->value;
	if (list->count == CTL_LIST_MAX)
		ctl_die(EX_USAGE, "--%s can be repeated at most %d times", o->name, CTL_LIST_MAX);
	list->items[list->count++] = text;
}

static void take(const ctl_option *o, const char *text)
{
	switch (o->kind) {
	case CTL_FLAG:
		*(bool *)o->value = true;
		break;
	case CTL_TEXT:
		*(const char **)o->value = text;
		break;
	case CTL_NUMBER:
		take_number(o, text);
		break;
	case CTL_DURATION:
		take_duration(o, text);
		break;
	case CTL_PATIENCE:
		*(int64_t *)o->value = INT64_MAX;
		if (text)
			take_duration(o, text);
		break;
	case CTL_CHOICE:
		take_choice(o, text);
		break;
	case CTL_LIST:
		take_item(o, text);
		break;
	}
}

/* --- all of them ----------------------------------------------------------------- */

typedef struct {
	const ctl_option *rows[OPTIONS_MAX];
	struct option names[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
	size_t count;
} option_set;

static void add_table(option_set *set, const ctl_option *options)
{
	for (const ctl_option *o = options; o && o->name && set->count < OPTIONS_MAX; o++) {
		int argument = o->kind == CTL_FLAG       ? no_argument
			       : o->kind == CTL_PATIENCE ? optional_argument
							 : required_argument;
		set->names[set->count] =
			(struct option){o->name, argument, NULL, FIRST_CODE + (int)set->count};
		if (o->letter)
			snprintf(set->letters + strlen(set->letters), 3, "%c%s", o->letter,
				 o->kind == CTL_FLAG ? "" : ":");
		set->rows[set->count++] = o;
	}
}

static const ctl_option *row_of(const option_set *set, int code)
{
	for (size_t i = 0; i < set->count; i++)
		if (code == FIRST_CODE + (int)i || (set->rows[i]->letter && code == set->rows[i]->letter))
			return set->rows[i];
	return NULL;
}

__attribute__((noreturn)) static void refuse(const option_set *set, char *const *argv, bool lacks_argument,
					     const char *help)
{
	const ctl_option *row = row_of(set, optopt);
	const char *word = argv[optind - 1], *names[OPTIONS_MAX];
	if (row && lacks_argument)
		ctl_die(EX_USAGE, "--%s needs a value: --%s %s", row->name, row->name, row->argument);
	if (row)
		ctl_die(EX_USAGE, "--%s takes no value", row->name);
	if (isdigit(optopt))
		ctl_die(EX_USAGE,
			"there is no option -%c; if a number is meant: partitions and letters are counted from 0",
			optopt);
	if (optopt)
		ctl_die(EX_USAGE, "there is no option -%c; `%s` lists the options", optopt, help);
	for (size_t i = 0; i < set->count; i++)
		names[i] = set->rows[i]->name;
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	const char *meant = seg_suggest(name, names, set->count);
	if (meant)
		ctl_die(EX_USAGE, "there is no option --%s; did you mean \"--%s\"?", name, meant);
	ctl_die(EX_USAGE, "there is no option --%s; `%s` lists the options", name, help);
}

bool ctl_option_takes_next(const ctl_option *option, const char *next)
{
	if (option->kind == CTL_PATIENCE)
		return next && isdigit((unsigned char)*next);
	return option->kind != CTL_FLAG;
}

int ctl_options_parse(int argc, char **argv, const ctl_option *a, const ctl_option *b, bool leading,
		      const char *help)
{
	option_set set = {0};
	/* "+": stop at the first other argument. ":": report a missing value as such, not as an unknown option. */
	snprintf(set.letters, sizeof(set.letters), "%s:", leading ? "+" : "");
	add_table(&set, a);
	add_table(&set, b);
	opterr = 0;
	optind = 0;
	for (int code; (code = getopt_long(argc, argv, set.letters, set.names, NULL)) != -1;) {
		if (code == '?' || code == ':')
			refuse(&set, argv, code == ':', help);
		const ctl_option *row = row_of(&set, code);
		bool follows = row->kind == CTL_PATIENCE && !optarg &&
			       ctl_option_takes_next(row, optind < argc ? argv[optind] : NULL);
		take(row, follows ? argv[optind++] : optarg);
	}
	return optind;
}

void ctl_options_take(int argc, char *const *argv, const ctl_option *options)
{
	for (int i = 0; i < argc; i++)
		for (const ctl_option *o = options; o->name; o++) {
			bool named =
				(strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, o->name) == 0) ||
				(argv[i][0] == '-' && argv[i][1] && argv[i][1] == o->letter && !argv[i][2]);
			if (named && o->kind == CTL_TEXT && i + 1 < argc)
				take(o, argv[i + 1]);
		}
}

void ctl_options_help(const ctl_option *options, FILE *out)
{
	for (const ctl_option *o = options; o->name; o++) {
		char left[64], letter[5] = "    ";
		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name, o->argument ? " " : "",
			 o->argument ? o->argument : "");
		fprintf(out, "%-*s", HELP_COLUMN, left);
		/* The help of an option with a long name begins in the next line. */
		if (strlen(left) > HELP_COLUMN - 2)
			fprintf(out, "\n%*s", HELP_COLUMN, "");
		ctl_text_wrap(o->help, HELP_COLUMN, out);
	}
}

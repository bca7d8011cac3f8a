/*
 * option.h - the options of segctl's commands. Each command has one table, from which come both the parser and the
 * help. A row points to the variable that its option sets.
 */
#ifndef CTL_OPTION_H
#define CTL_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum ctl_option_kind {
	CTL_FLAG,     /* bool */
	CTL_TEXT,     /* const char * */
	CTL_NUMBER,   /* int64_t, min to max */
	CTL_DURATION, /* int64_t in ns, min to max */
	CTL_PATIENCE, /* the same, no letter; without a value INT64_MAX. "=" precedes it, or it is the next word and begins with a digit */
	CTL_CHOICE,   /* int: the index into choices */
	CTL_LIST      /* ctl_list; the option may be repeated */
} ctl_option_kind;

enum { CTL_LIST_MAX = 64 };

typedef struct ctl_list {
	const char *items[CTL_LIST_MAX];
	size_t count;
} ctl_list;

typedef struct ctl_option {
	const char *name;     /* without "--"; NULL ends a table */
	char letter;          /* or 0 */
	const char *argument; /* the value's name in the help; NULL for CTL_FLAG */
	ctl_option_kind kind;
	void *value;
	int64_t min, max;
	const char *const *choices; /* ended by NULL */
	const char *help;
} ctl_option;

#define CTL_OPTIONS_END      \
	{                    \
		.name = NULL \
	}

/*
 * Parses the options of both tables (b may be NULL) and sets their variables. Options may stand anywhere, or, if
 * `leading`, only before the first other argument. Returns the index of the first other argument; argv is sorted so
 * that all others follow. On an error, prints one line and exits with EX_USAGE. `help` is the command that shows the
 * options: "segctl lag --help".
 */
int ctl_options_parse(int argc, char **argv, const ctl_option *a, const ctl_option *b, bool leading,
		      const char *help);

/* Whether the word after the option's own is its value. next: NULL if there is none. */
bool ctl_option_takes_next(const ctl_option *option, const char *next);

/* One or more lines for each option, at most 80 columns wide. */
void ctl_options_help(const ctl_option *options, FILE *out);

/* Takes what it finds of these options anywhere in argv; says nothing about what it does not know. */
void ctl_options_take(int argc, char *const *argv, const ctl_option *options);

#endif

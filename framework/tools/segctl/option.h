/*
 * option.h - the options of segctl's commands. One table a command is what the parser takes and what --help
 * prints.
 *
 * A row points to the variable that its option sets, so a command reads its options where it declared them.
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
	CTL_CHOICE,   /* int: the index into choices */
	CTL_LIST      /* ctl_list: may be given several times */
} ctl_option_kind;

enum { CTL_LIST_MAX = 64 };

typedef struct ctl_list {
	const char *items[CTL_LIST_MAX];
	size_t count;
} ctl_list;

typedef struct ctl_option {
	const char *name;     /* without "--"; NULL ends a table */
	char letter;          /* or 0 */
	const char *argument; /* what stands behind it in the help; NULL for CTL_FLAG */
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
 * Takes the options of both tables out of the arguments, wherever they stand, or only up to the first other
 * argument (leading). Returns the index of the first other argument, behind which argv is then sorted; exits
 * with EX_USAGE and one line about what is wrong. `help` says how to ask for help: "segctl lag --help".
 */
int ctl_options_parse(int argc, char **argv, const ctl_option *a, const ctl_option *b, bool leading,
		      const char *help);

/* A line or two for each option. */
void ctl_options_help(const ctl_option *options, FILE *out);

#endif

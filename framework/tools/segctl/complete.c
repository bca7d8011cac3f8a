#include "complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "commands.h"
#include "directory.h"

enum { WORDS_MAX = 8 };

typedef struct {
	const char *last;             /* the word to complete */
	const char *words[WORDS_MAX]; /* those before it that are no options and no values of options */
	size_t count;
	const ctl_command *command; /* NULL: not known yet */
	size_t of_command;          /* how many words name the command */
	const ctl_option *awaits;   /* the option whose value `last` is */
} line;

static void offer(const line *l, const char *word)
{
	if (strncmp(word, l->last, strlen(l->last)) == 0)
		puts(word);
}

/* --- reading the line ------------------------------------------------------------------------------ */

static const ctl_option *find_in(const ctl_option *options, const char *word)
{
	for (const ctl_option *o = options; o && o->name; o++)
		if ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0) ||
		    (word[0] == '-' && word[1] && word[1] == o->letter && word[2] == '\0'))
			return o;
	return NULL;
}

static const ctl_option *find_option(const line *l, const char *word)
{
	const ctl_option *own = l->command ? find_in(l->command->options, word) : NULL;
	return own ? own : find_in(ctl_context_options, word);
}

static void find_command(line *l)
{
	int words = 0;
	if (!l->command && l->count > 0)
		l->command = ctl_command_find((int)l->count, (char **)(uintptr_t)l->words, &words);
	if (words)
		l->of_command = (size_t)words;
}

static void read_line(line *l, int argc, char **argv)
{
	*l = (line){.last = argc ? argv[argc - 1] : ""};
	for (int i = 0; i + 1 < argc; i++) {
		if (l->awaits) {
			l->awaits = NULL;
		} else if (argv[i][0] == '-' && argv[i][1]) {
			const ctl_option *o = find_option(l, argv[i]);
			l->awaits = o && ctl_option_takes_next(o, argv[i + 1]) ? o : NULL;
		} else if (l->count < WORDS_MAX) {
			l->words[l->count++] = argv[i];
			find_command(l);
		}
	}
}

/* --- what may follow ----------------------------------------------------------------------------------- */

static void offer_commands(const line *l)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		const ctl_command *c = ctl_commands[i];
		bool first_of_noun = i == 0 || strcmp(c->noun, ctl_commands[i - 1]->noun) != 0;
		if (l->count == 0 && first_of_noun)
			offer(l, c->noun);
		else if (l->count == 1 && c->verb && strcmp(c->noun, l->words[0]) == 0)
			offer(l, c->verb);
	}
}

static void offer_options(const line *l, const ctl_option *options)
{
	char word[64];
	for (const ctl_option *o = options; o && o->name; o++) {
		snprintf(word, sizeof(word), "--%s", o->name);
		offer(l, word);
	}
}

static void offer_names(const line *l, const char *stream)
{
	ctl_context context = {0};
	ctl_keys names = {0};
	if (ctl_context_open(&context) == 0 && (stream ? ctl_directory_groups(&context, stream, &names)
						       : ctl_directory_streams(&context, &names)) == 0)
		for (size_t i = 0; i < names.count; i++)
			if (seg_name_check("name", names.list[i], NULL) == 0)
				offer(l, names.list[i]);
	ctl_keys_free(&names);
	ctl_context_close(&context);
}

/* The command's arguments are "STREAM GROUP ...", in brackets if they may be left out. */
static void offer_arguments(const line *l)
{
	char arguments[64], *rest = arguments, *word = NULL;
	size_t number = l->count - l->of_command;
	snprintf(arguments, sizeof(arguments), "%s", l->command->arguments);
	for (size_t i = 0; i <= number && (word = strsep(&rest, " ")); i++)
		;
	word = word ? word + strspn(word, "[") : NULL;
	if (word && strncmp(word, "STREAM", 6) == 0 && strcmp(l->command->noun, "stream") == 0 &&
	    strcmp(l->command->verb, "create") == 0)
		return;
	if (word && strncmp(word, "STREAM", 6) == 0)
		offer_names(l, NULL);
	else if (word && strncmp(word, "GROUP", 5) == 0)
		offer_names(l, l->words[l->count - 1]);
	else if (strcmp(l->command->noun, "acl") == 0)
		for (const char *const *role = (const char *const[]){"runner", "producer", "operator", NULL};
		     *role; role++)
			offer(l, *role);
}

int ctl_complete(int argc, char **argv)
{
	line l;
	char complaint[SEG_ERROR_TEXT_MAX];
	read_line(&l, argc, argv);
	ctl_complaints_to(complaint, sizeof(complaint));
	/* The line's own address, configuration and namespace count. */
	if (argc > 0) {
		argv[argc - 1] = NULL;
		ctl_options_take(argc - 1, argv, ctl_context_options);
	}
	if (l.awaits)
		for (const char *const *choice = l.awaits->choices; choice && *choice; choice++)
			offer(&l, *choice);
	else if (*l.last == '-')
		offer_options(&l, l.command ? l.command->options : NULL),
			offer_options(&l, ctl_context_options);
	else if (!l.command)
		offer_commands(&l);
	else
		offer_arguments(&l);
	return 0;
}

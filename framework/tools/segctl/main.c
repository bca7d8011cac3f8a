/*
 * main.c - the command line of segctl, the operator's tool.
 *
 *     segctl [OPTION ...] NOUN [VERB] [ARGUMENT ...]
 *
 * Options may stand anywhere. commands.c has the table of all commands, help.c prints it, and each command is in the file
 * of its noun.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/descriptors.h"
#include "commands.h"
#include "complete.h"
#include "help.h"

/* word: the word after the noun, or the first word if noun is NULL; NULL if there is none. */
static int no_such_command(const char *noun, const char *word)
{
	const char *blank = noun ? " " : "", *first = noun ? noun : "";
	if (!word) {
		ctl_complain(EX_USAGE, "`segctl %s` needs one of these commands:", first);
		ctl_help_usage(stderr, noun);
		return EX_USAGE;
	}
	const char *meant = ctl_command_suggest(noun, word);
	if (meant)
		return ctl_complain(EX_USAGE, "there is no command \"%s%s%s\"; did you mean \"%s%s%s\"?",
				    first, blank, word, first, blank, meant);
	ctl_complain(EX_USAGE, "there is no command \"%s%s%s\":", first, blank, word);
	ctl_help_usage(stderr, noun);
	return EX_USAGE;
}

static int run(const ctl_command *c, int argc, char **argv)
{
	char title[CTL_TITLE_MAX], name[CTL_TITLE_MAX], help[CTL_TITLE_MAX + 16];
	ctl_command_title(c, title);
	snprintf(help, sizeof(help), "segctl %s --help", ctl_command_name(c, name));
	int first = ctl_options_parse(argc, argv, ctl_context_options, c->options, false, help);
	if (ctl_context_wants_help()) {
		ctl_help_command(c);
		return EX_OK;
	}
	argc -= first;
	argv += first;
	if (argc < c->arguments_min)
		return ctl_complain(EX_USAGE, "too few arguments: segctl %s", title);
	if (argc > c->arguments_max)
		return ctl_complain(EX_USAGE, "unexpected argument \"%s\": segctl %s", argv[c->arguments_max],
				    title);
	ctl_context context = {.form = ctl_context_form()};
	int exit_code = c->connects ? EX_OK : ctl_context_open(&context);
	if (exit_code == EX_OK)
		exit_code = c->run(&context, argc, argv);
	ctl_context_close(&context);
	return exit_code;
}

/* The exit code, or EX_IOERR if the output could not be written. */
static int flushed(int exit_code)
{
	int failure = ctl_flush();
	return failure ? failure : exit_code;
}

/* `segctl help lag` is `segctl lag --help`. */
static int help_about(int argc, char **argv)
{
	int words;
	if (argc == 0) {
		ctl_help_program();
		return EX_OK;
	}
	const ctl_command *c = ctl_command_find(argc, argv, &words);
	bool is_noun = ctl_command_is_noun(argv[0]);
	if (c)
		ctl_help_command(c);
	else if (!is_noun || argc > 1)
		return no_such_command(is_noun ? argv[0] : NULL, argv[is_noun]);
	else
		ctl_help_usage(stdout, argv[0]);
	return EX_OK;
}

/* argv begins with the command's words; argc is at least 1. */
static int run_named(int argc, char **argv)
{
	int words;
	const ctl_command *c = ctl_command_find(argc, argv, &words);
	if (c) /* getopt skips the first word, which it takes for the program's name */
		return flushed(run(c, argc - words + 1, argv + words - 1));
	if (!ctl_command_is_noun(argv[0]))
		return no_such_command(NULL, argv[0]);
	/* "segctl stream --help" */
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return flushed(help_about(1, argv));
	return no_such_command(argv[0], argc > 1 ? argv[1] : NULL);
}

int main(int argc, char **argv)
{
	seg_descriptors_fill();
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	int first = ctl_options_parse(argc, argv, ctl_context_options, NULL, true, "segctl --help");
	argc -= first;
	argv += first;
	if (ctl_context_wants_version()) {
		printf("segctl %s\n", seg_version());
		return flushed(EX_OK);
	}
	if (argc > 0 && strcmp(argv[0], "help") == 0)
		return flushed(help_about(argc - 1, argv + 1));
	if (argc > 0 && strcmp(argv[0], "complete") == 0)
		return flushed(ctl_complete(argc - 1, argv + 1));
	if (ctl_context_wants_help())
		return flushed(help_about(argc, argv));
	if (argc > 0)
		return run_named(argc, argv);
	ctl_help_usage(stderr, NULL);
	fputs("\n`segctl --help` shows the options.\n", stderr);
	return EX_USAGE;
}

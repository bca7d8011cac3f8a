/*
 * main.c - the command line of segctl, the operator's tool.
 *
 *     segctl [OPTION ...] NOUN [VERB] [ARGUMENT ...]
 *
 * Options may stand anywhere. The table below is all commands; each is in the file of its noun.
 */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "command.h"
#include "base/units.h"

/* clang-format off */
static const ctl_command *const commands[] = {
	&ctl_stream_create, &ctl_stream_list, &ctl_stream_describe, &ctl_stream_delete,
	&ctl_send,
	&ctl_tail,
	&ctl_group_list, &ctl_group_describe, &ctl_group_delete,
	&ctl_lag,
	&ctl_why,
#ifdef CTL_HAS_TOP
	&ctl_top,
#endif
	&ctl_reset,
	&ctl_dlq_list, &ctl_dlq_show, &ctl_dlq_replay, &ctl_dlq_drop,
};
/* clang-format on */

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), TITLE_COLUMN = 34, HELP_WIDTH = 80 };

/* --- help ------------------------------------------------------------------------------- */

/* "stream create STREAM" */
static void write_title(const ctl_command *c, char *title, size_t size)
{
	snprintf(title, size, "%s%s%s %s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "", c->arguments);
}

static void print_usage(FILE *out, const char *noun)
{
	fputs("Usage: segctl [OPTION ...] COMMAND [ARGUMENT ...]\n\nCommands:\n", out);
	for (int i = 0; i < COMMANDS; i++) {
		char title[96];
		write_title(commands[i], title, sizeof(title));
		if (!noun || strcmp(noun, commands[i]->noun) == 0)
			fprintf(out, "  %-*s %s\n", TITLE_COLUMN, title, commands[i]->summary);
	}
}

/* A paragraph, broken at blanks. */
static void print_wrapped(const char *text)
{
	putchar('\n');
	while (*text) {
		size_t length = strlen(text);
		if (length > HELP_WIDTH)
			for (length = HELP_WIDTH; text[length] != ' '; length--)
				;
		printf("%.*s\n", (int)length, text);
		text += length + (text[length] == ' ');
	}
}

static void print_help(void)
{
	print_usage(stdout, NULL);
	fputs("\nOptions of all commands, anywhere on the line:\n", stdout);
	ctl_options_help(ctl_context_options, stdout);
	print_wrapped(
		"`segctl COMMAND --help` tells a command's own. What cannot be undone asks first, or wants "
		"--yes.");
	print_wrapped(
		"Exit codes: 0 done, 1 a limit was passed (lag) or the answer was no, 64 usage, 65 bad input, "
		"66 no such stream, group or file, 69 Redis cannot serve, 71 the system refused, 73 cannot be "
		"made so, 74 input or output, 75 try again later, 76 an unreadable answer, 77 Redis refused the "
		"login, 78 configuration.");
}

static int print_command_help(const ctl_command *c)
{
	char title[96];
	write_title(c, title, sizeof(title));
	printf("Usage: segctl %s [OPTION ...]\n\n%s.\n", title, c->summary);
	if (c->more)
		print_wrapped(c->more);
	if (c->options && c->options->name) {
		fputs("\nOptions:\n", stdout);
		ctl_options_help(c->options, stdout);
	}
	fputs("\nOptions of all commands:\n", stdout);
	ctl_options_help(ctl_context_options, stdout);
	return EX_OK;
}

/* --- finding the command ------------------------------------------------------------------- */

static bool is_noun(const char *word)
{
	for (int i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->noun, word) == 0)
			return true;
	return false;
}

/* The nouns, or a noun's verbs, for "did you mean". */
static size_t list_words(const char *noun, const char **words)
{
	size_t count = 0;
	for (int i = 0; i < COMMANDS; i++) {
		if (!noun && (i == 0 || strcmp(commands[i]->noun, commands[i - 1]->noun) != 0))
			words[count++] = commands[i]->noun;
		else if (noun && strcmp(commands[i]->noun, noun) == 0 && commands[i]->verb)
			words[count++] = commands[i]->verb;
	}
	return count;
}

static int no_such_command(const char *noun, const char *word)
{
	const char *words[COMMANDS];
	size_t count = list_words(noun, words);
	const char *blank = noun ? " " : "";
	const char *first = noun ? noun : "";
	if (!word) {
		ctl_complain(EX_USAGE, "`segctl %s` lacks what to do:", first);
		print_usage(stderr, noun);
		return EX_USAGE;
	}
	const char *meant = seg_suggest(word, words, count);
	if (meant)
		return ctl_complain(EX_USAGE, "there is no command \"%s%s%s\"; did you mean \"%s%s%s\"?",
				    first, blank, word, first, blank, meant);
	ctl_complain(EX_USAGE, "there is no command \"%s%s%s\":", first, blank, word);
	print_usage(stderr, noun);
	return EX_USAGE;
}

/* The command that the words name, and how many of them that took; NULL if there is none. */
static const ctl_command *find_command(int argc, char **argv, int *words)
{
	for (int i = 0; i < COMMANDS; i++) {
		const ctl_command *c = commands[i];
		if (strcmp(c->noun, argv[0]) != 0 || (c->verb && (argc < 2 || strcmp(c->verb, argv[1]) != 0)))
			continue;
		*words = c->verb ? 2 : 1;
		return c;
	}
	return NULL;
}

/* --- running it ------------------------------------------------------------------------------ */

static int run(const ctl_command *c, int argc, char **argv)
{
	char title[96], help[96];
	write_title(c, title, sizeof(title));
	snprintf(help, sizeof(help), "segctl %s%s%s --help", c->noun, c->verb ? " " : "",
		 c->verb ? c->verb : "");
	int first = ctl_options_parse(argc, argv, ctl_context_options, c->options, false, help);
	if (ctl_context_wants_help())
		return print_command_help(c);
	argc -= first;
	argv += first;
	if (argc < c->arguments_min)
		return ctl_complain(EX_USAGE, "too few arguments: segctl %s", title);
	if (argc > c->arguments_max)
		return ctl_complain(EX_USAGE, "what is \"%s\"? segctl %s", argv[c->arguments_max], title);
	ctl_context context = {0};
	int exit_code = ctl_context_open(&context);
	if (exit_code == EX_OK)
		exit_code = c->run(&context, argc, argv);
	ctl_context_close(&context);
	return exit_code;
}

/* What was printed has to have arrived. */
static int flushed(int exit_code)
{
	struct pollfd output = {.fd = STDOUT_FILENO};
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	/* `segctl ... | head` has read what it wanted. */
	if (poll(&output, 1, 0) == 1 && (output.revents & POLLERR))
		return EX_IOERR;
	return ctl_complain(EX_IOERR, "cannot write: %s", strerror(errno));
}

/* `segctl help lag` is `segctl lag --help`. */
static int help_about(int argc, char **argv)
{
	int words;
	if (argc == 0) {
		print_help();
		return EX_OK;
	}
	const ctl_command *c = find_command(argc, argv, &words);
	if (c)
		return print_command_help(c);
	if (!is_noun(argv[0]) || argc > 1)
		return no_such_command(is_noun(argv[0]) ? argv[0] : NULL, argv[is_noun(argv[0])]);
	print_usage(stdout, argv[0]);
	return EX_OK;
}

int main(int argc, char **argv)
{
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
	if (ctl_context_wants_help())
		return flushed(help_about(argc, argv));
	if (argc == 0) {
		print_usage(stderr, NULL);
		fputs("\n`segctl --help` tells more.\n", stderr);
		return EX_USAGE;
	}
	int words;
	const ctl_command *c = find_command(argc, argv, &words);
	if (c) /* getopt passes over its first word, a program's name elsewhere */
		return flushed(run(c, argc - words + 1, argv + words - 1));
	if (!is_noun(argv[0]))
		return no_such_command(NULL, argv[0]);
	/* "segctl stream --help", too */
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return flushed(help_about(1, argv));
	return no_such_command(argv[0], argc > 1 ? argv[1] : NULL);
}

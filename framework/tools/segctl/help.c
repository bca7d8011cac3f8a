#include "help.h"

#include <string.h>

#include "commands.h"
#include "text.h"

enum { SUMMARY_COLUMN = 37 };

void ctl_help_usage(FILE *out, const char *noun)
{
	char title[CTL_TITLE_MAX];
	fputs("Usage: segctl [OPTION ...] COMMAND [ARGUMENT ...]\n\nCommands:\n", out);
	for (size_t i = 0; i < ctl_command_count; i++) {
		const ctl_command *c = ctl_commands[i];
		if (noun && strcmp(noun, c->noun) != 0)
			continue;
		fprintf(out, "  %-*s", SUMMARY_COLUMN - 2, ctl_command_title(c, title));
		ctl_text_wrap(c->summary, SUMMARY_COLUMN, out);
	}
}

static void print_paragraph(const char *text)
{
	putchar('\n');
	ctl_text_wrap(text, 0, stdout);
}

void ctl_help_program(void)
{
	ctl_help_usage(stdout, NULL);
	fputs("\nOptions of all commands, anywhere on the line:\n", stdout);
	ctl_options_help(ctl_context_options, stdout);
	print_paragraph("`segctl COMMAND --help` shows the options of one command. A command that cannot be "
			"undone asks first; --yes answers the question, and is required without a terminal.");
	print_paragraph(
		"Exit codes: 0 done; 1 a limit was exceeded (lag), the user declined, or live members stand against it; 64 wrong "
		"usage; 65 bad input; 66 no such stream, group or file; 69 Redis cannot serve; 71 the "
		"system refused; 73 cannot create; 74 input or output error; 75 try again later; 76 "
		"an unreadable answer, or a stream that is spoilt or of a newer version; 77 Redis refused the login; 78 bad configuration.");
}

void ctl_help_command(const ctl_command *c)
{
	char title[CTL_TITLE_MAX], summary[256];
	printf("Usage: segctl %s [OPTION ...]\n", ctl_command_title(c, title));
	snprintf(summary, sizeof(summary), "%s.", c->summary);
	print_paragraph(summary);
	if (c->more)
		print_paragraph(c->more);
	if (c->options && c->options->name) {
		fputs("\nOptions:\n", stdout);
		ctl_options_help(c->options, stdout);
	}
	print_paragraph(
		"`segctl --help` shows the options of all commands: the address, the login, the form of the "
		"output.");
}

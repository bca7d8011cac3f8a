/* reference.c - the table of options as people read it: an INI file, Markdown, `--help`, a manual page. */
#include "config/reference.h"

#include <string.h>

#include "config/format.h"
#include "config/options.h"

enum { INI_WIDTH = 100, HELP_WIDTH = 100, HELP_INDENT = 24 };

static const char ini_head[] =
	"# Every option of segrunner, with its default. Made from the program's own table of options.\n"
	"#\n"
	"# A line is [section], name = value, or a comment: # or ; at its start or behind a blank. Values\n"
	"# may hold ${NAME} or ${NAME:-default} for an environment variable, and $$ for the character $.\n"
	"# Above the first section, include = PATH reads another file in its place. [redis] and [runner]\n"
	"# may be spread over several files, each option given once. Relative paths start at the file they\n"
	"# are written in.\n"
	"#\n"
	"# durations   500ms  10s  5min    in ns us ms s min h d\n"
	"# sizes       512B  64KiB  4MiB   in B KiB MiB GiB TiB (powers of 1024), KB MB GB TB (of 1000)\n"
	"# numbers     1000  1_000_000\n";

static const char *const section_help[SEG_CONFIG_SECTIONS] = {
	"The Redis that holds the streams.",
	"This process. Handlers are in the [consumer NAME] sections.",
	"One plugin for one stream and group. NAME is for messages; any number of these.",
};

static const char option_help[] = "option.NAME = value sets an option of the plugin's own.";

static const char *section_title(seg_config_section section)
{
	return section == SEG_CONFIG_CONSUMER ? "consumer NAME" : seg_config_section_names[section];
}

/* Writes the words with `prefix` at the start of each line, the first one's cursor standing at `column`. */
static void print_wrapped(FILE *out, const char *text, const char *prefix, size_t column, size_t width)
{
	size_t used = column;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (used > column && used + 1 + word > width) {
			fprintf(out, "\n%s", prefix);
			used = column;
		} else if (used > column) {
			fputc(' ', out);
			used++;
		}
		fwrite(text, 1, word, out);
		used += word;
		text += word + strspn(text + word, " ");
	}
	fputc('\n', out);
}

static void print_ini_row(FILE *out, const seg_config_row *row)
{
	char range[80];
	fputs("\n# ", out);
	print_wrapped(out, row->help, "# ", 2, INI_WIDTH);
	fprintf(out, "# Values: %s%s\n", seg_config_row_range(row, range, sizeof(range)),
		row->required ? "; required" : "");
	if (row->value)
		fprintf(out, "#%s = %s\n", row->name, row->value);
	else
		fprintf(out, "#%s =\n", row->name);
}

static void print_markdown_row(FILE *out, const seg_config_row *row)
{
	char range[80];
	const char *quote = row->value ? "`" : "";
	fprintf(out, "| `%s` | %s%s%s | %s | %s |\n", row->name, quote,
		row->value      ? row->value
		: row->required ? "required"
				: "",
		quote, seg_config_row_range(row, range, sizeof(range)), row->help);
}

static void print_help_row(FILE *out, const seg_config_row *row)
{
	char range[80], indent[HELP_INDENT + 1];
	memset(indent, ' ', HELP_INDENT);
	indent[HELP_INDENT] = '\0';
	fprintf(out, "  %-*s", HELP_INDENT - 2, row->name);
	print_wrapped(out, row->help, indent, HELP_INDENT, HELP_WIDTH);
	fprintf(out, "%s(%s", indent, seg_config_row_range(row, range, sizeof(range)));
	if (row->value)
		fprintf(out, "; default %s", row->value);
	fputs(row->required ? "; required)\n" : ")\n", out);
}

/* --- segrunner.ini(5) -------------------------------------------------------------------- */

static const char man_head[] =
	".SH NAME\nsegrunner.ini \\- configuration of segrunner\n"
	".SH DESCRIPTION\n"
	"A line is\n.BR [section] ,\n.IR \"name \" = \" value\" ,\nor a comment: # or ; at its start or "
	"behind a blank.\n"
	"Values may hold\n.B ${NAME}\nor\n.B ${NAME:\\-default}\nfor an environment variable, and\n.B $$\n"
	"for the character $.\nRelative paths start at the file they are written in.\n"
	".PP\nAbove the first section,\n.B include = PATH\nreads another file in its place. [redis] and "
	"[runner] may be "
	"spread over several files, each option given once.\n"
	".PP\nDurations are written 500ms, 10s, 5min (ns us ms s min h d); sizes 512B, 64KiB, 4MiB (B KiB "
	"MiB GiB TiB, and\n"
	"KB MB GB TB of 1000); numbers 1000 or 1_000_000.\n"
	".PP\n.B segrunner \\-\\-check\nnames every mistake in a file. A changed file is put in force by "
	"SIGHUP; with each "
	"option it says how.\n";

static const char man_tail[] =
	".SH EXAMPLES\n.nf\n[redis]\naddress = redis://127.0.0.1:6379\n\n[consumer bookings]\nstream = "
	"orders\n"
	"group = booking\nplugin = ./booking.so\npartitions = 8\npartition_size = 1_000_000\n.fi\n"
	".SH SEE ALSO\n.BR segrunner (1),\n.BR segctl (1),\n.BR segmenter (3)\n";

/* As troff takes it: text that it does not read as its own. */
static void print_roff(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

static void print_man_row(FILE *out, const seg_config_row *row)
{
	static const char *const changes[] = {
		[SEG_CHANGE_CONSUMER] = "SIGHUP: the sections it is about hand over to themselves.",
		[SEG_CHANGE_LIVE] = "SIGHUP: at once.",
		[SEG_CHANGE_RESTART] = "SIGHUP: not before segrunner is started again.",
	};
	char range[80];
	fprintf(out, ".TP\n.B %s\n", row->name);
	print_roff(out, row->help);
	fputs("\n.br\nValues: ", out);
	print_roff(out, seg_config_row_range(row, range, sizeof(range)));
	if (row->value) {
		fputs("; default ", out);
		print_roff(out, row->value);
	}
	fprintf(out, "%s.\n.br\n%s\n", row->required ? "; required" : "", changes[row->change]);
}

static void print_section_head(FILE *out, seg_config_form form, seg_config_section section)
{
	switch (form) {
	case SEG_CONFIG_FORM_INI:
		fputs("\n\n# ", out);
		print_wrapped(out, section_help[section], "# ", 2, INI_WIDTH);
		fprintf(out, "%s[%s]\n", section == SEG_CONFIG_CONSUMER ? "#" : "", section_title(section));
		break;
	case SEG_CONFIG_FORM_MARKDOWN:
		fprintf(out,
			"%s### `[%s]`\n\n%s\n\n| option | default | values | what it does |\n| --- | --- | "
			"--- | --- |\n",
			section ? "\n" : "", section_title(section), section_help[section]);
		break;
	case SEG_CONFIG_FORM_MAN:
		fprintf(out, ".SH [%s]\n%s\n", section_title(section), section_help[section]);
		break;
	case SEG_CONFIG_FORM_HELP:
		fprintf(out, "%s[%s]\n  ", section ? "\n" : "", section_title(section));
		print_wrapped(out, section_help[section], "  ", 2, HELP_WIDTH);
		break;
	}
}

static void print_section_end(FILE *out, seg_config_form form, seg_config_section section)
{
	if (section != SEG_CONFIG_CONSUMER)
		return;
	switch (form) {
	case SEG_CONFIG_FORM_INI:
		fprintf(out, "\n# %s\n#option.NAME =\n", option_help);
		break;
	case SEG_CONFIG_FORM_MARKDOWN:
		fprintf(out, "\n`option.NAME = value`%s\n", option_help + strlen("option.NAME = value"));
		break;
	case SEG_CONFIG_FORM_MAN:
		fprintf(out, ".TP\n.B option.NAME\n%s\n", option_help);
		break;
	case SEG_CONFIG_FORM_HELP:
		fprintf(out, "  %s\n", option_help);
		break;
	}
}

void seg_config_reference(FILE *out, seg_config_form form)
{
	if (form == SEG_CONFIG_FORM_INI)
		fputs(ini_head, out);
	if (form == SEG_CONFIG_FORM_MAN)
		fprintf(out, ".TH SEGRUNNER.INI 5 \"\" \"segrunner %s\" \"segrunner\"\n%s", seg_version(),
			man_head);
	for (seg_config_section section = SEG_CONFIG_REDIS; section < SEG_CONFIG_SECTIONS; section++) {
		print_section_head(out, form, section);
		for (size_t i = 0; i < seg_config_row_count; i++) {
			const seg_config_row *row = &seg_config_rows[i];
			if (row->section != section)
				continue;
			switch (form) {
			case SEG_CONFIG_FORM_INI:
				print_ini_row(out, row);
				break;
			case SEG_CONFIG_FORM_MARKDOWN:
				print_markdown_row(out, row);
				break;
			case SEG_CONFIG_FORM_MAN:
				print_man_row(out, row);
				break;
			case SEG_CONFIG_FORM_HELP:
				print_help_row(out, row);
				break;
			}
		}
		print_section_end(out, form, section);
	}
	if (form == SEG_CONFIG_FORM_MAN)
		fputs(man_tail, out);
}

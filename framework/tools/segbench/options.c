#include "options.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <segmenter/segmenter.h>

#include "experiments/all.h"
#include "measure/tally.h"

typedef enum { FLAG, NUMBER, TEXT, HELP, VERSION } option_kind;

/* clang-format off */
static const struct {
	const char *name;
	const char *argument;
	option_kind kind;
	size_t offset;
	uint64_t min, max;
	const char *help;
} table[] = {
	{"compare", NULL, FLAG, offsetof(bench_options, compare), 0, 0,
	 "measure what has a goal, and end with a line `ratio NAME VALUE` for each"},
	{"quick", NULL, FLAG, offsetof(bench_options, quick), 0, 0,
	 "few messages and rounds: to see that it works, not to quote"},
	{"only", "NAME", TEXT, offsetof(bench_options, only), 0, 0, "one experiment of those below"},
	{"rounds", "N", NUMBER, offsetof(bench_options, rounds), 1, SERIES_MAX, "rounds of each case (5)"},
	{"messages", "N", NUMBER, offsetof(bench_options, messages), 1000, 1000000000,
	 "messages a round (1,000,000; fewer where they are large)"},
	{"size", "B", NUMBER, offsetof(bench_options, size), 16, 1 << 20,
	 "bytes of data a message, instead of 100 and 1024"},
	{"partitions", "N", NUMBER, offsetof(bench_options, partitions), 1, TALLY_PARTITIONS,
	 "instead of 1, 8 and 64"},
	{"json", "FILE", TEXT, offsetof(bench_options, json), 0, 0,
	 "write all figures to FILE, for machines"},
	{"plot", "FILE", TEXT, offsetof(bench_options, plot), 0, 0, "draw them into FILE, an SVG"},
	{"tcp", NULL, FLAG, offsetof(bench_options, tcp), 0, 0, "connect through TCP, not a Unix socket"},
	{"help", NULL, HELP, 0, 0, 0, "this text"},
	{"version", NULL, VERSION, 0, 0, 0, "the version"},
};
/* clang-format on */

enum { COUNT = sizeof(table) / sizeof(table[0]) };

static void print_help(void)
{
	printf("Usage: segbench [OPTION ...]\n\n"
	       "Measures segrunner and libsegmenter beside bare Redis, on a redis-server of its own.\n\n");
	for (int i = 0; i < COUNT; i++) {
		char left[32];
		snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].argument ? " " : "",
			 table[i].argument ? table[i].argument : "");
		printf("  %-16s %s\n", left, table[i].help);
	}
	printf("\nExperiments:\n");
	for (const bench_experiment *const *e = bench_experiments; *e; e++)
		printf("  %-16s %s\n", (*e)->name, (*e)->help);
	printf("\nExit codes: 0 measured, 64 usage, 69 redis-server or segrunner cannot run, 70 a figure\n"
	       "cannot be right (messages were lost, say), 71 the system refused, 73 cannot write a file.\n");
}

static uint64_t parse_number(int i, const char *text)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || value < table[i].min || value > table[i].max)
		errx(EX_USAGE, "--%s %s: give a number from %" PRIu64 " to %" PRIu64, table[i].name, text,
		     table[i].min, table[i].max);
	return value;
}

static void take(bench_options *options, int i, const char *text)
{
	char *field = (char *)options + table[i].offset;
	switch (table[i].kind) {
	case FLAG:
		*(bool *)field = true;
		break;
	case NUMBER:
		*(uint64_t *)(void *)field = parse_number(i, text);
		break;
	case TEXT:
		*(const char **)(void *)field = text;
		break;
	case HELP:
		print_help();
		exit(EX_OK);
	case VERSION:
		printf("segbench %s\n", seg_version());
		exit(EX_OK);
	}
}

static void check_experiment(const char *name)
{
	for (const bench_experiment *const *e = bench_experiments; *e; e++)
		if (strcmp((*e)->name, name) == 0)
			return;
	errx(EX_USAGE, "--only %s: there is no such experiment; segbench --help lists them", name);
}

void bench_options_parse(bench_options *options, int argc, char **argv)
{
	struct option names[COUNT + 1] = {0};
	for (int i = 0; i < COUNT; i++)
		names[i] = (struct option){table[i].name, table[i].argument ? required_argument : no_argument,
					   NULL, 0};
	*options = (bench_options){0};
	for (int code, i; (code = getopt_long(argc, argv, "", names, &i)) != -1;) {
		if (code != 0) { /* getopt has said what is wrong */
			fputs("segbench: --help lists the options\n", stderr);
			exit(EX_USAGE);
		}
		take(options, i, optarg);
	}
	if (optind < argc)
		errx(EX_USAGE, "unexpected argument \"%s\"; segbench --help lists the options", argv[optind]);
	if (options->only)
		check_experiment(options->only);
}

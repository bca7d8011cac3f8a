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
	 "only cases with a goal; ends with `ratio NAME VALUE` lines"},
	{"quick", NULL, FLAG, offsetof(bench_options, quick), 0, 0,
	 "few messages and rounds: a check, not figures to quote"},
	{"only", "NAME", TEXT, offsetof(bench_options, only), 0, 0, "run one experiment of the list below"},
	{"rounds", "N", NUMBER, offsetof(bench_options, rounds), 1, SERIES_MAX, "rounds of each case (5; with --quick 2)"},
	{"messages", "N", NUMBER, offsetof(bench_options, messages), 1000, 1000000000,
	 "messages per round (1,000,000; with --quick 100,000; fewer\n"
	 "                   if they would need more than 512 MiB)"},
	{"size", "B", NUMBER, offsetof(bench_options, size), 16, 1 << 20,
	 "bytes of data per message, instead of 100 and 1024"},
	{"partitions", "N", NUMBER, offsetof(bench_options, partitions), 1, TALLY_PARTITIONS,
	 "number of partitions, instead of 1, 8 and 64"},
	{"rtt", "MS", NUMBER, offsetof(bench_options, rtt), 1, 10000,
	 "round-trip time of distance (50), the one experiment then;\n"
	 "                   with --only: of all connections of that experiment"},
	{"peers", NULL, FLAG, offsetof(bench_options, peers), 0, 0,
	 "only the experiment peers: other brokers that are installed\n"
	 "                   (nats-server with libnats), on the same messages"},
	{"redis", "PROGRAM", TEXT, offsetof(bench_options, redis), 0, 0,
	 "start this server, instead of redis-server"},
	{"failing", "P", NUMBER, offsetof(bench_options, failing), 1, 10,
	 "percent of the messages: the failing key of hot-key (5)"},
	{"json", "FILE", TEXT, offsetof(bench_options, json), 0, 0,
	 "write all figures to FILE as JSON"},
	{"plot", "FILE", TEXT, offsetof(bench_options, plot), 0, 0, "draw rates, packing, scaling and latencies into FILE as SVG"},
	{"tcp", NULL, FLAG, offsetof(bench_options, tcp), 0, 0, "connect through TCP instead of a Unix socket"},
	{"help", NULL, HELP, 0, 0, 0, "print this text"},
	{"version", NULL, VERSION, 0, 0, 0, "print the version"},
};
/* clang-format on */

enum { COUNT = sizeof(table) / sizeof(table[0]) };

static void print_options(void)
{
	for (int i = 0; i < COUNT; i++) {
		char left[32];
		snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].argument ? " " : "",
			 table[i].argument ? table[i].argument : "");
		printf("  %-16s %s\n", left, table[i].help);
	}
}

static void print_experiments(void)
{
	printf("\nExperiments (* runs only with --only):\n");
	for (const bench_experiment *const *e = bench_experiments; *e; e++)
		printf("  %-14s %c %s\n", (*e)->name, (*e)->only_if_named ? '*' : ' ', (*e)->help);
}

static void print_help(void)
{
	printf("Usage: segbench [OPTION ...]\n\n"
	       "Measures segrunner and libsegmenter beside bare Redis. segbench starts a\n"
	       "redis-server for the measurement, and stops the server at the end.\n\n");
	print_options();
	print_experiments();
	printf("\nAt the end, each goal that was measured has a line `ratio NAME MEDIAN`, with the\n"
	       "spread of the rounds (the middle half, quartile to quartile) and a verdict:\n"
	       "  met               the median reaches the goal\n"
	       "  met within noise  the median misses, but the goal lies inside the spread\n"
	       "  missed            otherwise; a single round has no spread\n");
	printf("\nExit codes:\n"
	       "  0   all experiments ran\n"
	       "  64  invalid option or argument\n"
	       "  69  redis-server or segrunner cannot run\n"
	       "  70  a figure cannot be right (for example, messages were lost)\n"
	       "  71  the system refused a resource\n"
	       "  73  cannot create a file\n"
	       "  74  cannot write the output\n"
	       "  76  redis-server sent a reply of an unexpected type\n");
}

static uint64_t parse_number(int i, const char *text)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || value < table[i].min || value > table[i].max)
		errx(EX_USAGE, "--%s %s: expected a number from %" PRIu64 " to %" PRIu64, table[i].name, text,
		     table[i].min, table[i].max);
	return value;
}

/* Takes option `i` of the table with its argument. */
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
	errx(EX_USAGE, "--only %s: unknown experiment; segbench --help lists the experiments", name);
}

void bench_options_parse(bench_options *options, int argc, char **argv)
{
	struct option names[COUNT + 1] = {0};
	for (int i = 0; i < COUNT; i++)
		names[i] = (struct option){table[i].name, table[i].argument ? required_argument : no_argument,
					   NULL, 0};
	*options = (bench_options){0};
	for (int code, i; (code = getopt_long(argc, argv, "", names, &i)) != -1;) {
		if (code != 0) { /* getopt has printed the error */
			fputs("segbench --help lists the options\n", stderr);
			exit(EX_USAGE);
		}
		take(options, i, optarg);
	}
	if (optind < argc)
		errx(EX_USAGE,
		     "unexpected argument \"%s\"; options begin with --; segbench --help lists the options",
		     argv[optind]);
	if (options->only)
		check_experiment(options->only);
	else if (options->peers)
		options->only = bench_experiment_peers.name;
	else if (options->rtt)
		options->only = bench_experiment_distance.name;
}

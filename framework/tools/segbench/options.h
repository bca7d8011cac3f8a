/* options.h - the command line, from one table. */
#ifndef SEGBENCH_OPTIONS_H
#define SEGBENCH_OPTIONS_H

#include "experiments/settings.h"

/* Parses; ends the program with EX_USAGE and one line on stderr, or after --help and --version with EX_OK. */
void bench_options_parse(bench_options *options, int argc, char **argv);

#endif

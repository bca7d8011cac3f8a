/* options.h - parses the command line. Parser and help come from one table. */
#ifndef SEGBENCH_OPTIONS_H
#define SEGBENCH_OPTIONS_H

#include "experiments/settings.h"

/*
 * Ends the program with EX_USAGE and one line on stderr if an argument is invalid; with EX_OK after --help
 * and --version.
 */
void bench_options_parse(bench_options *options, int argc, char **argv);

#endif

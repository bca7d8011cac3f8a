/* plot.h - draws the figures as an SVG of horizontal bars, with a panel for each table of the report. */
#ifndef SEGBENCH_REPORT_PLOT_H
#define SEGBENCH_REPORT_PLOT_H

#include <jansson.h>

/* Draws a report's `root`. Ends the program if the file cannot be written. */
void bench_plot_write(const json_t *root, const char *path);

#endif

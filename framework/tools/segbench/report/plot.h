/* plot.h - the figures as a picture: an SVG of horizontal bars, one panel a table of the report. */
#ifndef SEGBENCH_REPORT_PLOT_H
#define SEGBENCH_REPORT_PLOT_H

#include <jansson.h>

/* Draws what bench_report gathered. Ends the program if the file cannot be written. */
void bench_plot_write(const json_t *root, const char *path);

#endif

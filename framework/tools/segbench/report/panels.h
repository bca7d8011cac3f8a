/*
 * panels.h - the panels of the plot: which figures of a report stand together, in the order in which the plot draws them.
 *
 * A panel has a row for each thing that is compared, and up to three columns, each with a scale of its own.
 */
#ifndef SEGBENCH_REPORT_PANELS_H
#define SEGBENCH_REPORT_PANELS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { PANEL_ROWS = 32, PANEL_COLUMNS = 3, PANEL_TEXT = 96, PANELS_MAX = 64 };

typedef struct bench_bar {
	double median;
	double lower, upper; /* quartiles of the rounds; both the median for a single round */
	double goal;         /* 0: none */
} bench_bar;

typedef struct bench_panel_row {
	char label[PANEL_TEXT];
	bool ours; /* a part of Segmenter, not what it is compared with */
	bench_bar bars[PANEL_COLUMNS];
} bench_panel_row;

typedef struct bench_panel {
	char title[PANEL_TEXT];
	char note[PANEL_TEXT]; /* the units, if there is one column; the case */
	size_t columns, rows;
	const char *headings[PANEL_COLUMNS]; /* of the columns, if there are several */
	bench_panel_row row[PANEL_ROWS + 1]; /* the last one takes what does not fit */
} bench_panel;

typedef struct bench_panels {
	size_t count;
	bench_panel panel[PANELS_MAX + 1]; /* likewise */
} bench_panels;

/* Gathers the panels of a report's `root`. The caller frees them. */
bench_panels *bench_panels_create(const json_t *root);

/* The largest value of a column: of its bars, quartiles and goals. */
double bench_panel_highest(const bench_panel *panel, size_t column);

#endif

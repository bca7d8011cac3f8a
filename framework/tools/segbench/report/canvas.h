/*
 * canvas.h - draws panels of horizontal bars into an SVG file, from top to bottom. The colours suit light and
 * dark pages.
 */
#ifndef SEGBENCH_REPORT_CANVAS_H
#define SEGBENCH_REPORT_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/panels.h"

typedef struct bench_canvas {
	const char *path;
	FILE *file;
	int y; /* the top of what comes next, in pixels */
	/* The panel that is being drawn. */
	size_t rows, columns;
	int top;                     /* of its first bar */
	double scale[PANEL_COLUMNS]; /* pixels per unit */
} bench_canvas;

/* Pixels that a panel takes. */
int bench_canvas_panel_height(size_t rows, size_t columns);

/* Creates the file; `panels` is the height of all panels. Ends the program if the file cannot be written. */
void bench_canvas_open(bench_canvas *canvas, const char *path, int panels);

/* Writes what was measured on, and what the colours and lines mean. */
void bench_canvas_header(bench_canvas *canvas, const char *text);

/* Begins a panel. */
void bench_canvas_panel_begin(bench_canvas *canvas, const char *title, const char *note, size_t rows,
			      size_t columns);

/* Draws a column's grid for values up to `highest`, before its bars; the heading may be NULL. */
void bench_canvas_column(bench_canvas *canvas, size_t column, const char *heading, double highest);

void bench_canvas_label(const bench_canvas *canvas, size_t row, const char *text);

/* Draws a bar that reaches to the median, a line between the quartiles, and a mark at the goal. */
void bench_canvas_bar(const bench_canvas *canvas, size_t column, size_t row, const bench_bar *bar, bool ours);

void bench_canvas_panel_end(bench_canvas *canvas);

/* Completes the file. Ends the program if the file cannot be written. */
void bench_canvas_close(bench_canvas *canvas);

#endif

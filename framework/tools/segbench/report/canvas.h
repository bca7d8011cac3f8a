/*
 * canvas.h - draws panels of horizontal bars into an SVG file, from top to bottom. The colours suit light and
 * dark pages.
 */
#ifndef SEGBENCH_REPORT_CANVAS_H
#define SEGBENCH_REPORT_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct bench_canvas {
	const char *path;
	FILE *file;
	int y; /* the top of what comes next, in pixels */
	/* The panel that is being drawn. */
	double scale; /* pixels per unit */
	int top;      /* of its first bar */
} bench_canvas;

typedef struct bench_bar {
	const char *label;
	bool ours; /* drawn in the colour that stands out */
	double lowest, median, highest;
} bench_bar;

/* Pixels that a panel of `bars` bars takes. */
int bench_canvas_panel_height(size_t bars);

/* Creates the file; `panels` is the height of all panels. Ends the program if the file cannot be written. */
void bench_canvas_open(bench_canvas *canvas, const char *path, int panels);

/* Begins a panel with a title and an axis that reaches to `highest`; `bars` bars follow. */
void bench_canvas_panel_begin(bench_canvas *canvas, const char *title, size_t bars, double highest);

/* Draws a bar that reaches to the median, and a line from the lowest to the highest value. */
void bench_canvas_bar(bench_canvas *canvas, const bench_bar *bar);

/* Ends a panel; draws a line over its bars at `goal`, if `goal` is not 0. */
void bench_canvas_panel_end(bench_canvas *canvas, double goal);

/* Writes a line of text in small type below all panels. */
void bench_canvas_footer(const bench_canvas *canvas, const char *text);

/* Completes the file. Ends the program if the file cannot be written. */
void bench_canvas_close(bench_canvas *canvas);

#endif

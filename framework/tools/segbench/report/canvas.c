#include "report/canvas.h"

#include <err.h>
#include <math.h>
#include <sysexits.h>

/* Pixels. */
enum {
	WIDTH = 760,
	MARGIN = 24,
	HEADER = 66,
	LABELS = 228, /* from the left edge to the bars */
	GAP = 24,     /* between columns */
	VALUE = 54,   /* for the value behind the longest bar */
	BAR = 16,
	STEP = 25,
	TITLE = 36,
	HEADING = 18,
	AXIS = 34
};

/* For readers of light and of dark pages. */
static const char style[] =
	"<style>text{fill:#1f2328}.small{fill:#59636e;font-size:11px}.value{font-size:11px}"
	".paper{fill:#ffffff}.ours{fill:#1f6feb}.other{fill:#b4bdc7}.rule{stroke:#d1d9e0}.axis{stroke:#e7ecf0}"
	".halo{stroke:#ffffff;stroke-width:3.5;opacity:.85}.spread{stroke:#1f2328;stroke-width:1.3}"
	".goal{stroke:#cf222e;stroke-width:2}"
	"@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.paper{fill:#0d1117}"
	".ours{fill:#388bfd}.other{fill:#59616b}.rule{stroke:#3d444d}.axis{stroke:#262c34}"
	".halo{stroke:#0d1117}.spread{stroke:#f0f6fc}.goal{stroke:#ff7b72}}"
	"</style>\n";

int bench_canvas_panel_height(size_t rows, size_t columns)
{
	return TITLE + (columns > 1 ? HEADING : 0) + STEP * (int)rows + AXIS;
}

void bench_canvas_open(bench_canvas *canvas, const char *path, int panels)
{
	int height = HEADER + MARGIN + panels;
	*canvas = (bench_canvas){.path = path, .file = fopen(path, "w")};
	if (!canvas->file)
		err(EX_CANTCREAT, "cannot write %s", path);
	fprintf(canvas->file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif\" font-size=\"12\">\n%s"
		"<rect width=\"100%%\" height=\"100%%\" class=\"paper\"/>\n",
		WIDTH, height, WIDTH, height, style);
}

void bench_canvas_close(bench_canvas *canvas)
{
	fputs("</svg>\n", canvas->file);
	if (ferror(canvas->file) || fclose(canvas->file))
		err(EX_IOERR, "cannot write %s", canvas->path);
}

/* --- texts and lines ---------------------------------------------------------------------- */

static void draw_text(const bench_canvas *canvas, double x, int y, const char *attributes, const char *text)
{
	fprintf(canvas->file, "<text x=\"%.1f\" y=\"%d\"%s>", x, y, attributes);
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", canvas->file);
			break;
		case '&':
			fputs("&amp;", canvas->file);
			break;
		default: /* any other character stands for itself */
			fputc(*text, canvas->file);
		}
	fputs("</text>\n", canvas->file);
}

static void draw_vertical(const bench_canvas *canvas, double x, int y, int height, const char *class)
{
	fprintf(canvas->file, "<path d=\"M%.1f %dv%d\" class=\"%s\"/>\n", x, y, height, class);
}

static void draw_bar(const bench_canvas *canvas, double x, int y, double width, bool ours)
{
	fprintf(canvas->file,
		"<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" class=\"%s\"/>\n", x, y,
		width, BAR, ours ? "ours" : "other");
}

/* A line with ends, on a halo that sets it off from the bar. */
static void draw_spread(const bench_canvas *canvas, double from, double to, int middle)
{
	static const char *const classes[] = {"halo", "spread"};
	for (int i = 0; i < 2; i++)
		fprintf(canvas->file,
			"<path d=\"M%.1f %dv6m0 -3H%.1fm0 -3v6\" fill=\"none\" class=\"%s\"/>\n", from,
			middle - 3, to, classes[i]);
}

static void draw_goal(const bench_canvas *canvas, double x, int y, int height)
{
	draw_vertical(canvas, x, y, height, "halo");
	draw_vertical(canvas, x, y, height, "goal");
}

/* Three digits, in thousands or millions where that is shorter. */
static void format_value(double value, char text[32])
{
	double v = value >= 1e6 ? value / 1e6 : value >= 1e4 ? value / 1e3 : value;
	int digits = v >= 100 ? 0 : v >= 10 ? 1 : 2;
	snprintf(text, 32, "%.*f%s", digits, v, value >= 1e6 ? " M" : value >= 1e4 ? " k" : "");
}

/* The same for a number at a grid line, which is round. */
static void format_round(double value, char text[32])
{
	double v = value >= 1e6 ? value / 1e6 : value >= 1e4 ? value / 1e3 : value;
	snprintf(text, 32, "%.6g%s", v, value >= 1e6 ? " M" : value >= 1e4 ? " k" : "");
}

/* --- header ------------------------------------------------------------------------------- */

void bench_canvas_header(bench_canvas *canvas, const char *text)
{
	const int y = MARGIN + 8, legend = y + 22, middle = legend - 4;
	draw_text(canvas, MARGIN, y, " font-weight=\"600\" font-size=\"15\"", "segbench");
	draw_text(canvas, WIDTH - MARGIN, y, " class=\"small\" text-anchor=\"end\"", text);
	fprintf(canvas->file,
		"<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"10\" rx=\"2\" class=\"ours\"/>\n"
		"<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"10\" rx=\"2\" class=\"other\"/>\n",
		MARGIN, middle - 5, MARGIN + 96, middle - 5);
	draw_text(canvas, MARGIN + 18, legend, " class=\"small\"", "Segmenter");
	draw_text(canvas, MARGIN + 114, legend, " class=\"small\"", "compared with");
	draw_spread(canvas, MARGIN + 214, MARGIN + 236, middle);
	draw_text(canvas, MARGIN + 244, legend, " class=\"small\"", "the middle half of the rounds");
	draw_goal(canvas, MARGIN + 432, middle - 7, 14);
	draw_text(canvas, MARGIN + 440, legend, " class=\"small\"", "goal");
	canvas->y = HEADER;
}

/* --- panels ------------------------------------------------------------------------------- */

static double column_width(const bench_canvas *canvas)
{
	double all = WIDTH - MARGIN - LABELS - GAP * (double)(canvas->columns - 1);
	return all / (double)canvas->columns;
}

static double column_start(const bench_canvas *canvas, size_t column)
{
	return LABELS + (double)column * (column_width(canvas) + GAP);
}

void bench_canvas_panel_begin(bench_canvas *canvas, const char *title, const char *note, size_t rows,
			      size_t columns)
{
	fprintf(canvas->file, "<path d=\"M%d %dH%d\" class=\"rule\"/>\n", MARGIN, canvas->y, WIDTH - MARGIN);
	draw_text(canvas, MARGIN, canvas->y + 23, " font-weight=\"600\"", title);
	draw_text(canvas, LABELS, canvas->y + 23, " class=\"small\"", note);
	canvas->rows = rows;
	canvas->columns = columns;
	canvas->y += TITLE + (columns > 1 ? HEADING : 0);
	canvas->top = canvas->y;
}

/* The distance of the grid lines: 1, 2 or 5 times a power of ten, so that at most `most` lines follow the first. */
static double grid_step(double highest, int most)
{
	static const double steps[] = {1, 2, 5, 10};
	double power = pow(10, floor(log10(highest / most)));
	int i = 0;
	while (i < 3 && highest / (steps[i] * power) > most)
		i++;
	return steps[i] * power;
}

void bench_canvas_column(bench_canvas *canvas, size_t column, const char *heading, double highest)
{
	double start = column_start(canvas, column);
	int height = STEP * (int)canvas->rows;
	canvas->scale[column] = highest > 0 ? (column_width(canvas) - VALUE) / highest : 0;
	if (heading)
		draw_text(canvas, start, canvas->top - 7, " class=\"small\"", heading);
	double step = highest > 0 ? grid_step(highest, canvas->columns == 1 ? 6 : 3) : 1;
	for (int i = 0; i * step <= highest; i++) {
		char text[32];
		double x = start + i * step * canvas->scale[column];
		format_round(i * step, text);
		draw_vertical(canvas, x, canvas->top - 2, height, "axis");
		draw_text(canvas, x, canvas->top + height + 11, " class=\"small\" text-anchor=\"middle\"",
			  text);
	}
}

static int bar_top(const bench_canvas *canvas, size_t row)
{
	return canvas->top + STEP * (int)row + (STEP - BAR) / 2 - 2;
}

void bench_canvas_label(const bench_canvas *canvas, size_t row, const char *text)
{
	draw_text(canvas, LABELS - 10, bar_top(canvas, row) + 12, " text-anchor=\"end\"", text);
}

/* Where the value of a bar begins: behind the bar, or behind the goal if the goal's mark would cross the value. */
static double value_start(const bench_bar *bar, double start, double scale)
{
	double x = start + fmax(bar->median, bar->upper) * scale, goal = start + bar->goal * scale;
	return (goal > x && goal < x + VALUE ? goal : x) + 7;
}

void bench_canvas_bar(const bench_canvas *canvas, size_t column, size_t row, const bench_bar *bar, bool ours)
{
	char text[32];
	double start = column_start(canvas, column), scale = canvas->scale[column];
	int y = bar_top(canvas, row);
	draw_bar(canvas, start, y, fmax(bar->median * scale, 1), ours);
	if (bar->goal > 0)
		draw_goal(canvas, start + bar->goal * scale, y - 3, BAR + 6);
	if (bar->upper > bar->lower)
		draw_spread(canvas, start + bar->lower * scale, start + bar->upper * scale, y + BAR / 2);
	format_value(bar->median, text);
	draw_text(canvas, value_start(bar, start, scale), y + 12, " class=\"value\"", text);
}

void bench_canvas_panel_end(bench_canvas *canvas)
{
	canvas->y = canvas->top + STEP * (int)canvas->rows + AXIS;
}

#include "report/canvas.h"

#include <err.h>
#include <math.h>
#include <string.h>
#include <sysexits.h>

/* Pixels. */
enum {
	WIDTH = 760,
	MARGIN = 24,
	LABEL = 210,
	BAR = 18,
	STEP = 28,
	HEAD = 44,
	AXIS = 20,
	BARS_START = MARGIN + LABEL,
	BARS_END = WIDTH - 120
};

/* For readers of light and of dark pages. */
static const char style[] =
	"<style>text{fill:#1f2328}.small{fill:#59636e;font-size:11px}.paper{fill:#ffffff}.ours{fill:#1f6feb}"
	".other{fill:#afb8c1}.spread{stroke:#1f2328}.axis{stroke:#d1d9e0}.goal{stroke:#cf222e;stroke-dasharray:4 3}"
	"@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.paper{fill:#0d1117}"
	".ours{fill:#388bfd}.other{fill:#656c76}.spread{stroke:#f0f6fc}.axis{stroke:#3d444d}.goal{stroke:#ff7b72}}"
	"</style>\n";

int bench_canvas_panel_height(size_t bars)
{
	return HEAD + AXIS + STEP * (int)bars;
}

void bench_canvas_open(bench_canvas *canvas, const char *path, int panels)
{
	int height = 2 * MARGIN + BAR + panels;
	*canvas = (bench_canvas){.path = path, .file = fopen(path, "w")};
	if (!canvas->file)
		err(EX_CANTCREAT, "cannot write %s", path);
	fprintf(canvas->file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n%s"
		"<rect width=\"100%%\" height=\"100%%\" class=\"paper\"/>\n",
		WIDTH, height, WIDTH, height, style);
}

void bench_canvas_close(bench_canvas *canvas)
{
	fputs("</svg>\n", canvas->file);
	if (ferror(canvas->file) || fclose(canvas->file))
		err(EX_IOERR, "cannot write %s", canvas->path);
}

/* Formats a number as 1,234,567 or as 12.3. */
static void format_number(double value, char text[32])
{
	char digits[32];
	int n = snprintf(digits, sizeof(digits), value < 1000 ? "%.1f" : "%.0f", value);
	if (value < 1000) {
		strcpy(text, digits);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*text++ = ',';
		*text++ = digits[i];
	}
	*text = '\0';
}

/* The distance of the grid lines: 1, 2 or 5 times a power of ten, so that three to seven lines appear. */
static double grid_step(double highest)
{
	double step = pow(10, floor(log10(highest)));
	if (highest / step < 3)
		step /= highest / step < 1.5 ? 5 : 2;
	return step;
}

/*
 * Draws the grid lines before the bars, so that the bars cover the lines. The numbers stand below the bars.
 */
static void draw_axis(const bench_canvas *canvas, size_t bars, double highest)
{
	int bottom = canvas->y + STEP * (int)bars;
	double step = grid_step(highest);
	for (int i = 0; i * step <= highest; i++) {
		char text[32];
		double x = BARS_START + i * step * canvas->scale;
		format_number(i * step, text);
		fprintf(canvas->file,
			"<path d=\"M%.1f %d V%d\" class=\"axis\"/>\n"
			"<text x=\"%.1f\" y=\"%d\" class=\"small\" text-anchor=\"middle\">%s</text>\n",
			x, canvas->y - 4, bottom, x, bottom + 12, i == 0 ? "0" : text);
	}
}

void bench_canvas_panel_begin(bench_canvas *canvas, const char *title, size_t bars, double highest)
{
	fprintf(canvas->file, "<text x=\"%d\" y=\"%d\" font-weight=\"600\">%s</text>\n", MARGIN,
		canvas->y + 28, title);
	canvas->y += HEAD;
	canvas->top = canvas->y;
	canvas->scale = highest > 0 ? (BARS_END - BARS_START) / highest : 0;
	if (highest > 0)
		draw_axis(canvas, bars, highest);
}

void bench_canvas_bar(bench_canvas *canvas, const bench_bar *bar)
{
	char text[32];
	double start = BARS_START, scale = canvas->scale;
	format_number(bar->median, text);
	fprintf(canvas->file,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n"
		"<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" class=\"%s\"/>\n"
		"<path d=\"M%.1f %d H%.1f\" class=\"spread\"/>\n"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
		BARS_START - 8, canvas->y + 13, bar->label, start, canvas->y, bar->median * scale, BAR,
		bar->ours ? "ours" : "other", start + bar->lowest * scale, canvas->y + BAR / 2,
		start + bar->highest * scale, WIDTH - MARGIN, canvas->y + 13, text);
	canvas->y += STEP;
}

void bench_canvas_panel_end(bench_canvas *canvas, double goal)
{
	double x = BARS_START + goal * canvas->scale;
	if (goal > 0)
		fprintf(canvas->file,
			"<path d=\"M%.1f %d V%d\" class=\"goal\"/>\n"
			"<text x=\"%.1f\" y=\"%d\" class=\"small\" text-anchor=\"middle\">goal</text>\n",
			x, canvas->top - 4, canvas->y, x, canvas->top - 7);
	canvas->y += AXIS;
}

void bench_canvas_footer(const bench_canvas *canvas, const char *text)
{
	fprintf(canvas->file, "<text x=\"%d\" y=\"%d\" class=\"small\">%s</text>\n", MARGIN,
		canvas->y + MARGIN, text);
}

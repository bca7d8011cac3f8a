#include "report/plot.h"

#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "report/goals.h"

/* Pixels. */
enum {
	WIDTH = 760,
	MARGIN = 24,
	LABEL = 210,
	BAR = 18,
	STEP = 28,
	HEAD = 44,
	AXIS = 20,
	BARS_END = WIDTH - 120
};

/* Ours stand out; a bar's class in the style sheet is found by what its label holds. */
static const struct {
	const char *word;
	const char *class;
} classes[] = {{"segrunner", "ours"}, {"consumer", "ours"}, {"producer", "ours"}, {"", "other"}};

/* For readers of light and of dark pages. */
static const char style[] =
	"<style>text{fill:#1f2328}.small{fill:#59636e;font-size:11px}.paper{fill:#ffffff}.ours{fill:#1f6feb}"
	".other{fill:#afb8c1}.spread{stroke:#1f2328}.axis{stroke:#d1d9e0}.goal{stroke:#cf222e;stroke-dasharray:4 3}"
	"@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.paper{fill:#0d1117}"
	".ours{fill:#388bfd}.other{fill:#656c76}.spread{stroke:#f0f6fc}.axis{stroke:#3d444d}.goal{stroke:#ff7b72}}"
	"</style>\n";

typedef struct {
	FILE *file;
	int y;
} canvas;

static const char *class_of(const char *label)
{
	size_t i = 0;
	while (!strstr(label, classes[i].word))
		i++;
	return classes[i].class;
}

static double number(const json_t *series, const char *name)
{
	return json_number_value(json_object_get(series, name));
}

/* 1,234,567 or 12.3 */
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

/* A bar to the median, and a line from the lowest to the highest. */
static void draw_bar(canvas *c, const char *label, const json_t *series, double scale)
{
	char text[32];
	double from = MARGIN + LABEL, median = number(series, "median");
	format_number(median, text);
	fprintf(c->file,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n"
		"<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" class=\"%s\"/>\n"
		"<path d=\"M%.1f %d H%.1f\" class=\"spread\"/>\n"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
		MARGIN + LABEL - 8, c->y + 13, label, from, c->y, median * scale, BAR, class_of(label),
		from + number(series, "lowest") * scale, c->y + BAR / 2,
		from + number(series, "highest") * scale, WIDTH - MARGIN, c->y + 13, text);
	c->y += STEP;
}

static void draw_heading(canvas *c, const char *text)
{
	fprintf(c->file, "<text x=\"%d\" y=\"%d\" font-weight=\"600\">%s</text>\n", MARGIN, c->y + 28, text);
	c->y += HEAD;
}

/* The distance of grid lines: 1, 2 or 5 times a power of ten, three to seven of them. */
static double grid_step(double highest)
{
	double step = pow(10, floor(log10(highest)));
	if (highest / step < 3)
		step /= highest / step < 1.5 ? 5 : 2;
	return step;
}

/* Behind the bars that follow; its figures stand below them. */
static void draw_axis(const canvas *c, size_t bars, double highest, double scale)
{
	int bottom = c->y + STEP * (int)bars;
	double step = grid_step(highest);
	for (int i = 0; i * step <= highest; i++) {
		char text[32];
		double x = MARGIN + LABEL + i * step * scale;
		format_number(i * step, text);
		fprintf(c->file,
			"<path d=\"M%.1f %d V%d\" class=\"axis\"/>\n"
			"<text x=\"%.1f\" y=\"%d\" class=\"small\" text-anchor=\"middle\">%s</text>\n",
			x, c->y - 4, bottom, x, bottom + 12, i == 0 ? "0" : text);
	}
}

/* How the lines of an array fall into panels, and what they show. */
typedef struct {
	const char *array;
	const char *label;  /* the member that names a line */
	const char *figure; /* the member that is drawn */
	void (*title)(const json_t *line, char *text, size_t size);
} panel_kind;

static void measure_title(const json_t *line, char *text, size_t size)
{
	snprintf(text, size,
		 "%s: messages/s, %" JSON_INTEGER_FORMAT " bytes, %" JSON_INTEGER_FORMAT " partitions",
		 json_string_value(json_object_get(line, "experiment")),
		 json_integer_value(json_object_get(line, "size")),
		 json_integer_value(json_object_get(line, "partitions")));
}

static void latency_title(const json_t *line, char *text, size_t size)
{
	snprintf(text, size,
		 "latency: median in us at %" JSON_INTEGER_FORMAT " messages/s, %" JSON_INTEGER_FORMAT
		 " partitions",
		 json_integer_value(json_object_get(line, "rate")),
		 json_integer_value(json_object_get(line, "partitions")));
}

static const panel_kind kinds[] = {
	{"measures", "way", "messages_per_second", measure_title},
	{"latencies", "path", "p50_us", latency_title},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), TITLE_MAX = 128 };

/* What the goal of a panel of rates is a multiple of. */
static const struct {
	const char *experiment, *way, *goal;
} references[] = {{"consume", "bare", "consume/bare"}, {"produce", "xadd", "produce/xadd"}};

enum { REFERENCES = sizeof(references) / sizeof(references[0]) };

/* Where the goal lies that is told by the line of the way it refers to; 0: the line tells none. */
static double goal_of(const json_t *line)
{
	const char *experiment = json_string_value(json_object_get(line, "experiment"));
	const char *way = json_string_value(json_object_get(line, "way"));
	if (json_integer_value(json_object_get(line, "size")) != 100 ||
	    json_integer_value(json_object_get(line, "partitions")) != 8)
		return 0; /* the goals speak of this case */
	for (int i = 0; experiment && way && i < REFERENCES; i++)
		if (strcmp(experiment, references[i].experiment) == 0 && strcmp(way, references[i].way) == 0)
			return bench_goal_find(references[i].goal)->value *
			       number(json_object_get(line, "messages_per_second"), "median");
	return 0;
}

/* The lines from `first` on that have its title; *highest is the furthest any of them reaches. */
static size_t panel_end(const panel_kind *kind, const json_t *lines, size_t first, double *highest)
{
	char title[TITLE_MAX], other[TITLE_MAX];
	size_t end = first;
	*highest = 0;
	kind->title(json_array_get(lines, first), title, sizeof(title));
	for (; end < json_array_size(lines); end++) {
		const json_t *line = json_array_get(lines, end);
		kind->title(line, other, sizeof(other));
		if (strcmp(title, other) != 0)
			break;
		double reach = number(json_object_get(line, kind->figure), "highest");
		*highest = fmax(*highest, fmax(reach, goal_of(line)));
	}
	return end;
}

/* Over the bars that were drawn last. */
static void draw_goal(const canvas *c, size_t bars, double x)
{
	int top = c->y - STEP * (int)bars;
	fprintf(c->file,
		"<path d=\"M%.1f %d V%d\" class=\"goal\"/>\n"
		"<text x=\"%.1f\" y=\"%d\" class=\"small\" text-anchor=\"middle\">goal</text>\n",
		x, top - 4, c->y, x, top - 7);
}

static void draw_panels(canvas *c, const panel_kind *kind, const json_t *lines)
{
	for (size_t i = 0, end; i < json_array_size(lines); i = end) {
		char title[TITLE_MAX];
		double highest;
		end = panel_end(kind, lines, i, &highest);
		kind->title(json_array_get(lines, i), title, sizeof(title));
		draw_heading(c, title);
		double scale = highest > 0 ? (BARS_END - MARGIN - LABEL) / highest : 0;
		if (highest > 0)
			draw_axis(c, end - i, highest, scale);
		double goal = 0;
		for (size_t l = i; l < end; l++) {
			const json_t *line = json_array_get(lines, l);
			goal = fmax(goal, goal_of(line));
			draw_bar(c, json_string_value(json_object_get(line, kind->label)),
				 json_object_get(line, kind->figure), scale);
		}
		if (goal > 0)
			draw_goal(c, end - i, MARGIN + LABEL + goal * scale);
		c->y += AXIS;
	}
}

static int height_of(const json_t *root)
{
	int height = 2 * MARGIN + BAR;
	for (int k = 0; k < KINDS; k++) {
		const json_t *lines = json_object_get(root, kinds[k].array);
		double highest;
		for (size_t i = 0, end; i < json_array_size(lines); i = end) {
			end = panel_end(&kinds[k], lines, i, &highest);
			height += HEAD + AXIS + STEP * (int)(end - i);
		}
	}
	return height;
}

static void draw_machine(canvas *c, const json_t *machine)
{
	fprintf(c->file,
		"<text x=\"%d\" y=\"%d\" class=\"small\">segmenter %s, redis %s, %" JSON_INTEGER_FORMAT
		" cores, %s, %s socket; medians, and lines from the lowest to the highest round</text>\n",
		MARGIN, c->y + MARGIN, json_string_value(json_object_get(machine, "segmenter")),
		json_string_value(json_object_get(machine, "redis")),
		json_integer_value(json_object_get(machine, "cores")),
		json_string_value(json_object_get(machine, "architecture")),
		json_string_value(json_object_get(machine, "transport")));
}

void bench_plot_write(const json_t *root, const char *path)
{
	canvas c = {.file = fopen(path, "w")};
	if (!c.file)
		err(EX_CANTCREAT, "cannot write %s", path);
	fprintf(c.file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n%s"
		"<rect width=\"100%%\" height=\"100%%\" class=\"paper\"/>\n",
		WIDTH, height_of(root), WIDTH, height_of(root), style);
	for (int k = 0; k < KINDS; k++)
		draw_panels(&c, &kinds[k], json_object_get(root, kinds[k].array));
	draw_machine(&c, json_object_get(root, "machine"));
	fputs("</svg>\n", c.file);
	if (ferror(c.file) || fclose(c.file))
		err(EX_IOERR, "cannot write %s", path);
}

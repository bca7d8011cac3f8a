#include "report/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/canvas.h"
#include "report/goals.h"

enum { TITLE_MAX = 128, FOOTER_MAX = 512 };

/* An array of the report: neighbouring lines with the same title form a panel. */
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

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* --- goals -------------------------------------------------------------------------------- */

/* The goals that are a multiple of the rate of one way. */
static const struct {
	const char *experiment, *way, *goal;
} references[] = {{"consume", "bare", "consume/bare"}, {"produce", "xadd", "produce/xadd"}};

enum { REFERENCES = sizeof(references) / sizeof(references[0]) };

static double number(const json_t *series, const char *name)
{
	return json_number_value(json_object_get(series, name));
}

/* The rate that a goal asks for, if the goal is a multiple of this line's rate; else 0. */
static double goal_of(const json_t *line)
{
	const char *experiment = json_string_value(json_object_get(line, "experiment"));
	const char *way = json_string_value(json_object_get(line, "way"));
	if (json_integer_value(json_object_get(line, "size")) != 100 ||
	    json_integer_value(json_object_get(line, "partitions")) != 8)
		return 0; /* the goals hold for 8 partitions and 100 bytes */
	for (int i = 0; experiment && way && i < REFERENCES; i++)
		if (strcmp(experiment, references[i].experiment) == 0 && strcmp(way, references[i].way) == 0)
			return bench_goal_find(references[i].goal)->value *
			       number(json_object_get(line, "messages_per_second"), "median");
	return 0;
}

/* --- panels ------------------------------------------------------------------------------- */

typedef struct {
	const panel_kind *kind;
	const json_t *lines;
	size_t first, end; /* of the lines */
	char title[TITLE_MAX];
	double goal;    /* 0: none */
	double highest; /* the largest value of all bars and the goal */
} panel;

/* The panel that begins at the line `first`. */
static panel panel_at(const panel_kind *kind, const json_t *lines, size_t first)
{
	panel p = {.kind = kind, .lines = lines, .first = first, .end = first};
	kind->title(json_array_get(lines, first), p.title, sizeof(p.title));
	for (; p.end < json_array_size(lines); p.end++) {
		const json_t *line = json_array_get(lines, p.end);
		char title[TITLE_MAX];
		kind->title(line, title, sizeof(title));
		if (strcmp(title, p.title) != 0)
			break;
		p.goal = fmax(p.goal, goal_of(line));
		p.highest = fmax(p.highest, number(json_object_get(line, kind->figure), "highest"));
	}
	p.highest = fmax(p.highest, p.goal);
	return p;
}

/* Whether a label names a part of Segmenter, not the bare limit. */
static bool is_ours(const char *label)
{
	return strstr(label, "segrunner") || strstr(label, "consumer") || strstr(label, "producer");
}

static void draw_panel(bench_canvas *canvas, const panel *p)
{
	bench_canvas_panel_begin(canvas, p->title, p->end - p->first, p->highest);
	for (size_t i = p->first; i < p->end; i++) {
		const json_t *line = json_array_get(p->lines, i);
		const json_t *series = json_object_get(line, p->kind->figure);
		const char *label = json_string_value(json_object_get(line, p->kind->label));
		bench_canvas_bar(canvas, &(bench_bar){label, is_ours(label), number(series, "lowest"),
						      number(series, "median"), number(series, "highest")});
	}
	bench_canvas_panel_end(canvas, p->goal);
}

/* Draws all panels, and returns their height. Without a canvas, only returns the height. */
static int draw_panels(bench_canvas *canvas, const json_t *root)
{
	int height = 0;
	for (int k = 0; k < KINDS; k++) {
		const json_t *lines = json_object_get(root, kinds[k].array);
		for (size_t i = 0; i < json_array_size(lines);) {
			panel p = panel_at(&kinds[k], lines, i);
			if (canvas)
				draw_panel(canvas, &p);
			height += bench_canvas_panel_height(p.end - p.first);
			i = p.end;
		}
	}
	return height;
}

static void draw_machine(const bench_canvas *canvas, const json_t *machine)
{
	char text[FOOTER_MAX];
	snprintf(text, sizeof(text),
		 "segmenter %s, redis %s, %" JSON_INTEGER_FORMAT
		 " cores, %s, %s socket; bars: medians; lines: from the lowest to the highest round",
		 json_string_value(json_object_get(machine, "segmenter")),
		 json_string_value(json_object_get(machine, "redis")),
		 json_integer_value(json_object_get(machine, "cores")),
		 json_string_value(json_object_get(machine, "architecture")),
		 json_string_value(json_object_get(machine, "transport")));
	bench_canvas_footer(canvas, text);
}

void bench_plot_write(const json_t *root, const char *path)
{
	bench_canvas canvas;
	bench_canvas_open(&canvas, path, draw_panels(NULL, root));
	draw_panels(&canvas, root);
	draw_machine(&canvas, json_object_get(root, "machine"));
	bench_canvas_close(&canvas);
}

#include "report/plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/canvas.h"
#include "report/panels.h"

enum { HEADER_TEXT = 256 };

/* "Redis 7.0.15", or Valkey. */
static void describe_server(const json_t *machine, char text[64])
{
	const char *valkey = json_string_value(json_object_get(machine, "valkey"));
	snprintf(text, 64, "%s %s", valkey ? "Valkey" : "Redis",
		 valkey ? valkey : json_string_value(json_object_get(machine, "redis")));
}

static void draw_header(bench_canvas *canvas, const json_t *machine)
{
	char text[HEADER_TEXT], server[64];
	describe_server(machine, server);
	snprintf(text, sizeof(text), "segmenter %s, %s, %" JSON_INTEGER_FORMAT " cores, %s, %s socket",
		 json_string_value(json_object_get(machine, "segmenter")), server,
		 json_integer_value(json_object_get(machine, "cores")),
		 json_string_value(json_object_get(machine, "architecture")),
		 json_string_value(json_object_get(machine, "transport")));
	bench_canvas_header(canvas, text);
}

static void draw_panel(bench_canvas *canvas, const bench_panel *panel)
{
	bench_canvas_panel_begin(canvas, panel->title, panel->note, panel->rows, panel->columns);
	for (size_t c = 0; c < panel->columns; c++)
		bench_canvas_column(canvas, c, panel->headings[c], bench_panel_highest(panel, c));
	for (size_t i = 0; i < panel->rows; i++) {
		const bench_panel_row *row = &panel->row[i];
		bench_canvas_label(canvas, i, row->label);
		for (size_t c = 0; c < panel->columns; c++)
			bench_canvas_bar(canvas, c, i, &row->bars[c], row->ours);
	}
	bench_canvas_panel_end(canvas);
}

void bench_plot_write(const json_t *root, const char *path)
{
	bench_canvas canvas;
	bench_panels *panels = bench_panels_create(root);
	int height = 0;
	for (size_t i = 0; i < panels->count; i++)
		height += bench_canvas_panel_height(panels->panel[i].rows, panels->panel[i].columns);
	bench_canvas_open(&canvas, path, height);
	draw_header(&canvas, json_object_get(root, "machine"));
	for (size_t i = 0; i < panels->count; i++)
		draw_panel(&canvas, &panels->panel[i]);
	bench_canvas_close(&canvas);
	free(panels);
}

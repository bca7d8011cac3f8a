/*
 * top.c - `segctl top`: all groups live; open a group to see its partitions, and a partition to see its diagnosis.
 *
 * One thread reads Redis, draws, and waits for a key until the next reading is due. top_state.c chooses what is shown, top_rows.c makes
 * the rows of a listing, top_draw.c draws them, and top_keys.c does what a key says.
 */
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "command.h"
#include "lag_list.h"
#include "server_trouble.h"
#include "top_draw.h"
#include "top_keys.h"

enum { ESCAPE_DELAY_MS = 25 };

static struct {
	int64_t interval;
} given = {.interval = 2000000000};

static const ctl_option options[] = {
	{"interval", 'i', "TIME", CTL_DURATION, &given.interval, 100000000, 3600000000000, NULL,
	 "time between two readings (2s)"},
	CTL_OPTIONS_END,
};

typedef struct {
	ctl_context *context;
	const char *stream, *group; /* of the command line, or NULL */
	ctl_top_state shown;
	int64_t looked_at;
} top;

static int look(top *t)
{
	int exit_code = ctl_fleet_follow(t->context, t->stream, t->group, &t->shown.fleet);
	t->looked_at = seg_now();
	return exit_code;
}

static void look_at_server(top *t)
{
	ctl_trouble trouble;
	t->shown.trouble[0] = '\0';
	if (ctl_server_trouble_find(t->context, &trouble))
		snprintf(t->shown.trouble, sizeof(t->shown.trouble), "%.220s; %.280s", trouble.what,
			 trouble.remedy);
}

static void start_screen(top *t)
{
	const char *no_color = getenv("NO_COLOR");
	initscr();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(ESCAPE_DELAY_MS);
	curs_set(0);
	t->shown.colored = has_colors() && !(no_color && *no_color);
	if (t->shown.colored) {
		start_color();
		use_default_colors();
		init_pair(CTL_MOOD_BUSY, COLOR_YELLOW, -1);
		init_pair(CTL_MOOD_WRONG, COLOR_RED, -1);
	}
}

static int run_screen(top *t)
{
	start_screen(t);
	for (bool on = true; on;) {
		int64_t next = t->looked_at + given.interval, now = seg_now();
		ctl_top_make_rows(&t->shown);
		ctl_top_draw(&t->shown);
		timeout(seg_poll_timeout(next, now));
		int key = getch();
		if (key != ERR)
			on = ctl_top_press(&t->shown, key);
		if (on && seg_now() >= next) {
			ctl_complaints_to(t->shown.trouble, sizeof(t->shown.trouble));
			if (look(t) == EX_OK)
				look_at_server(t);
			ctl_complaints_to(NULL, 0);
		}
	}
	endwin();
	return EX_OK;
}

/* Without a terminal: prints all groups once, with rates, as `segctl lag` does. */
static int print_plain(top *t)
{
	ctl_pause(SEG_SECOND / 2);
	int exit_code = ctl_fleet_look(&t->shown.fleet);
	if (exit_code == EX_OK)
		ctl_lag_list_print_fleet(&t->shown.fleet, t->context->form, true, -1);
	return exit_code ? exit_code : ctl_unreadables_complain(&t->shown.fleet.unreadable);
}

static int run_top(ctl_context *context, int argc, char **argv)
{
	top t = {.context = context, .stream = argc > 0 ? argv[0] : NULL, .group = argc > 1 ? argv[1] : NULL};
	if (t.group) {
		snprintf(t.shown.at_stream, sizeof(t.shown.at_stream), "%s", t.stream);
		snprintf(t.shown.at_group, sizeof(t.shown.at_group), "%s", t.group);
		t.shown.level = t.shown.lowest = CTL_TOP_PARTITIONS;
	}
	t.shown.listings[1].reverse = true;
	int exit_code = look(&t);
	bool screen = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && context->form == CTL_FORM_TABLE;
	if (exit_code == EX_OK)
		exit_code = screen ? run_screen(&t) : print_plain(&t);
	ctl_fleet_free(&t.shown.fleet);
	free(t.shown.rows);
	return exit_code;
}

const ctl_command ctl_top = {
	"top",
	NULL,
	"[STREAM [GROUP]]",
	0,
	2,
	"Shows all groups live; open one to see its partitions, and what is wrong with one",
	"Without a terminal, or with -o json or csv, it prints all groups once, as `segctl lag` does. NO_COLOR turns colours off.",
	options,
	run_top,
};

/*
 * top.c - `segctl top`: all groups live; open a group to see its partitions, and a partition to see its diagnosis.
 *
 * One thread reads Redis, draws, and waits for a key until the next reading is due. top_rows.c makes the rows of a
 * listing; this file has the screen and the keys.
 */
#include <ctype.h>
#include <inttypes.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/plural.h"
#include "command.h"
#include "diagnosis.h"
#include "lag_list.h"
#include "server_trouble.h"
#include "text.h"
#include "top_rows.h"

#define FIND_INTERVAL (30 * SEG_SECOND) /* between two searches for new streams and groups */

enum { FILTER_MAX = 40, LINE_MAX_COLUMNS = 512, ESCAPE = 27, ESCAPE_DELAY_MS = 25 };

static struct {
	int64_t interval;
} given = {.interval = 2000000000};

static const ctl_option options[] = {
	{"interval", 'i', "TIME", CTL_DURATION, &given.interval, 100000000, 3600000000000, NULL,
	 "time between two readings (2s)"},
	CTL_OPTIONS_END,
};

typedef enum { GROUPS, PARTITIONS, DETAILS } level;

/* The selection and the order of a listing; each level keeps its own. */
typedef struct {
	size_t selected, first; /* rows */
	int column;
	bool reverse;
	char filter[FILTER_MAX + 1];
} listing;

typedef struct {
	ctl_context *context;
	const char *stream, *group; /* of the command line, or NULL */
	ctl_fleet fleet;
	level level, lowest;
	listing listings[2];
	char at_stream[SEG_NAME_MAX + 1], at_group[SEG_NAME_MAX + 1]; /* the group that is open */
	uint32_t at_partition;
	ctl_top_row *rows;
	size_t count;
	bool typing;  /* keys go to the filter */
	bool helping; /* the keys are explained */
	bool colored;
	char trouble[SEG_ERROR_TEXT_MAX];
	int64_t found_at, looked_at;
} top;

/* --- what is shown -------------------------------------------------------------------------------- */

static const ctl_fleet_group *entered(const top *t)
{
	for (size_t i = 0; i < t->fleet.count; i++) {
		const ctl_fleet_group *group = &t->fleet.groups[i];
		if (group->known && strcmp(group->name, t->at_group) == 0 &&
		    strcmp(seg_stream_name(group->stream), t->at_stream) == 0)
			return group;
	}
	return NULL;
}

/* Why the group that is open, or its stream, cannot be read; NULL if it can. */
static const char *unreadable_entered(const top *t)
{
	for (size_t i = 0; i < t->fleet.unreadable.count; i++) {
		const ctl_unreadable *one = &t->fleet.unreadable.list[i];
		if (strcmp(one->stream, t->at_stream) == 0 &&
		    (!*one->group || strcmp(one->group, t->at_group) == 0))
			return one->why.text;
	}
	return NULL;
}

static listing *current(top *t)
{
	return &t->listings[t->level == GROUPS ? 0 : 1];
}

static const ctl_top_column *columns_of(const top *t)
{
	const ctl_fleet_group *group = t->level == GROUPS ? NULL : entered(t);
	return t->level == GROUPS ? ctl_top_group_columns : ctl_top_columns_of_partitions(group);
}

static void make_rows(top *t)
{
	const ctl_fleet_group *group = entered(t);
	listing *l = current(t);
	size_t all = t->fleet.count + t->fleet.unreadable.count;
	size_t room = t->level == GROUPS ? all : group ? group->now.partition_count : 0;
	t->rows = ctl_reallocate(t->rows, room, sizeof(*t->rows));
	if (t->level == GROUPS)
		t->count = ctl_top_group_rows(&t->fleet, l->filter, t->rows);
	else
		t->count = group ? ctl_top_partition_rows(group, l->filter, t->rows) : 0;
	ctl_top_sort(t->rows, t->count, columns_of(t), l->column, l->reverse);
	if (l->selected >= t->count)
		l->selected = t->count ? t->count - 1 : 0;
}

/* --- drawing ---------------------------------------------------------------------------------------- */

static void draw_line(int y, attr_t attributes, const char *text)
{
	attrset(attributes);
	mvaddnstr(y, 0, text, COLS);
	if (attributes & A_REVERSE)
		for (int x = getcurx(stdscr); x < COLS && getcury(stdscr) == y; x++)
			addch(' ');
	else
		clrtoeol();
	attrset(A_NORMAL);
}

static void draw_head(const top *t)
{
	char line[LINE_MAX_COLUMNS], lag[CTL_TEXT_MAX];
	const ctl_fleet_group *group = entered(t);
	if (t->level == GROUPS)
		snprintf(line, sizeof(line), "segctl top - %zu group%s", t->fleet.count,
			 seg_plural(t->fleet.count));
	else if (!group)
		snprintf(line, sizeof(line), "group %s of %s - %s", t->at_group, t->at_stream,
			 unreadable_entered(t) ? "cannot be read" : "gone");
	else
		snprintf(line, sizeof(line), "group %s of %s - %zu live, %s message%s wait%s, %.1f/s",
			 t->at_group, t->at_stream, group->now.roster.live,
			 ctl_count_text((uint64_t)group->sum.lag_most, lag),
			 seg_plural((uint64_t)group->sum.lag_most),
			 seg_verb_ending((uint64_t)group->sum.lag_most),
			 group->sum.rate > 0 ? group->sum.rate : 0);
	draw_line(0, A_BOLD, line);
	draw_line(1, *t->trouble ? A_BOLD : A_NORMAL, t->trouble);
}

/* On a wide terminal, names get the room beyond 80 columns. */
static int room_for_names(const ctl_top_column *columns)
{
	int names = 0;
	for (int i = 0; columns[i].width; i++)
		names += !columns[i].right;
	return COLS > 80 && names ? (COLS - 80) / names : 0;
}

static void write_cells(char *line, size_t size, const ctl_top_column *columns, const ctl_top_row *row)
{
	size_t used = 0;
	int more = room_for_names(columns);
	for (int i = 0; columns[i].width && used < size; i++) {
		const char *text = row ? row->cells[i] : columns[i].title;
		int width = columns[i].width + (columns[i].right ? 0 : more);
		used += (size_t)snprintf(line + used, size - used, columns[i].right ? "%s%*.*s" : "%s%-*.*s",
					 i ? " " : "", width, width, text);
	}
}

static attr_t color_of(const top *t, ctl_top_mood mood)
{
	return t->colored && mood != CTL_MOOD_QUIET ? (attr_t)COLOR_PAIR(mood) : A_NORMAL;
}

/* Draws a text over as many lines as it needs, broken at blanks. Returns the line below it. */
static int draw_wrapped(int y, const char *text)
{
	while (*text && y < LINES - 1) {
		size_t room = COLS > 1 ? (size_t)COLS - 1 : 1, length = strlen(text);
		if (length > room) {
			for (length = room; length > 0 && text[length] != ' '; length--)
				;
			length = length ? length : room;
		}
		mvaddnstr(y++, 0, text, (int)length);
		text += length + (text[length] == ' ');
	}
	return y;
}

static void draw_listing(top *t)
{
	listing *l = current(t);
	char line[LINE_MAX_COLUMNS];
	size_t height = LINES > 5 ? (size_t)LINES - 5 : 1;
	if (l->selected < l->first)
		l->first = l->selected;
	if (l->selected >= l->first + height)
		l->first = l->selected - height + 1;
	write_cells(line, sizeof(line), columns_of(t), NULL);
	draw_line(3, A_REVERSE, line);
	for (size_t i = 0; i < height; i++) {
		size_t n = l->first + i;
		*line = '\0';
		if (n < t->count)
			write_cells(line, sizeof(line), columns_of(t), &t->rows[n]);
		attr_t attributes = n < t->count ? color_of(t, t->rows[n].mood) : A_NORMAL;
		draw_line(4 + (int)i, attributes | (n < t->count && n == l->selected ? A_STANDOUT : 0), line);
	}
	const char *unreadable = t->level == PARTITIONS ? unreadable_entered(t) : NULL;
	if (t->count == 0 && unreadable)
		draw_wrapped(5, unreadable);
	else if (t->count == 0)
		draw_line(5, A_NORMAL,
			  *l->filter ? "Nothing matches the filter." : "There are no groups yet.");
}

static void draw_details(const top *t)
{
	const ctl_fleet_group *group = entered(t);
	char text[1024], position[SEG_ID_TEXT_MAX], last[SEG_ID_TEXT_MAX], behind[CTL_TEXT_MAX];
	char lag[CTL_TEXT_MAX], lanes[CTL_LANES_TEXT_MAX];
	ctl_diagnosis diagnosis;
	if (!group || t->at_partition >= group->now.partition_count)
		return;
	const ctl_partition *p = &group->now.partitions[t->at_partition];
	ctl_diagnose(&group->now, t->at_partition, t->at_stream, t->at_group, group->sample, &diagnosis);
	mvprintw(3, 0, "Partition %" PRIu32 "  epoch %" PRIu64, t->at_partition, p->info.epoch);
	mvprintw(4, 0, "Owner     %s", *p->info.owner ? p->info.owner : "none");
	mvprintw(5, 0, "Position  %s of %s", seg_id_format(p->info.position, position),
		 seg_id_format(p->info.last, last));
	mvprintw(6, 0, "Waiting   %s message%s, the oldest for %s",
		 p->info.lag < 0 ? "an unknown number of" : ctl_count_text((uint64_t)p->info.lag, lag),
		 seg_plural((uint64_t)p->info.lag), ctl_duration_text(p->behind, behind));
	mvprintw(7, 0, "Crashes   %" PRIu32 "  attempts %" PRIu32 "  dead letters %" PRIu64 "  lost %" PRIu64,
		 p->crashes, ctl_snapshot_attempts(p), p->info.dead_letters, p->info.lost);
	int y = 8;
	if (ctl_snapshot_lanes(p, lanes))
		mvprintw(y++, 0, "Lanes     %s", lanes);
	if (p->hindrance.kind) {
		char sentence[SEG_HINDRANCE_SENTENCE_MAX];
		snprintf(text, sizeof(text), "Hindered  %s",
			 seg_hindrance_sentence(&p->hindrance, seg_now(), sentence));
		y = draw_wrapped(y, text);
	}
	attrset(A_BOLD);
	snprintf(text, sizeof(text), "Cause: %s.", diagnosis.cause);
	y = draw_wrapped(y + 1, text);
	attrset(A_NORMAL);
	snprintf(text, sizeof(text), "Next:  %s.", diagnosis.next);
	draw_wrapped(y + 1, text);
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"Enter, Right     open a group, then a partition",
		"Esc, Left        back",
		"Up, Down, k, j   choose a row; PgUp and PgDn move by a screen",
		"s                sort by the next column",
		"r                reverse the order",
		"/                show only rows that contain a text",
		"q                quit",
		"",
		"Red: an operator should act; open the partition to see why. Yellow: messages wait.",
		"BEHIND    age of the oldest uncommitted message",
		"CAUGHT UP time until nothing waits, at this rate; ?: not at this rate",
		"ATTEMPTS  how often the next message was tried",
		"DEAD      dead letters",
	};
	for (int i = 0; i < (int)(sizeof(lines) / sizeof(lines[0])) && 3 + i < LINES - 1; i++)
		mvaddnstr(3 + i, 0, lines[i], COLS);
}

static void draw(top *t)
{
	char foot[160];
	erase();
	draw_head(t);
	if (t->helping)
		draw_help();
	else if (t->level == DETAILS)
		draw_details(t);
	else
		draw_listing(t);
	if (t->typing)
		snprintf(foot, sizeof(foot), "Filter: %s_   Enter keeps it, Esc drops it",
			 current(t)->filter);
	else if (t->helping)
		snprintf(foot, sizeof(foot), "any key: back");
	else if (t->level == DETAILS)
		snprintf(foot, sizeof(foot), "Esc back  ? help  q quit");
	else
		snprintf(foot, sizeof(foot),
			 "Enter open  Esc back  s sort by %s  r reverse  / filter%s%s  ? help  q quit",
			 columns_of(t)[current(t)->column].title, *current(t)->filter ? ": " : "",
			 current(t)->filter);
	draw_line(LINES - 1, A_REVERSE, foot);
	refresh();
}

/* --- keys ----------------------------------------------------------------------------------------- */

static void enter_group(top *t, const char *stream, const char *group)
{
	snprintf(t->at_group, sizeof(t->at_group), "%s", group);
	snprintf(t->at_stream, sizeof(t->at_stream), "%s", stream);
	t->listings[1] = (listing){.reverse = true};
	t->level = PARTITIONS;
}

static void enter(top *t)
{
	if (t->level == DETAILS || t->count == 0)
		return;
	const ctl_top_row *row = &t->rows[current(t)->selected];
	if (t->level == GROUPS && row->index >= t->fleet.count) {
		const ctl_unreadable *one = &t->fleet.unreadable.list[row->index - t->fleet.count];
		enter_group(t, one->stream, *one->group ? one->group : "?");
	} else if (t->level == GROUPS) {
		const ctl_fleet_group *group = &t->fleet.groups[row->index];
		enter_group(t, seg_stream_name(group->stream), group->name);
	} else {
		t->at_partition = (uint32_t)row->index;
		t->level = DETAILS;
	}
}

static void type(top *t, int key)
{
	char *filter = current(t)->filter;
	size_t length = strlen(filter);
	if (key == ESCAPE)
		*filter = '\0';
	if (key == ESCAPE || key == '\n' || key == KEY_ENTER)
		t->typing = false;
	else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length > 0)
		filter[length - 1] = '\0';
	else if (key < 128 && isprint(key) && length < FILTER_MAX)
		snprintf(filter + length, 2, "%c", key);
}

static void move_by(top *t, long rows)
{
	listing *l = current(t);
	long to = (long)l->selected + rows;
	l->selected = to < 0 ? 0 : (size_t)to;
}

/* Returns false to quit. */
static bool press(top *t, int key)
{
	listing *l = current(t);
	if (t->typing) {
		type(t, key);
		return true;
	}
	if (t->helping) {
		t->helping = false;
		return true;
	}
	switch (key) {
	case 'q':
		return false;
	case '?':
		t->helping = true;
		break;
	case ESCAPE:
	case KEY_LEFT:
	case KEY_BACKSPACE:
	case 127:
		if (t->level > t->lowest)
			t->level--;
		break;
	case '\n':
	case KEY_ENTER:
	case KEY_RIGHT:
		enter(t);
		break;
	case KEY_UP:
	case 'k':
		move_by(t, -1);
		break;
	case KEY_DOWN:
	case 'j':
		move_by(t, 1);
		break;
	case KEY_PPAGE:
	case KEY_NPAGE:
		move_by(t, key == KEY_NPAGE ? LINES - 5 : -(LINES - 5));
		break;
	case 's':
		l->column = columns_of(t)[l->column + 1].width ? l->column + 1 : 0;
		break;
	case 'r':
		l->reverse = !l->reverse;
		break;
	case '/':
		t->typing = t->level != DETAILS;
		break;
	}
	return true;
}

/* --- the loop ------------------------------------------------------------------------------------- */

static int look(top *t)
{
	int64_t now = seg_now();
	int exit_code = EX_OK;
	if (now - t->found_at >= FIND_INTERVAL || t->fleet.count == 0) {
		exit_code = ctl_fleet_find(t->context, t->stream, t->group, &t->fleet);
		t->found_at = now;
	}
	if (exit_code == EX_OK)
		exit_code = ctl_fleet_look(&t->fleet);
	t->looked_at = seg_now();
	return exit_code;
}

static void look_at_server(top *t)
{
	ctl_trouble trouble;
	t->trouble[0] = '\0';
	if (ctl_server_trouble_find(t->context, &trouble))
		snprintf(t->trouble, sizeof(t->trouble), "%.220s; %.280s", trouble.what, trouble.remedy);
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
	t->colored = has_colors() && !(no_color && *no_color);
	if (t->colored) {
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
		make_rows(t);
		draw(t);
		timeout(seg_poll_timeout(next, now));
		int key = getch();
		if (key != ERR)
			on = press(t, key);
		if (on && seg_now() >= next) {
			ctl_complaints_to(t->trouble, sizeof(t->trouble));
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
	int exit_code = ctl_fleet_look(&t->fleet);
	if (exit_code == EX_OK)
		ctl_lag_list_print_fleet(&t->fleet, t->context->form, true, -1);
	return exit_code ? exit_code : ctl_unreadables_complain(&t->fleet.unreadable);
}

static int run_top(ctl_context *context, int argc, char **argv)
{
	top t = {.context = context, .stream = argc > 0 ? argv[0] : NULL, .group = argc > 1 ? argv[1] : NULL};
	if (t.group) {
		snprintf(t.at_stream, sizeof(t.at_stream), "%s", t.stream);
		snprintf(t.at_group, sizeof(t.at_group), "%s", t.group);
		t.level = t.lowest = PARTITIONS;
	}
	t.listings[1].reverse = true;
	int exit_code = look(&t);
	bool screen = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && context->form == CTL_FORM_TABLE;
	if (exit_code == EX_OK)
		exit_code = screen ? run_screen(&t) : print_plain(&t);
	ctl_fleet_free(&t.fleet);
	free(t.rows);
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

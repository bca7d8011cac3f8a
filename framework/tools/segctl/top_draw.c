#include "top_draw.h"

#include <inttypes.h>
#include <ncurses.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"
#include "diagnosis.h"
#include "text.h"

enum { LINE_MAX_COLUMNS = 512 };

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

static void draw_head(const ctl_top_state *t)
{
	char line[LINE_MAX_COLUMNS], waiting[CTL_WAITING_TEXT_MAX];
	const ctl_fleet_group *group = ctl_top_group(t);
	if (t->level == CTL_TOP_GROUPS)
		snprintf(line, sizeof(line), "segctl top - %zu group%s", t->fleet.count,
			 seg_plural(t->fleet.count));
	else if (!group)
		snprintf(line, sizeof(line), "group %s of %s - %s", t->at_group, t->at_stream,
			 ctl_top_unreadable(t) ? "cannot be read" : "gone");
	else
		snprintf(line, sizeof(line), "group %s of %s - %zu live, %s, %.1f/s", t->at_group,
			 t->at_stream, group->now.roster.live, ctl_totals_waiting(&group->sum, waiting),
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

static attr_t color_of(const ctl_top_state *t, ctl_top_mood mood)
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

static void draw_listing(ctl_top_state *t)
{
	ctl_top_view *l = ctl_top_listing(t);
	char line[LINE_MAX_COLUMNS];
	size_t height = LINES > 5 ? (size_t)LINES - 5 : 1;
	if (l->selected < l->first)
		l->first = l->selected;
	if (l->selected >= l->first + height)
		l->first = l->selected - height + 1;
	write_cells(line, sizeof(line), ctl_top_columns(t), NULL);
	draw_line(3, A_REVERSE, line);
	for (size_t i = 0; i < height; i++) {
		size_t n = l->first + i;
		*line = '\0';
		if (n < t->count)
			write_cells(line, sizeof(line), ctl_top_columns(t), &t->rows[n]);
		attr_t attributes = n < t->count ? color_of(t, t->rows[n].mood) : A_NORMAL;
		draw_line(4 + (int)i, attributes | (n < t->count && n == l->selected ? A_STANDOUT : 0), line);
	}
	const char *unreadable = t->level == CTL_TOP_PARTITIONS ? ctl_top_unreadable(t) : NULL;
	if (t->count == 0 && unreadable)
		draw_wrapped(5, unreadable);
	else if (t->count == 0)
		draw_line(5, A_NORMAL,
			  *l->filter ? "Nothing matches the filter." : "There are no groups yet.");
}

static void draw_details(const ctl_top_state *t)
{
	const ctl_fleet_group *group = ctl_top_group(t);
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
		 seg_plural((uint64_t)p->info.lag),
		 p->behind < 0 ? "an unknown time" : ctl_duration_text(p->behind, behind));
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

void ctl_top_draw(ctl_top_state *t)
{
	char foot[160];
	erase();
	draw_head(t);
	if (t->helping)
		draw_help();
	else if (t->level == CTL_TOP_DETAILS)
		draw_details(t);
	else
		draw_listing(t);
	if (t->typing)
		snprintf(foot, sizeof(foot), "Filter: %s_   Enter keeps it, Esc drops it",
			 ctl_top_listing(t)->filter);
	else if (t->helping)
		snprintf(foot, sizeof(foot), "any key: back");
	else if (t->level == CTL_TOP_DETAILS)
		snprintf(foot, sizeof(foot), "Esc back  ? help  q quit");
	else
		snprintf(foot, sizeof(foot),
			 "Enter open  Esc back  s sort by %s  r reverse  / filter%s%s  ? help  q quit",
			 ctl_top_columns(t)[ctl_top_listing(t)->column].title,
			 *ctl_top_listing(t)->filter ? ": " : "", ctl_top_listing(t)->filter);
	draw_line(LINES - 1, A_REVERSE, foot);
	refresh();
}

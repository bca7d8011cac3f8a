#include "top_keys.h"

#include <ctype.h>
#include <ncurses.h>
#include <string.h>

enum { ESCAPE = 27 };

static void enter_group(ctl_top_state *t, const char *stream, const char *group)
{
	snprintf(t->at_group, sizeof(t->at_group), "%s", group);
	snprintf(t->at_stream, sizeof(t->at_stream), "%s", stream);
	t->listings[1] = (ctl_top_view){.reverse = true};
	t->level = CTL_TOP_PARTITIONS;
}

static void enter(ctl_top_state *t)
{
	if (t->level == CTL_TOP_DETAILS || t->count == 0)
		return;
	const ctl_top_row *row = &t->rows[ctl_top_listing(t)->selected];
	if (t->level == CTL_TOP_GROUPS && row->index >= t->fleet.count) {
		const ctl_unreadable *one = &t->fleet.unreadable.list[row->index - t->fleet.count];
		enter_group(t, one->stream, *one->group ? one->group : "?");
	} else if (t->level == CTL_TOP_GROUPS) {
		const ctl_fleet_group *group = &t->fleet.groups[row->index];
		enter_group(t, seg_stream_name(group->stream), group->name);
	} else {
		t->at_partition = (uint32_t)row->index;
		t->level = CTL_TOP_DETAILS;
	}
}

static void type(ctl_top_state *t, int key)
{
	char *filter = ctl_top_listing(t)->filter;
	size_t length = strlen(filter);
	if (key == ESCAPE)
		*filter = '\0';
	if (key == ESCAPE || key == '\n' || key == KEY_ENTER)
		t->typing = false;
	else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length > 0)
		filter[length - 1] = '\0';
	else if (key < 128 && isprint(key) && length < CTL_TOP_FILTER_MAX)
		snprintf(filter + length, 2, "%c", key);
}

static void move_by(ctl_top_state *t, long rows)
{
	ctl_top_view *l = ctl_top_listing(t);
	long to = (long)l->selected + rows;
	l->selected = to < 0 ? 0 : (size_t)to;
}

bool ctl_top_press(ctl_top_state *t, int key)
{
	ctl_top_view *l = ctl_top_listing(t);
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
		l->column = ctl_top_columns(t)[l->column + 1].width ? l->column + 1 : 0;
		break;
	case 'r':
		l->reverse = !l->reverse;
		break;
	case '/':
		t->typing = t->level != CTL_TOP_DETAILS;
		break;
	}
	return true;
}

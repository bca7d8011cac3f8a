#include "group/roll.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"

/* The shares stand still for so long; but the line waits no longer than ROLL_MOST. */
#define ROLL_QUIET (200 * SEG_MS)
#define ROLL_MOST (2 * SEG_SECOND)

enum { LIST_MAX = 300 };

static bool has(const seg_partition *p)
{
	return (p->own.state == SEG_OWN_ACQUIRED || p->own.state == SEG_OWN_CLAIMING ||
		p->own.state == SEG_OWN_ACTIVE) &&
	       !p->own.revoke;
}

/* A list such as "0-3, 7", cut where it becomes too long. */
typedef struct {
	char text[LIST_MAX];
	size_t used;
	uint32_t count;
	int64_t first, last; /* of the range under way; -1: none */
} list;

static void end_range(list *l)
{
	if (l->first < 0 || l->used >= sizeof(l->text) - 40) {
		if (l->first >= 0 && l->text[l->used - 1] != '.')
			l->used += (size_t)snprintf(l->text + l->used, sizeof(l->text) - l->used, ", ...");
		return;
	}
	l->used += (size_t)snprintf(l->text + l->used, sizeof(l->text) - l->used, "%s%" PRId64,
				    l->used ? ", " : "", l->first);
	if (l->last > l->first)
		l->used +=
			(size_t)snprintf(l->text + l->used, sizeof(l->text) - l->used, "-%" PRId64, l->last);
}

static void add(list *l, uint32_t number)
{
	l->count++;
	if (l->first < 0 || l->last + 1 != number) {
		end_range(l);
		l->first = number;
	}
	l->last = number;
}

static void write_line(seg_member *m)
{
	list came = {.first = -1}, went = {.first = -1};
	uint32_t owned = 0, unclean = 0;
	char crashes[80] = "";
	m->roll.first = 0;
	for (uint32_t n = 0; n < m->partition_count; n++) {
		const seg_partition *p = &m->partitions[n];
		bool now = has(p);
		owned += now;
		if (now == m->roll.told[n])
			continue;
		add(now ? &came : &went, n);
		unclean += now && p->own.state == SEG_OWN_ACTIVE && p->resume.crashes > 0;
		m->roll.told[n] = now;
	}
	if (came.count + went.count == 0)
		return;
	end_range(&came);
	end_range(&went);
	if (unclean)
		snprintf(crashes, sizeof(crashes),
			 "; the previous owner of %" PRIu32 " partition%s did not stop cleanly", unclean,
			 seg_plural(unclean));
	seg_log(&m->logger, SEG_LOG_INFO,
		"member %s now has %" PRIu32 " of %" PRIu32 " partition%s%s%s%s%s%s", m->name, owned,
		m->partition_count, seg_plural(m->partition_count), came.count ? "; owned from now on: " : "",
		came.text, went.count ? "; no longer owned: " : "", went.text, crashes);
}

void seg_roll_changed(seg_member *m)
{
	m->roll.last = seg_now();
	if (m->roll.first == 0)
		m->roll.first = m->roll.last;
}

int64_t seg_roll_step(seg_member *m, int64_t now)
{
	if (m->roll.first == 0)
		return SEG_NEVER;
	int64_t quiet = m->roll.last + ROLL_QUIET, most = m->roll.first + ROLL_MOST;
	int64_t due = quiet < most ? quiet : most;
	if (now < due)
		return due;
	write_line(m);
	return SEG_NEVER;
}

void seg_roll_end(seg_member *m)
{
	if (m->roll.told)
		write_line(m);
}

int seg_roll_init(seg_member *m)
{
	m->roll.told = calloc(m->partition_count, sizeof(*m->roll.told));
	return m->roll.told ? 0 : SEG_ENOMEM;
}

void seg_roll_fini(seg_member *m)
{
	free(m->roll.told);
	m->roll.told = NULL;
}

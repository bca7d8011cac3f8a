#include "look/roster.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "stream/client.h"
#include "stream/misfit.h"

double seg_roster_time_ms(const seg_reply *time)
{
	return (double)seg_reply_number(seg_reply_at(time, 0), 0) * 1000 +
	       (double)seg_reply_number(seg_reply_at(time, 1), 0) / 1000;
}

static bool is_text(const seg_reply *reply)
{
	return reply && reply->type == SEG_REPLY_TEXT;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const seg_roster_member *)a)->name, ((const seg_roster_member *)b)->name);
}

static seg_roster_member *find(const seg_roster *roster, const char *name)
{
	seg_roster_member key;
	snprintf(key.name, sizeof(key.name), "%s", name);
	return roster->count ? bsearch(&key, roster->members, roster->count, sizeof(key), by_name) : NULL;
}

/* "... page=<url> <capacity>" */
static void parse_page(seg_roster_member *m, const char *record)
{
	const char *page = strstr(record, " page=");
	size_t length = page ? strcspn(page + 6, " ") : 0;
	if (length == 0 || length >= sizeof(m->page))
		return;
	memcpy(m->page, page + 6, length);
	m->page[length] = '\0';
	if (!seg_page_url_is_good(m->page))
		m->page[0] = '\0';
}

/* [name, "<incarnation> <capacity>", ...] */
static bool parse_members(seg_roster *roster, const seg_reply *members)
{
	size_t room = members && members->type == SEG_REPLY_ARRAY ? members->count / 2 : 0;
	roster->members = calloc(room + 1, sizeof(*roster->members));
	if (!roster->members)
		return false;
	for (size_t i = 0; i < room; i++) {
		const seg_reply *name = members->elements[2 * i], *value = members->elements[2 * i + 1];
		if (!is_text(name) || !is_text(value))
			continue;
		seg_roster_member *m = &roster->members[roster->count++];
		const char *capacity = strrchr(value->text, ' ');
		snprintf(m->name, sizeof(m->name), "%s", name->text);
		m->capacity = capacity ? (uint32_t)strtoul(capacity + 1, NULL, 10) : 0;
		m->limit = -1;
		parse_page(m, value->text);
		if (sscanf(value->text, "%*s %" SCNd64 ":%15s %*u", &m->limit, m->short_of) != 2)
			m->limit = -1;
	}
	qsort(roster->members, roster->count, sizeof(*roster->members), by_name);
	return true;
}

/* [name, end of the lease in Redis's ms, ...] */
static void parse_leases(seg_roster *roster, const seg_reply *leases, double now_ms)
{
	size_t count = leases && leases->type == SEG_REPLY_ARRAY ? leases->count / 2 : 0;
	for (size_t i = 0; i < count; i++) {
		const seg_reply *name = leases->elements[2 * i], *end = leases->elements[2 * i + 1];
		if (!is_text(name) || !is_text(end))
			continue;
		double left = (strtod(end->text, NULL) - now_ms) / 1000;
		seg_roster_member *m = find(roster, name->text);
		if (m)
			m->lease_left = left;
		roster->live += left > 0;
	}
}

bool seg_roster_parse(seg_roster *roster, const seg_reply *members, const seg_reply *leases,
		      const seg_reply *time)
{
	seg_roster_free(roster);
	if (!parse_members(roster, members))
		return false;
	parse_leases(roster, leases, seg_roster_time_ms(time));
	return true;
}

void seg_roster_free(seg_roster *roster)
{
	free(roster->members);
	*roster = (seg_roster){0};
}

const seg_roster_member *seg_roster_find(const seg_roster *roster, const char *name)
{
	return find(roster, name);
}

/* --- reading ------------------------------------------------------------------ */

typedef struct {
	seg_exchange exchange; /* first: issue gets its address */
	seg_roster *roster;
	const char *argv[5]; /* keys and the argument of the script */
	bool no_memory;
} reading;

static void got_roster(void *arg, const seg_reply *reply)
{
	reading *r = arg;
	if (seg_exchange_answer(&r->exchange, reply))
		r->no_memory = !seg_roster_parse(r->roster, seg_reply_at(reply, 2), seg_reply_at(reply, 3),
						 seg_reply_at(reply, 4));
}

static bool issue(seg_exchange *exchange, seg_route *route)
{
	reading *r = (reading *)exchange;
	bool issued = seg_route_script(route, SEG_SCRIPT_LOOK_GROUP, got_roster, r, 4, 5, r->argv, NULL);
	exchange->waiting += issued;
	return issued;
}

int seg_roster_read(seg_client *client, const char *stream, const char *group, seg_roster *roster,
		    seg_error *error)
{
	char groups[SEG_KEY_MAX], members[SEG_KEY_MAX], leases[SEG_KEY_MAX], partitions[SEG_KEY_MAX];
	reading r = {.exchange.issue = issue,
		     .roster = roster,
		     .argv = {groups, members, leases, partitions, group}};
	*roster = (seg_roster){0};
	seg_key_of_stream(groups, client->name_space, stream, "groups", NULL);
	seg_key_of_stream(members, client->name_space, stream, group, "members");
	seg_key_of_stream(leases, client->name_space, stream, group, "leases");
	seg_key_of_stream(partitions, client->name_space, stream, group, "partitions");
	int status = seg_exchange_run(&r.exchange, client, error);
	if (status == 0 && r.no_memory)
		status = seg_fail(error, SEG_ENOMEM, "out of memory for the members of a group");
	if (status == 0)
		return 0;
	seg_roster_free(roster);
	/* No more of the stream is needed for its own keys and those of the group. */
	seg_stream keys = {.client = client};
	seg_error reason = *error;
	snprintf(keys.name, sizeof(keys.name), "%s", stream);
	seg_misfit_explain(&keys, group, &reason);
	*error = reason;
	return reason.status;
}

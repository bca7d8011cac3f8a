#include "roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "stream/client.h"

enum { NAMES_SHOWN = 3 };

typedef struct {
	ctl_roster *roster;
	double now_ms;
} reading;

static void got_time(void *arg, size_t number, const seg_reply *reply)
{
	reading *r = arg;
	(void)number;
	r->now_ms = (double)seg_reply_number(seg_reply_at(reply, 0), 0) * 1000 +
		    (double)seg_reply_number(seg_reply_at(reply, 1), 0) / 1000;
}

/* [name, "<incarnation> <capacity>", ...] */
static void got_members(void *arg, size_t number, const seg_reply *reply)
{
	ctl_roster *roster = ((reading *)arg)->roster;
	(void)number;
	roster->members = ctl_allocate(reply->count / 2, sizeof(*roster->members));
	for (size_t i = 0; i + 1 < reply->count; i += 2) {
		if (reply->elements[i]->type != SEG_REPLY_TEXT || reply->elements[i + 1]->type != SEG_REPLY_TEXT)
			continue;
		ctl_member *m = &roster->members[roster->count++];
		const char *capacity = strrchr(reply->elements[i + 1]->text, ' ');
		snprintf(m->name, sizeof(m->name), "%s", reply->elements[i]->text);
		m->capacity = capacity ? (uint32_t)strtoul(capacity + 1, NULL, 10) : 0;
	}
}

/* [name, end of the lease in Redis's ms, ...] */
static void got_leases(void *arg, size_t number, const seg_reply *reply)
{
	reading *r = arg;
	(void)number;
	for (size_t i = 0; i + 1 < reply->count; i += 2) {
		if (reply->elements[i]->type != SEG_REPLY_TEXT || reply->elements[i + 1]->type != SEG_REPLY_TEXT)
			continue;
		ctl_member *m = (ctl_member *)(uintptr_t)ctl_roster_find(r->roster, reply->elements[i]->text);
		if (!m)
			continue;
		m->lease_left = (strtod(reply->elements[i + 1]->text, NULL) - r->now_ms) / 1000;
		r->roster->live += m->lease_left > 0;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const ctl_member *)a)->name, ((const ctl_member *)b)->name);
}

int ctl_roster_read(ctl_context *context, const char *stream, const char *group, ctl_roster *roster)
{
	const char *name_space = context->client->name_space;
	char members[SEG_KEY_MAX], leases[SEG_KEY_MAX];
	reading r = {.roster = roster};
	*roster = (ctl_roster){0};
	seg_key_of_stream(members, name_space, stream, group, "members");
	seg_key_of_stream(leases, name_space, stream, group, "leases");
	ctl_batch *batch = ctl_batch_create(false);
	ctl_batch_words(batch, got_time, &r, 0, "TIME", (char *)NULL);
	ctl_batch_words(batch, got_members, &r, 0, "HGETALL", members, (char *)NULL);
	ctl_batch_words(batch, got_leases, &r, 0, "ZRANGE", leases, "0", "-1", "WITHSCORES", (char *)NULL);
	int exit_code = ctl_batch_run(batch, context->client, "read the members of the group");
	ctl_batch_destroy(batch);
	if (roster->count)
		qsort(roster->members, roster->count, sizeof(*roster->members), by_name);
	return exit_code;
}

void ctl_roster_free(ctl_roster *roster)
{
	free(roster->members);
	*roster = (ctl_roster){0};
}

const ctl_member *ctl_roster_find(const ctl_roster *roster, const char *name)
{
	for (size_t i = 0; i < roster->count; i++)
		if (strcmp(roster->members[i].name, name) == 0)
			return &roster->members[i];
	return NULL;
}

char *ctl_roster_names(const ctl_roster *roster, char *text, size_t size)
{
	size_t used = 0, shown = 0;
	text[0] = '\0';
	for (size_t i = 0; i < roster->count && shown < NAMES_SHOWN && used < size; i++)
		if (roster->members[i].lease_left > 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s", shown++ ? ", " : "",
						 roster->members[i].name);
	if (shown < roster->live && used < size)
		snprintf(text + used, size - used, " and %zu more", roster->live - shown);
	return text;
}

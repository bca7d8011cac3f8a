#include "group/history.h"

#include <string.h>

#include "group/notes.h"
#include "redis/server_check.h"

static seg_member_link *control_of(seg_member *m)
{
	return &m->links[SEG_LINK_CONTROL];
}

static bool are_same(const seg_server_ids *a, const seg_server_ids *b)
{
	return strcmp(a->run_id, b->run_id) == 0 && strcmp(a->replication_id, b->replication_id) == 0;
}

static void connect_again(seg_member_link *link)
{
	seg_route_break(link->route, SEG_EUNREACHABLE,
			"the connections of member %s reached two different servers", link->member->name);
}

/* Control has reached a server: its history is the member's from now on. */
static void take_history(seg_member *m)
{
	const seg_server_ids *ids = &control_of(m)->ids;
	bool same = ids->run_id[0] && are_same(ids, &m->history.ids);
	if (m->history.known && !same) {
		m->history.changes++;
		seg_note_another_history(m);
	}
	m->history.ids = *ids;
	m->history.known = true;
	for (unsigned i = 0; i < SEG_LINKS; i++)
		if (m->links[i].told && !are_same(&m->links[i].ids, ids))
			connect_again(&m->links[i]);
}

/* Another connection has reached a server. If it is not control's, either of the two may be the outdated one. */
static void compare_with_control(seg_member_link *link)
{
	seg_member_link *control = control_of(link->member);
	if (!control->told || are_same(&link->ids, &control->ids))
		return;
	connect_again(link);
	connect_again(control);
}

static void got_ids(void *arg, const seg_reply *reply)
{
	seg_member_link *link = arg;
	seg_member *m = link->member;
	seg_server_facts facts;
	seg_error error;
	if (!reply)
		return; /* the next connection asks again */
	int status = seg_server_check_reply(reply, true, m->stream->client->address.text, &facts, &error);
	if (status) {
		seg_route_break(link->route, status, "%s", error.text);
		return;
	}
	memcpy(link->ids.run_id, facts.run_id, sizeof(link->ids.run_id));
	memcpy(link->ids.replication_id, facts.replication_id, sizeof(link->ids.replication_id));
	link->told = true;
	if (link == control_of(m))
		take_history(m);
	else
		compare_with_control(link);
}

/* Where INFO is denied, HELLO tells at least the role. */
static void got_info(void *arg, const seg_reply *reply)
{
	seg_member_link *link = arg;
	seg_client *client = link->member->stream->client;
	if (!seg_reply_is_denial(reply)) {
		got_ids(link, reply);
		return;
	}
	seg_denials_tell(&client->denials, SEG_NICETY_INFO, reply, &client->address, client->address.text,
			 &link->member->logger);
	if (!seg_route_words(link->route, got_ids, link, "HELLO", "2", (char *)NULL))
		seg_route_break(link->route, SEG_ENOMEM, "out of memory");
}

void seg_history_connected(seg_member_link *link)
{
	link->told = false;
	if (!seg_route_words(link->route, got_info, link, "INFO", (char *)NULL))
		seg_route_break(link->route, SEG_ENOMEM, "out of memory");
}

void seg_history_disconnected(seg_member_link *link)
{
	bool was_nameless = link->told && !link->ids.run_id[0];
	link->told = false;
	if (!was_nameless)
		return;
	for (unsigned i = 0; i < SEG_LINKS; i++)
		if (link->member->links[i].told)
			seg_route_break(link->member->links[i].route, SEG_EUNREACHABLE,
					"another connection of member %s was lost", link->member->name);
}

bool seg_history_holds(const seg_member_link *link)
{
	const seg_member_link *control = &link->member->links[SEG_LINK_CONTROL];
	return link->told && control->told && are_same(&link->ids, &control->ids) &&
	       seg_route_ready(link->route);
}

#include "group/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/numbered.h"
#include "group/notes.h"
#include "redis/server_check.h"

/* So long the map may be missing that shows whether the control slot was migrated. */
#define CLEAR_PATIENCE (3 * SEG_SECOND)

static seg_member_link *control_of(seg_member *m)
{
	return &m->links[SEG_LINK_CONTROL];
}

static bool are_same(const seg_server_ids *a, const seg_server_ids *b)
{
	return strcmp(a->run_id, b->run_id) == 0 && strcmp(a->replication_id, b->replication_id) == 0;
}

static seg_link_node *known_node(const seg_member_link *link, seg_node node)
{
	return node < link->count ? link->nodes[node] : NULL;
}

/* NULL if out of memory. */
static seg_link_node *node_of(seg_member_link *link, seg_node node)
{
	seg_link_node **nodes = seg_numbered_reach(link->nodes, &link->count, node);
	if (!nodes)
		return NULL;
	link->nodes = nodes;
	if (!link->nodes[node]) {
		seg_link_node *made = calloc(1, sizeof(*made));
		if (!made)
			return NULL;
		made->link = link;
		made->node = node;
		link->nodes[node] = made;
	}
	return link->nodes[node];
}

/* Whether two links' nodes are one place: routes number the nodes of a cluster each on its own. */
static bool are_one_place(const seg_link_node *a, const seg_link_node *b)
{
	return strcmp(seg_route_where(a->link->route, a->node), seg_route_where(b->link->route, b->node)) ==
	       0;
}

/* --- servers -------------------------------------------------------------------------- */

static void connect_again(const seg_link_node *n, const char *why)
{
	seg_connection_break(seg_route_node_connection(n->link->route, n->node), SEG_EUNREACHABLE,
			     "%s of member %s", why, n->link->member->name);
}

static const char different[] = "different servers were reached by the connections";

/* Control has reached a server: its history is the member's from now on. */
static void take_history(seg_link_node *control)
{
	seg_member *m = control->link->member;
	bool same = control->ids.run_id[0] && are_same(&control->ids, &control->seen);
	bool other = control->known && !same;
	control->seen = control->ids;
	control->known = true;
	m->history.ids = control->ids;
	if (other)
		seg_note_another_history(m, control->node);
	for (unsigned i = 0; i < SEG_LINKS; i++)
		for (uint32_t k = 0; k < m->links[i].count; k++) {
			const seg_link_node *n = m->links[i].nodes[k];
			if (n && n != control && n->told && are_one_place(n, control) &&
			    !are_same(&n->ids, &control->ids))
				connect_again(n, different);
		}
}

/* Another connection has reached a server. If it is not control's, either of the two may be the outdated one. */
static void compare_with_control(const seg_link_node *n)
{
	const seg_member_link *control = control_of(n->link->member);
	for (uint32_t k = 0; k < control->count; k++) {
		const seg_link_node *c = control->nodes[k];
		if (!c || !c->told || !are_one_place(n, c) || are_same(&n->ids, &c->ids))
			continue;
		connect_again(n, different);
		connect_again(c, different);
	}
}

/* Compared in each round for each partition, where the ids themselves would cost more. */
static unsigned generation_of(seg_member *m, const seg_server_ids *ids)
{
	for (unsigned i = 0; i < SEG_LINKS; i++)
		for (uint32_t k = 0; k < m->links[i].count; k++) {
			const seg_link_node *n = m->links[i].nodes[k];
			if (n && n->generation > 0 && are_same(&n->ids, ids))
				return n->generation;
		}
	return ++m->history.generations;
}

static void got_ids(void *arg, const seg_reply *reply)
{
	seg_link_node *n = arg;
	seg_member *m = n->link->member;
	seg_server_facts facts;
	seg_error error;
	if (!reply)
		return; /* the next connection asks again */
	int status =
		seg_server_check_reply(reply, true, seg_route_where(n->link->route, n->node), &facts, &error);
	if (status) {
		seg_connection_break(seg_route_node_connection(n->link->route, n->node), status, "%s",
				     error.text);
		return;
	}
	seg_server_ids ids = {0};
	memcpy(ids.run_id, facts.run_id, sizeof(ids.run_id));
	memcpy(ids.replication_id, facts.replication_id, sizeof(ids.replication_id));
	n->generation = generation_of(m, &ids);
	n->ids = ids;
	n->told = true;
	if (n->link == control_of(m))
		take_history(n);
	else
		compare_with_control(n);
}

static void ask(seg_link_node *n, seg_reply_fn fn, const char *a, const char *b)
{
	seg_connection *connection = seg_route_node_connection(n->link->route, n->node);
	if (!seg_connection_words(connection, fn, n, a, b, (char *)NULL))
		seg_connection_break(connection, SEG_ENOMEM, "out of memory");
}

/* Where INFO is denied, HELLO tells at least the role. */
static void got_info(void *arg, const seg_reply *reply)
{
	seg_link_node *n = arg;
	seg_client *client = n->link->member->stream->client;
	if (!seg_reply_is_denial(reply)) {
		got_ids(n, reply);
		return;
	}
	seg_denials_tell(&client->denials, SEG_NICETY_INFO, reply, &client->address, client->address.text,
			 &n->link->member->logger);
	ask(n, got_ids, "HELLO", "2");
}

void seg_history_connected(seg_member_link *link, seg_node node)
{
	seg_link_node *n = node_of(link, node);
	if (!n) {
		/* Connected anew, it is asked again. */
		seg_connection_break(seg_route_node_connection(link->route, node), SEG_ENOMEM,
				     "out of memory");
		return;
	}
	n->told = false;
	ask(n, got_info, "INFO", NULL);
}

void seg_history_disconnected(seg_member_link *link, seg_node node)
{
	seg_link_node *n = known_node(link, node);
	if (!n || !n->told)
		return;
	n->told = false;
	seg_member *m = link->member;
	for (unsigned i = 0; i < SEG_LINKS && !n->ids.run_id[0]; i++)
		for (uint32_t k = 0; k < m->links[i].count; k++) {
			const seg_link_node *other = m->links[i].nodes[k];
			if (other && other->told && are_one_place(other, n))
				connect_again(other, "a connection was lost");
		}
}

/* --- slots ------------------------------------------------------------------------------- */

/* Each route learns of a moved slot by itself. What one has learnt, it tells the others. */
static void tell_others(const seg_member_link *from)
{
	const seg_member *m = from->member;
	for (unsigned k = 0; k < SEG_LINKS; k++) {
		seg_route *to = m->links[k].route;
		if (!to || to == from->route)
			continue;
		seg_route_learn(to, m->control_slot, from->route);
		for (uint32_t i = 0; i < m->partition_count; i++)
			seg_route_learn(to, m->partitions[i].slot, from->route);
	}
}

static bool have_moved(seg_member *m)
{
	bool any = false;
	for (unsigned i = 0; i < SEG_LINKS; i++) {
		seg_member_link *link = &m->links[i];
		unsigned changes = link->route ? seg_route_changes(link->route) : 0;
		if (changes == link->slot_changes)
			continue;
		link->slot_changes = changes;
		any = true;
		tell_others(link);
	}
	return any;
}

static void note_control_slot(seg_member *m)
{
	seg_node node = seg_route_node(m->control, m->control_slot), before = m->history.control_node;
	if (node == 0 || node == before)
		return;
	m->history.control_node = node;
	if (m->history.moved_from > 0) {
		seg_note_another_history(m, node);
	} else if (before > 0) {
		m->history.moved_from = before;
		m->history.clear_by = seg_now() + CLEAR_PATIENCE;
	}
}

/* Whether the control slot was migrated, which loses no writes. Where that is not known, it was not. */
static void clear_up(seg_member *m)
{
	bool whole = seg_route_is_whole(m->control);
	if (!whole && seg_now() < m->history.clear_by)
		return;
	const seg_link_node *from = known_node(control_of(m), m->history.moved_from);
	if (whole && from && from->told && seg_route_has_slots(m->control, from->node)) {
		m->history.moved_from = 0;
		seg_note_control_moved(m);
	} else {
		seg_note_another_history(m, m->history.control_node);
	}
}

static void note_slots(seg_member *m)
{
	for (uint32_t i = 0; i < m->partition_count; i++) {
		seg_partition *p = &m->partitions[i];
		seg_node node = seg_route_node(m->control, p->slot);
		if (node == p->history.node || node == 0)
			continue;
		if (p->history.node > 0)
			seg_note_moved(p);
		p->history.node = node;
	}
	note_control_slot(m);
}

void seg_history_follow_slots(seg_member *m)
{
	if (!seg_route_is_cluster(m->control))
		return;
	if (have_moved(m))
		note_slots(m);
	if (m->history.moved_from > 0)
		clear_up(m);
}

bool seg_history_is_unclear(const seg_member *m)
{
	return m->history.moved_from > 0;
}

bool seg_history_holds(const seg_member_link *link, uint16_t slot)
{
	const seg_member_link *control = &link->member->links[SEG_LINK_CONTROL];
	if (!seg_route_ready_for(link->route, slot))
		return false;
	const seg_link_node *n = known_node(link, seg_route_node(link->route, slot));
	const seg_link_node *c = known_node(control, seg_route_node(control->route, slot));
	if (link != control && (!c || !c->told))
		(void)seg_route_ready_for(control->route, slot);
	return n && c && n->told && c->told && n->generation == c->generation;
}

void seg_history_fini(seg_member *m)
{
	for (unsigned i = 0; i < SEG_LINKS; i++) {
		for (uint32_t k = 0; k < m->links[i].count; k++)
			free(m->links[i].nodes[k]);
		free(m->links[i].nodes);
	}
}

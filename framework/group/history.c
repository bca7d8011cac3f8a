#include "group/history.h"

#include <stdlib.h>
#include <string.h>

#include "group/notes.h"
#include "redis/server_check.h"

/* NULL if out of memory. */
static seg_node_history *history_of(seg_member *m, seg_node node)
{
	if (node >= m->history.count) {
		seg_node_history **larger = realloc(m->history.nodes, (node + 1) * sizeof(*larger));
		if (!larger)
			return NULL;
		memset(larger + m->history.count, 0, (node + 1 - m->history.count) * sizeof(*larger));
		m->history.nodes = larger;
		m->history.count = node + 1;
	}
	if (!m->history.nodes[node]) {
		seg_node_history *h = calloc(1, sizeof(*h));
		if (!h)
			return NULL;
		h->member = m;
		h->node = node;
		m->history.nodes[node] = h;
	}
	return m->history.nodes[node];
}

static void got_history(void *arg, const seg_reply *reply)
{
	seg_node_history *h = arg;
	seg_member *m = h->member;
	seg_server_facts facts;
	seg_error error;
	if (!reply)
		return; /* the next connection asks again */
	int status = seg_server_check_reply(reply, true, seg_route_where(m->data, h->node), &facts, &error);
	if (status) {
		seg_connection_break(seg_route_node_connection(m->data, h->node), status, "%s", error.text);
		return;
	}
	/* If an ACL forbids INFO, every new connection may have another history. */
	bool same = facts.run_id[0] && strcmp(facts.run_id, h->run_id) == 0 &&
		    strcmp(facts.replication_id, h->replication_id) == 0;
	bool other = h->known && !same;
	memcpy(h->run_id, facts.run_id, sizeof(h->run_id));
	memcpy(h->replication_id, facts.replication_id, sizeof(h->replication_id));
	h->verified = h->known = true;
	if (other)
		seg_note_another_history(m, h->node);
}

void seg_history_disconnected(seg_member *m, seg_node node)
{
	if (node < m->history.count && m->history.nodes[node])
		m->history.nodes[node]->verified = false;
}

void seg_history_ask(seg_member *m, seg_node node)
{
	seg_connection *connection = seg_route_node_connection(m->data, node);
	seg_node_history *h = history_of(m, node);
	if (!h || !connection) {
		seg_route_break(m->data, SEG_ENOMEM, "out of memory");
		return;
	}
	h->verified = false;
	if (!seg_connection_words(connection, got_history, h, "INFO", (char *)NULL))
		seg_connection_break(connection, SEG_ENOMEM, "out of memory");
}

void seg_history_ask_all(seg_member *m)
{
	for (seg_node node = 0; node < m->history.count; node++)
		if (m->history.nodes[node] && m->history.nodes[node]->verified)
			seg_history_ask(m, node);
}

void seg_history_follow_slots(seg_member *m)
{
	unsigned changes = seg_route_changes(m->data);
	if (changes == m->history.slot_changes)
		return;
	m->history.slot_changes = changes;
	for (uint32_t n = 0; n < m->partition_count; n++) {
		seg_partition *p = &m->partitions[n];
		seg_node node = seg_route_node(m->data, p->slot);
		if (node == p->history.node || node == 0)
			continue;
		if (p->history.node > 0)
			seg_note_moved(p);
		p->history.node = node;
	}
	seg_node node = seg_route_node(m->data, m->control_slot);
	bool moved = node > 0 && m->history.control_node > 0 && node != m->history.control_node;
	if (node > 0)
		m->history.control_node = node;
	if (moved)
		seg_note_another_history(m, node);
}

void seg_history_fini(seg_member *m)
{
	for (uint32_t i = 0; i < m->history.count; i++)
		free(m->history.nodes[i]);
	free(m->history.nodes);
}

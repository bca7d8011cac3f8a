#include "group/history.h"

#include <string.h>

#include "group/notes.h"
#include "redis/server_check.h"

/* Takes the ids: "" where Redis does not tell them, and then every new connection may have another history. */
static void take(seg_member *m, const seg_server_facts *facts)
{
	bool same = facts->run_id[0] && strcmp(facts->run_id, m->history.run_id) == 0 &&
		    strcmp(facts->replication_id, m->history.replication_id) == 0;
	memcpy(m->history.run_id, facts->run_id, sizeof(m->history.run_id));
	memcpy(m->history.replication_id, facts->replication_id, sizeof(m->history.replication_id));
	m->history.hidden = !facts->run_id[0];
	m->history.wanted = false;
	if (m->history.known && !same) {
		m->history.changes++;
		seg_note_another_history(m);
	}
	m->history.known = true;
}

/* Of INFO, or of HELLO where INFO is denied. */
static void got_history(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	seg_server_facts facts;
	seg_error error;
	if (!reply)
		return; /* the next connection asks again */
	int status = seg_server_check_reply(reply, true, m->stream->client->address.text, &facts, &error);
	if (status)
		seg_route_break(m->data, status, "%s", error.text);
	else
		take(m, &facts);
}

static void got_info(void *arg, const seg_reply *reply)
{
	seg_member *m = arg;
	seg_client *client = m->stream->client;
	if (!seg_reply_is_denial(reply)) {
		got_history(m, reply);
		return;
	}
	seg_denials_tell(&client->denials, SEG_NICETY_INFO, reply, &client->address, client->address.text,
			 &m->logger);
	if (!seg_route_words(m->data, got_history, m, "HELLO", "2", (char *)NULL))
		seg_route_break(m->data, SEG_ENOMEM, "out of memory");
}

void seg_history_disconnected(seg_member *m)
{
	m->history.wanted = true;
}

void seg_history_ask(seg_member *m)
{
	m->history.wanted = true;
	if (!seg_route_words(m->data, got_info, m, "INFO", (char *)NULL))
		seg_route_break(m->data, SEG_ENOMEM, "out of memory");
}

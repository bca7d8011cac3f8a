#include "redis/contact.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/numbered.h"

void seg_contacts_fini(seg_contacts *contacts)
{
	for (uint32_t n = 0; n < contacts->count; n++) {
		if (contacts->at[n])
			seg_contact_close(contacts->at[n]);
		free(contacts->at[n]);
		/* The callbacks of the next ones may look for it. */
		contacts->at[n] = NULL;
	}
	free(contacts->at);
	*contacts = (seg_contacts){0};
}

seg_contact *seg_contacts_make(seg_contacts *contacts, uint32_t number, void *owner)
{
	seg_contact **at = seg_numbered_reach(contacts->at, &contacts->count, number);
	if (!at)
		return NULL;
	contacts->at = at;
	seg_contact *contact = at[number];
	if (!contact && (contact = calloc(1, sizeof(*contact))))
		*contact = (seg_contact){.owner = owner, .number = number};
	return at[number] = contact;
}

seg_contact *seg_contacts_find(const seg_contacts *contacts, uint32_t number)
{
	return number < contacts->count ? contacts->at[number] : NULL;
}

void seg_contact_close(seg_contact *contact)
{
	/* The connection first: the bell may wait for one of its answers. */
	seg_connection_destroy(contact->connection);
	contact->connection = NULL;
	seg_bell_destroy(contact->bell);
	contact->bell = NULL;
	contact->up = false;
}

bool seg_contact_is_up(const seg_contact *contact)
{
	return contact && contact->connection && seg_connection_ready(contact->connection);
}

bool seg_contact_is_troubled(const seg_contact *contact)
{
	return contact && contact->connection && !seg_connection_ready(contact->connection) &&
	       seg_connection_error(contact->connection)->status;
}

const char *seg_contact_host(const seg_contact *contact)
{
	const seg_endpoint *endpoint = seg_connection_endpoint(contact->connection);
	return endpoint && endpoint->host ? endpoint->host : "127.0.0.1";
}

void seg_contact_poll(seg_contact *contact, seg_poll_set *set)
{
	struct pollfd wanted = {.fd = -1};
	if (contact->connection)
		wanted = seg_connection_polled(contact->connection);
	contact->place = seg_poll_set_add(set, wanted.fd, wanted.events);
	if (contact->bell)
		seg_bell_poll(contact->bell, set);
}

int64_t seg_contact_tick(seg_contact *contact, int64_t now, const seg_poll_set *set, bool polled)
{
	if (!contact->connection)
		return SEG_NEVER;
	bool readable = polled && set && seg_poll_set_found(set, contact->place);
	int64_t next = seg_connection_tick(contact->connection, now, readable);
	if (contact->bell) {
		int64_t bell = seg_bell_tick(contact->bell, now, polled);
		/* Turning it on is a command on this connection. */
		seg_connection_flush(contact->connection);
		next = bell < next ? bell : next;
	}
	return next;
}

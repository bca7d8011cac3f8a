/*
 * contact.h - what a route has of each node: its connection, and its bell. One thread, that of the route.
 *
 * The route decides which nodes it needs, and makes their connections; a contact polls and ticks what there is.
 */
#ifndef SEG_REDIS_CONTACT_H
#define SEG_REDIS_CONTACT_H

#include "redis/bell.h"
#include "redis/connection.h"
#include "redis/poll_set.h"

typedef struct seg_contact {
	void *owner; /* the route */
	uint32_t number;
	seg_connection *connection; /* NULL: not needed */
	seg_bell *bell;             /* or NULL */
	nfds_t place;               /* in the newest poll set */
	bool up;                    /* the newest state that the route has passed to its hooks */
} seg_contact;

typedef struct seg_contacts {
	seg_contact **at; /* by the node's number; each may be NULL, and stays where it is */
	uint32_t count;
} seg_contacts;

/* Closes and frees all. */
void seg_contacts_fini(seg_contacts *contacts);

/* The contact with a node. _make: makes it; NULL if out of memory. _find: NULL if there is none. */
seg_contact *seg_contacts_make(seg_contacts *contacts, uint32_t number, void *owner);
seg_contact *seg_contacts_find(const seg_contacts *contacts, uint32_t number);

/* Drops the connection and the bell. */
void seg_contact_close(seg_contact *contact);

/* Each also takes NULL. Whether its connection is ready; or is not, and has an error to tell. */
bool seg_contact_is_up(const seg_contact *contact);
bool seg_contact_is_troubled(const seg_contact *contact);

/* The host that the connection talks to, for answers that mean it without naming it. */
const char *seg_contact_host(const seg_contact *contact);

/* As seg_route_poll and seg_route_tick. set: of the newest seg_contact_poll, or NULL. */
void seg_contact_poll(seg_contact *contact, seg_poll_set *set);
int64_t seg_contact_tick(seg_contact *contact, int64_t now, const seg_poll_set *set, bool polled);

#endif

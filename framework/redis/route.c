#include "redis/route.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "redis/contact.h"
#include "redis/pipeline.h"
#include "redis/route_map.h"

/* Between two questions for the map: a storm of them makes the trouble of a cluster worse. */
#define MAP_PAUSE SEG_SECOND

/* So long a slot that has answered ASK is taken to move: longer than the owner's interval between two reads. */
#define ASK_LASTS (2 * SEG_SECOND)

/* So often a command follows MOVED and ASK; after that the caller gets the error, and tries again later. */
enum { HOPS_MOST = 5 };

struct seg_route {
	seg_connection_options options; /* of each connection */
	char client_name[SEG_NAME_MAX + 1];
	seg_route_hooks hooks;
	bool cluster;
	seg_route_map map;
	seg_node home; /* of the cluster: the node that the address led to; 0: unknown */
	bool map_wanted;
	seg_node map_from;        /* the node that said that the map is outdated, or 0 */
	seg_node map_asked;       /* the node that was asked last */
	int64_t map_at;           /* when to ask for the map, if it is wanted */
	int64_t *elsewhere_until; /* of each slot: see note_ask; NULL: none has answered ASK */
	seg_contacts contacts;    /* by number; 0 is the server of the address */
	const seg_poll_set *set;  /* of the newest seg_route_poll */
	seg_poll_set waiting;     /* of route_wait.c */
};

/* --- nodes ------------------------------------------------------------------------- */

static void want_map(seg_route *r)
{
	r->map_wanted = true;
}

static void take_state(void *arg, bool up, const seg_error *why)
{
	seg_contact *node = arg;
	seg_route *r = node->owner;
	if (!up && r->cluster)
		want_map(r);
	if (node->bell)
		seg_bell_data_changed(node->bell);
	/* On a cluster, the first connection only serves to learn the nodes. */
	bool tell = (node->number == 0) == !r->cluster && up != node->up;
	node->up = up;
	if (tell && r->hooks.state)
		r->hooks.state(r->hooks.arg, node->number, up, why);
}

static bool take_map(const seg_contact *node, const seg_reply *reply)
{
	seg_route *r = node->owner;
	if (!seg_route_map_take(&r->map, reply, seg_contact_host(node)))
		return false;
	r->map_wanted = false;
	return true;
}

/* Notes which node answers at the address; none, if that is a replica or the map has another name of the host. */
static void note_home(seg_route *r, const seg_contact *node)
{
	const seg_endpoint *endpoint = seg_connection_endpoint(node->connection);
	const char *host = seg_contact_host(node);
	r->home = 0;
	for (seg_node n = seg_route_next(r, 0); n > 0 && endpoint; n = seg_route_next(r, n)) {
		const seg_endpoint *other = &r->map.nodes[n - 1]->endpoint;
		if (other->port == endpoint->port && strcmp(other->host, host) == 0)
			r->home = n;
	}
}

/* Part of preparing a connection. A server that is no cluster's node answers with an error. */
static void take_slots(void *arg, const seg_reply *reply)
{
	const seg_contact *node = arg;
	seg_route *r = node->owner;
	if (!take_map(node, reply))
		return;
	r->cluster = true;
	note_home(r, node);
}

static bool is_up(const seg_route *r, seg_node number)
{
	return seg_contact_is_up(seg_contacts_find(&r->contacts, number));
}

static bool take_error(void *arg, const seg_reply *error, const seg_waiting_command *command,
		       const char *bytes);

static seg_connection *connect_node(seg_route *r, seg_contact *node)
{
	seg_connection_options options = r->options;
	if (node->number > 0) {
		options.endpoint = &r->map.nodes[node->number - 1]->endpoint;
		options.master = NULL;
	}
	options.early = r->cluster;
	options.on_slots = node->number == 0 ? take_slots : NULL;
	options.on_error = take_error;
	options.on_state = take_state;
	options.arg = node;
	node->connection = seg_connection_create(&options);
	return node->connection;
}

seg_connection *seg_route_node_connection(seg_route *r, seg_node number)
{
	seg_contact *node = seg_contacts_make(&r->contacts, number, r);
	if (!node || node->connection)
		return node ? node->connection : NULL;
	return connect_node(r, node);
}

/* --- making and unmaking ------------------------------------------------------------ */

seg_route *seg_route_create(const seg_connection_options *options, const seg_route_hooks *hooks)
{
	seg_route *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->options = *options;
	snprintf(r->client_name, sizeof(r->client_name), "%s",
		 options->client_name ? options->client_name : "");
	r->options.client_name = r->client_name;
	if (hooks)
		r->hooks = *hooks;
	if (seg_route_node_connection(r, 0))
		return r;
	seg_route_destroy(r);
	return NULL;
}

void seg_route_destroy(seg_route *r)
{
	if (!r)
		return;
	r->hooks = (seg_route_hooks){0};
	seg_contacts_fini(&r->contacts);
	free(r->elsewhere_until);
	seg_route_map_fini(&r->map);
	seg_poll_set_fini(&r->waiting);
	free(r);
}

/* --- looking --------------------------------------------------------------------------- */

bool seg_route_is_cluster(const seg_route *r)
{
	return r->cluster;
}

seg_node seg_route_node(const seg_route *r, uint16_t slot)
{
	return r->cluster && r->map.owners ? r->map.owners[slot] : 0;
}

const char *seg_route_where(const seg_route *r, seg_node node)
{
	return node > 0 && node <= r->map.count ? r->map.nodes[node - 1]->text : r->options.address->text;
}

void seg_route_learn(seg_route *r, uint16_t slot, const seg_route *from)
{
	seg_node node = seg_route_node(from, slot);
	if (!r->map.owners || node == 0)
		return;
	const seg_endpoint *endpoint = &from->map.nodes[node - 1]->endpoint;
	seg_slot_range place = {.first = slot, .last = slot, .port = endpoint->port};
	snprintf(place.host, sizeof(place.host), "%s", endpoint->host);
	unsigned changes = r->map.changes;
	(void)seg_route_map_moved(&r->map, &place, endpoint->host);
	if (r->map.changes != changes)
		want_map(r);
}

unsigned seg_route_changes(const seg_route *r)
{
	return r->map.changes;
}

bool seg_route_is_whole(const seg_route *r)
{
	return r->map.whole;
}

bool seg_route_has_slots(const seg_route *r, seg_node node)
{
	return node > 0 && node <= r->map.count && r->map.nodes[node - 1]->has_slots;
}

seg_node seg_route_next(const seg_route *r, seg_node node)
{
	for (seg_node next = node + 1; next <= r->map.count; next++)
		if (r->map.nodes[next - 1]->has_slots)
			return next;
	return 0;
}

bool seg_route_ready(const seg_route *r)
{
	return r->cluster ? r->map.owners != NULL : is_up(r, 0);
}

bool seg_route_ready_for(seg_route *r, uint16_t slot)
{
	seg_node number = seg_route_node(r, slot);
	if (r->cluster && number == 0) {
		want_map(r);
		return false;
	}
	const seg_connection *connection = seg_route_node_connection(r, number);
	return connection && seg_connection_ready(connection);
}

static bool is_awaited(const seg_contact *node)
{
	return node && node->connection && seg_connection_waiting(node->connection) > 0;
}

/* A node that has slots and cannot be reached, first one that commands wait for; NULL: none. */
static const seg_contact *lacking(const seg_route *r)
{
	const seg_contact *first = NULL;
	for (seg_node n = seg_route_next(r, 0); n > 0; n = seg_route_next(r, n)) {
		const seg_contact *node = seg_contacts_find(&r->contacts, n);
		if (!seg_contact_is_troubled(node))
			continue;
		if (is_awaited(node))
			return node;
		first = first ? first : node;
	}
	return first;
}

/* The connection with the newest error that matters; else to the server of the address. */
static const seg_connection *troubled(const seg_route *r)
{
	const seg_contact *node = lacking(r);
	return node ? node->connection : r->contacts.at[0]->connection;
}

static const seg_error *error_of(const seg_connection *connection)
{
	static const seg_error none;
	return connection ? seg_connection_error(connection) : &none;
}

const seg_error *seg_route_error(const seg_route *r)
{
	return error_of(troubled(r));
}

const seg_error *seg_route_error_for(const seg_route *r, uint16_t slot)
{
	const seg_contact *node = seg_contacts_find(&r->contacts, seg_route_node(r, slot));
	return error_of(node ? node->connection : NULL);
}

bool seg_route_is_refused(const seg_route *r)
{
	if (!r->cluster || !seg_route_ready(r)) {
		const seg_connection *connection = troubled(r);
		return connection && seg_connection_is_refused(connection);
	}
	bool refused = false;
	for (uint32_t n = 0; n < r->contacts.count; n++) {
		if (!is_awaited(r->contacts.at[n]))
			continue;
		refused = seg_connection_is_refused(r->contacts.at[n]->connection);
		if (!refused)
			return false;
	}
	return refused;
}

const seg_connection *seg_route_awaited(const seg_route *r)
{
	const seg_connection *found = NULL;
	for (uint32_t n = 0; n < r->contacts.count; n++) {
		if (is_awaited(r->contacts.at[n]))
			found = r->contacts.at[n]->connection;
		if (found && !seg_connection_ready(found))
			break;
	}
	return found;
}

bool seg_route_login_is_lost(const seg_route *r, uint16_t slot, int64_t now)
{
	const seg_contact *node = seg_contacts_find(&r->contacts, seg_route_node(r, slot));
	return node && node->connection && seg_connection_login_is_lost(node->connection, now);
}

/* --- commands ------------------------------------------------------------------------------ */

/*
 * A node for a command without a key: one that is ready, else the address's server, because others may hang; another one
 * that has not failed, where that server is dead or has no slots.
 */
static seg_node any_node(const seg_route *r)
{
	for (seg_node n = seg_route_next(r, 0); n > 0; n = seg_route_next(r, n))
		if (is_up(r, n))
			return n;
	if (r->home > 0 && r->map.nodes[r->home - 1]->has_slots &&
	    !seg_contact_is_troubled(seg_contacts_find(&r->contacts, r->home)))
		return r->home;
	for (seg_node n = seg_route_next(r, 0); n > 0; n = seg_route_next(r, n))
		if (!seg_contact_is_troubled(seg_contacts_find(&r->contacts, n)))
			return n;
	return r->cluster ? seg_route_next(r, 0) : 0;
}

seg_connection *seg_route_answering(const seg_route *r)
{
	for (uint32_t n = 0; n < r->contacts.count; n++) {
		const seg_contact *node = r->contacts.at[n];
		if (node && node->connection && seg_connection_is_answering(node->connection))
			return node->connection;
	}
	return NULL;
}

bool seg_route_lost_unwritten(const seg_route *r)
{
	const seg_connection *connection = seg_route_answering(r);
	return connection && seg_connection_lost_unwritten(connection);
}

void seg_route_lose_unwritten(seg_route *r)
{
	for (uint32_t n = 0; n < r->contacts.count; n++) {
		const seg_contact *node = r->contacts.at[n];
		if (node && node->connection)
			seg_connection_lose_unwritten(node->connection);
	}
}

seg_connection *seg_route_connection(seg_route *r, const char *key)
{
	seg_node node = r->cluster && key ? seg_route_node(r, seg_slot_of(key)) : 0;
	return seg_route_node_connection(r, node > 0 ? node : any_node(r));
}

/* --- redirections ---------------------------------------------------------------------------- */

/* What is read elsewhere does not ring, unless that node's bell is there by chance. */
static void note_ask(seg_route *r, uint16_t slot)
{
	if (!r->elsewhere_until)
		r->elsewhere_until = calloc(SEG_SLOT_COUNT, sizeof(*r->elsewhere_until));
	if (r->elsewhere_until)
		r->elsewhere_until[slot] = seg_now() + ASK_LASTS;
}

static bool follow(const seg_contact *from, seg_redirection_kind kind, const seg_slot_range *to,
		   const seg_waiting_command *command, const char *bytes)
{
	seg_route *r = from->owner;
	uint32_t number = kind == SEG_REDIRECT_MOVED
				  ? seg_route_map_moved(&r->map, to, seg_contact_host(from))
				  : seg_route_map_find(&r->map, to, seg_contact_host(from));
	if (kind == SEG_REDIRECT_ASK)
		note_ask(r, to->first);
	want_map(r);
	r->map_from = from->number;
	if (kind == SEG_REDIRECT_MOVED && command->follow != SEG_FOLLOW_ALL)
		return false;
	if (number == 0 || number == from->number || !bytes || command->hops >= HOPS_MOST)
		return false;
	seg_connection *connection = seg_route_node_connection(r, number);
	return connection && seg_connection_again(connection, command, bytes, kind == SEG_REDIRECT_ASK);
}

static bool take_error(void *arg, const seg_reply *error, const seg_waiting_command *command,
		       const char *bytes)
{
	const seg_contact *node = arg;
	seg_route *r = node->owner;
	seg_slot_range to;
	seg_redirection_kind kind = seg_redirection_read(error, &to);
	if (kind != SEG_REDIRECT_NOT)
		return follow(node, kind, &to, command, bytes);
	if (r->cluster && strncmp(error->text, "CLUSTERDOWN", 11) == 0)
		want_map(r);
	return false;
}

/* --- the map ------------------------------------------------------------------------------------ */

static void got_map(void *arg, const seg_reply *reply)
{
	const seg_contact *node = arg;
	if (reply && node->connection)
		(void)take_map(node, reply);
}

/*
 * The node to ask for the map: the one that has redirected a command, because others may not know yet; else one after
 * the other, because one may hang. NULL: none is ready.
 */
static seg_contact *map_source(seg_route *r)
{
	seg_contact *said = r->map_from > 0 ? seg_contacts_find(&r->contacts, r->map_from) : NULL;
	r->map_from = 0;
	if (seg_contact_is_up(said))
		return said;
	for (uint32_t i = 1; i < r->contacts.count; i++) {
		seg_node n = 1 + (r->map_asked + i - 1) % (r->contacts.count - 1);
		if (is_up(r, n))
			return seg_contacts_find(&r->contacts, n);
	}
	return NULL;
}

/* A node that cannot be reached: the map may have changed. */
static bool map_is_due(const seg_route *r)
{
	return r->map_wanted || lacking(r);
}

/* Asks a node for the map; where none is ready, the address's servers. */
static void ask_for_map(seg_route *r, int64_t now)
{
	if (!r->cluster || now < r->map_at || !map_is_due(r))
		return;
	r->map_at = now + MAP_PAUSE;
	seg_contact *node = map_source(r);
	if (!node) {
		seg_route_node_connection(r, 0);
		return;
	}
	r->map_asked = node->number;
	seg_connection_words(node->connection, got_map, node, "CLUSTER", "SLOTS", (char *)NULL);
	seg_connection_flush(node->connection);
}

/* The connection to the address ends once the nodes are known, and those of nodes that have lost their slots. */
static void close_unneeded(seg_route *r)
{
	for (seg_node n = 0; n < r->contacts.count && r->cluster; n++) {
		seg_contact *node = r->contacts.at[n];
		if (!node || !node->connection || seg_connection_waiting(node->connection) > 0)
			continue;
		bool needed =
			n == 0 ? !seg_connection_ready(node->connection) : r->map.nodes[n - 1]->has_slots;
		if (!needed)
			seg_contact_close(node);
	}
}

/* --- bells --------------------------------------------------------------------------------------- */

static void ring(void *arg, const char *key, size_t length)
{
	const seg_contact *node = arg;
	const seg_route *r = node->owner;
	if (r->hooks.ring)
		r->hooks.ring(r->hooks.arg, node->number, key, length);
}

seg_bell_state seg_route_bell(seg_route *r, uint16_t slot)
{
	seg_node number = seg_route_node(r, slot);
	bool elsewhere = r->elsewhere_until && seg_now() < r->elsewhere_until[slot];
	if (!seg_route_ready_for(r, slot) || elsewhere)
		return SEG_BELL_DUE;
	seg_contact *node = r->contacts.at[number];
	if (!node->bell) {
		seg_connection_options options = r->options;
		if (number > 0)
			options.endpoint = &r->map.nodes[number - 1]->endpoint;
		node->bell = seg_bell_create(&options, node->connection, ring, node);
	}
	return node->bell ? seg_bell_look(node->bell) : SEG_BELL_DUE;
}

/* --- the event loop -------------------------------------------------------------------------------- */

/* On a cluster, those with waiting commands. */
static bool is_broken(const seg_route *r, const seg_contact *node)
{
	return r->cluster ? is_awaited(node) : node && node->connection;
}

void seg_route_break(seg_route *r, int status, const char *format, ...)
{
	char text[SEG_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (uint32_t n = 0; n < r->contacts.count; n++)
		if (is_broken(r, r->contacts.at[n]))
			seg_connection_break(r->contacts.at[n]->connection, status, "%s", text);
}

void seg_route_break_silent(seg_route *r, int64_t ms)
{
	for (uint32_t n = 0; n < r->contacts.count; n++) {
		const seg_contact *node = r->contacts.at[n];
		if (!is_broken(r, node))
			continue;
		/* One that is away has told why. */
		seg_error why = *seg_connection_error(node->connection);
		if (r->cluster && seg_contact_is_troubled(node))
			seg_connection_break(node->connection, why.status, "%s", why.text);
		else
			seg_connection_break(node->connection, SEG_EUNREACHABLE,
					     "Redis at %s did not answer within %" PRId64 " ms",
					     seg_connection_where(node->connection), ms);
	}
}

size_t seg_route_unsent(const seg_route *r)
{
	size_t unsent = 0;
	for (uint32_t n = 0; n < r->contacts.count; n++) {
		const seg_contact *node = r->contacts.at[n];
		if (node && node->connection)
			unsent += seg_connection_unsent(node->connection);
	}
	return unsent;
}

seg_poll_set *seg_route_waiting_set(seg_route *r)
{
	return &r->waiting;
}

void seg_route_poll(seg_route *r, seg_poll_set *set)
{
	r->set = set;
	for (uint32_t n = 0; n < r->contacts.count; n++)
		if (r->contacts.at[n])
			seg_contact_poll(r->contacts.at[n], set);
}

int64_t seg_route_write(seg_route *r, int64_t now)
{
	int64_t next = r->cluster && map_is_due(r) ? r->map_at : SEG_NEVER;
	for (uint32_t n = 0; n < r->contacts.count; n++) {
		const seg_contact *node = r->contacts.at[n];
		int64_t timer =
			node && node->connection ? seg_connection_write(node->connection, now) : SEG_NEVER;
		next = timer < next ? timer : next;
	}
	return next;
}

int64_t seg_route_tick(seg_route *r, int64_t now, bool polled)
{
	int64_t next = SEG_NEVER;
	for (uint32_t n = 0; n < r->contacts.count; n++) {
		seg_contact *node = r->contacts.at[n];
		int64_t timer = node ? seg_contact_tick(node, now, r->set, polled) : SEG_NEVER;
		next = timer < next ? timer : next;
	}
	if (!r->cluster)
		return next;
	ask_for_map(r, now);
	close_unneeded(r);
	return map_is_due(r) && r->map_at < next ? r->map_at : next;
}

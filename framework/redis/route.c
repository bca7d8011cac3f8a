#include "redis/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "redis/pipeline.h"
#include "redis/route_map.h"

/* Between two questions for the map: a storm of them makes the trouble of a cluster worse. */
#define MAP_PAUSE SEG_SECOND

/* So long a slot that has answered ASK is taken to move: longer than the owner's interval between two reads. */
#define ASK_LASTS (2 * SEG_SECOND)

/* So often a command follows MOVED and ASK; after that the caller gets the error, and tries again later. */
enum { HOPS_MOST = 5 };

typedef struct {
	seg_route *route;
	seg_node number;
	seg_connection *connection; /* NULL: not needed */
	seg_bell *bell;             /* or NULL */
	nfds_t place;
	bool up;
} route_node;

struct seg_route {
	seg_connection_options options; /* of each connection */
	char client_name[SEG_NAME_MAX + 1];
	seg_route_hooks hooks;
	bool cluster;
	seg_route_map map;
	bool map_wanted;
	seg_node map_from;        /* the node that said that the map is outdated, or 0 */
	seg_node map_asked;       /* the node that was asked last */
	int64_t map_at;           /* when to ask for the map, if it is wanted */
	int64_t *elsewhere_until; /* of each slot: see note_ask; NULL: none has answered ASK */
	route_node **nodes;       /* by number; 0 is the server of the address */
	uint32_t count;
	const seg_poll_set *set; /* of the newest seg_route_poll */
	seg_poll_set waiting;    /* of route_wait.c */
};

/* --- nodes ------------------------------------------------------------------------- */

static void want_map(seg_route *r)
{
	r->map_wanted = true;
}

/* NULL if out of memory. */
static route_node *node_at(seg_route *r, seg_node number)
{
	if (number >= r->count) {
		route_node **larger = realloc(r->nodes, (number + 1) * sizeof(*larger));
		if (!larger)
			return NULL;
		memset(larger + r->count, 0, (number + 1 - r->count) * sizeof(*larger));
		r->nodes = larger;
		r->count = number + 1;
	}
	if (!r->nodes[number]) {
		route_node *node = calloc(1, sizeof(*node));
		if (!node)
			return NULL;
		node->route = r;
		node->number = number;
		r->nodes[number] = node;
	}
	return r->nodes[number];
}

static route_node *known_node(const seg_route *r, seg_node number)
{
	return number < r->count ? r->nodes[number] : NULL;
}

static bool is_up(const seg_route *r, seg_node number)
{
	const route_node *node = known_node(r, number);
	return node && node->connection && seg_connection_ready(node->connection);
}

static void take_state(void *arg, bool up, const seg_error *why)
{
	route_node *node = arg;
	seg_route *r = node->route;
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

/* The host that a connection talks to, for answers that mean it without naming it. */
static const char *host_of(const route_node *node)
{
	const seg_endpoint *endpoint = seg_connection_endpoint(node->connection);
	return endpoint && endpoint->host ? endpoint->host : "127.0.0.1";
}

static bool take_map(route_node *node, const seg_reply *reply)
{
	seg_route *r = node->route;
	if (!seg_route_map_take(&r->map, reply, host_of(node)))
		return false;
	r->map_wanted = false;
	return true;
}

/* Part of preparing a connection. A server that is no cluster's node answers with an error. */
static void take_slots(void *arg, const seg_reply *reply)
{
	route_node *node = arg;
	if (take_map(node, reply))
		node->route->cluster = true;
}

static bool take_error(void *arg, const seg_reply *error, const seg_waiting_command *command,
		       const char *bytes);

static seg_connection *connect_node(seg_route *r, route_node *node)
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
	route_node *node = node_at(r, number);
	if (!node || node->connection)
		return node ? node->connection : NULL;
	return connect_node(r, node);
}

static void close_node(route_node *node)
{
	/* The connection first: the bell may wait for one of its answers. */
	seg_connection_destroy(node->connection);
	node->connection = NULL;
	seg_bell_destroy(node->bell);
	node->bell = NULL;
	node->up = false;
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
	for (uint32_t n = 0; n < r->count; n++) {
		if (r->nodes[n])
			close_node(r->nodes[n]);
		free(r->nodes[n]);
	}
	free(r->nodes);
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
	(void)seg_route_map_moved(&r->map, &place, endpoint->host);
}

unsigned seg_route_changes(const seg_route *r)
{
	return r->map.changes;
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

/* The first node with an error that is needed; else the server of the address. */
static const seg_connection *troubled(const seg_route *r)
{
	for (seg_node n = seg_route_next(r, 0); n > 0; n = seg_route_next(r, n)) {
		const route_node *node = known_node(r, n);
		if (node && node->connection && !seg_connection_ready(node->connection) &&
		    seg_connection_error(node->connection)->status)
			return node->connection;
	}
	return r->nodes[0]->connection;
}

const seg_error *seg_route_error(const seg_route *r)
{
	static const seg_error none;
	const seg_connection *connection = troubled(r);
	return connection ? seg_connection_error(connection) : &none;
}

bool seg_route_is_refused(const seg_route *r)
{
	const seg_connection *connection = troubled(r);
	return connection && seg_connection_is_refused(connection);
}

bool seg_route_login_is_lost(const seg_route *r, int64_t now)
{
	const seg_connection *connection = troubled(r);
	return connection && seg_connection_login_is_lost(connection, now);
}

/* --- commands ------------------------------------------------------------------------------ */

/* A node for a command without a key: one that is ready, else the address's server. */
static seg_node any_node(const seg_route *r)
{
	for (seg_node n = seg_route_next(r, 0); n > 0; n = seg_route_next(r, n))
		if (is_up(r, n))
			return n;
	return r->cluster ? seg_route_next(r, 0) : 0;
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

static bool follow(route_node *from, seg_redirection_kind kind, const seg_slot_range *to,
		   const seg_waiting_command *command, const char *bytes)
{
	seg_route *r = from->route;
	uint32_t number = kind == SEG_REDIRECT_MOVED ? seg_route_map_moved(&r->map, to, host_of(from))
						     : seg_route_map_find(&r->map, to, host_of(from));
	if (kind == SEG_REDIRECT_ASK)
		note_ask(r, to->first);
	want_map(r);
	r->map_from = from->number;
	if (number == 0 || number == from->number || !bytes || command->hops >= HOPS_MOST)
		return false;
	seg_connection *connection = seg_route_node_connection(r, number);
	return connection && seg_connection_again(connection, command, bytes, kind == SEG_REDIRECT_ASK);
}

static bool take_error(void *arg, const seg_reply *error, const seg_waiting_command *command,
		       const char *bytes)
{
	route_node *node = arg;
	seg_slot_range to;
	seg_redirection_kind kind = seg_redirection_read(error, &to);
	if (kind != SEG_REDIRECT_NOT)
		return follow(node, kind, &to, command, bytes);
	if (node->route->cluster && strncmp(error->text, "CLUSTERDOWN", 11) == 0)
		want_map(node->route);
	return false;
}

/* --- the map ------------------------------------------------------------------------------------ */

static void got_map(void *arg, const seg_reply *reply)
{
	route_node *node = arg;
	if (reply && node->connection)
		(void)take_map(node, reply);
}

/* A node that has slots cannot be reached: the map may have changed. */
static bool lacks_node(const seg_route *r)
{
	for (seg_node n = seg_route_next(r, 0); n > 0; n = seg_route_next(r, n)) {
		const route_node *node = known_node(r, n);
		if (node && node->connection && !seg_connection_ready(node->connection) &&
		    seg_connection_error(node->connection)->status)
			return true;
	}
	return false;
}

/*
 * The node to ask for the map: the one that has redirected a command, because others may not know yet; else one after
 * the other, because one may hang. 0: none is ready.
 */
static seg_node map_source(seg_route *r)
{
	seg_node said = r->map_from;
	r->map_from = 0;
	if (said > 0 && is_up(r, said))
		return said;
	for (uint32_t i = 1; i < r->count; i++) {
		seg_node n = 1 + (r->map_asked + i - 1) % (r->count - 1);
		if (is_up(r, n))
			return n;
	}
	return 0;
}

/* Asks a node for the map; where none is ready, the address's servers. */
static void ask_for_map(seg_route *r, int64_t now)
{
	if (!r->cluster || now < r->map_at || (!r->map_wanted && !lacks_node(r)))
		return;
	r->map_at = now + MAP_PAUSE;
	seg_node source = map_source(r);
	if (source == 0) {
		seg_route_node_connection(r, 0);
		return;
	}
	r->map_asked = source;
	seg_connection *connection = r->nodes[source]->connection;
	seg_connection_words(connection, got_map, r->nodes[source], "CLUSTER", "SLOTS", (char *)NULL);
	seg_connection_flush(connection);
}

/* The connection to the address ends once the nodes are known, and those of nodes that have lost their slots. */
static void close_unneeded(seg_route *r)
{
	for (seg_node n = 0; n < r->count && r->cluster; n++) {
		route_node *node = r->nodes[n];
		if (!node || !node->connection || seg_connection_waiting(node->connection) > 0)
			continue;
		bool needed =
			n == 0 ? !seg_connection_ready(node->connection) : r->map.nodes[n - 1]->has_slots;
		if (!needed)
			close_node(node);
	}
}

/* --- bells --------------------------------------------------------------------------------------- */

static void ring(void *arg, const char *key, size_t length)
{
	const route_node *node = arg;
	const seg_route_hooks *hooks = &node->route->hooks;
	if (hooks->ring)
		hooks->ring(hooks->arg, node->number, key, length);
}

seg_bell_state seg_route_bell(seg_route *r, uint16_t slot)
{
	seg_node number = seg_route_node(r, slot);
	bool elsewhere = r->elsewhere_until && seg_now() < r->elsewhere_until[slot];
	if (!seg_route_ready_for(r, slot) || elsewhere)
		return SEG_BELL_DUE;
	route_node *node = r->nodes[number];
	if (!node->bell) {
		seg_connection_options options = r->options;
		if (number > 0)
			options.endpoint = &r->map.nodes[number - 1]->endpoint;
		node->bell = seg_bell_create(&options, node->connection, ring, node);
	}
	return node->bell ? seg_bell_look(node->bell) : SEG_BELL_DUE;
}

/* --- the event loop -------------------------------------------------------------------------------- */

void seg_route_break(seg_route *r, int status, const char *format, ...)
{
	char text[SEG_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (uint32_t n = 0; n < r->count; n++) {
		const route_node *node = r->nodes[n];
		if (node && node->connection && (!r->cluster || seg_connection_waiting(node->connection) > 0))
			seg_connection_break(node->connection, status, "%s", text);
	}
}

size_t seg_route_unsent(const seg_route *r)
{
	size_t unsent = 0;
	for (uint32_t n = 0; n < r->count; n++)
		if (r->nodes[n] && r->nodes[n]->connection)
			unsent += seg_connection_unsent(r->nodes[n]->connection);
	return unsent;
}

seg_poll_set *seg_route_waiting_set(seg_route *r)
{
	return &r->waiting;
}

void seg_route_poll(seg_route *r, seg_poll_set *set)
{
	r->set = set;
	for (uint32_t n = 0; n < r->count; n++) {
		route_node *node = r->nodes[n];
		struct pollfd wanted = {.fd = -1};
		if (node && node->connection)
			wanted = seg_connection_polled(node->connection);
		if (node)
			node->place = seg_poll_set_add(set, wanted.fd, wanted.events);
		if (node && node->bell)
			seg_bell_poll(node->bell, set);
	}
}

static int64_t tick_node(seg_route *r, route_node *node, int64_t now, bool polled)
{
	if (!node->connection)
		return SEG_NEVER;
	bool readable = polled && r->set && seg_poll_set_found(r->set, node->place);
	int64_t next = seg_connection_tick(node->connection, now, readable);
	if (node->bell) {
		int64_t bell = seg_bell_tick(node->bell, now, polled);
		/* Turning it on is a command on this connection. */
		seg_connection_flush(node->connection);
		next = bell < next ? bell : next;
	}
	return next;
}

int64_t seg_route_tick(seg_route *r, int64_t now, bool polled)
{
	int64_t next = SEG_NEVER;
	for (uint32_t n = 0; n < r->count; n++) {
		int64_t timer = r->nodes[n] ? tick_node(r, r->nodes[n], now, polled) : SEG_NEVER;
		next = timer < next ? timer : next;
	}
	if (!r->cluster)
		return next;
	ask_for_map(r, now);
	close_unneeded(r);
	bool due = r->map_wanted || lacks_node(r);
	return due && r->map_at < next ? r->map_at : next;
}

#include "redis/route_map.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void seg_route_map_fini(seg_route_map *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		free(map->nodes[i]->endpoint.host);
		free(map->nodes[i]);
	}
	free(map->nodes);
	free(map->owners);
	*map = (seg_route_map){0};
}

static bool has_room(seg_route_map *map)
{
	if (map->count < map->room)
		return true;
	uint32_t room = map->room ? map->room * 2 : 8;
	seg_map_node **larger = realloc(map->nodes, room * sizeof(*larger));
	if (!larger)
		return false;
	map->nodes = larger;
	map->room = room;
	return true;
}

static uint32_t add(seg_route_map *map, const char *host, uint16_t port)
{
	seg_map_node *node = has_room(map) ? calloc(1, sizeof(*node)) : NULL;
	if (!node)
		return 0;
	node->endpoint.host = strdup(host);
	node->endpoint.port = port;
	if (!node->endpoint.host) {
		free(node);
		return 0;
	}
	seg_endpoint_print(&node->endpoint, node->text, sizeof(node->text));
	map->nodes[map->count++] = node;
	return map->count;
}

uint32_t seg_route_map_find(seg_route_map *map, const seg_slot_range *place, const char *asked)
{
	const char *host = place->host[0] ? place->host : asked;
	for (uint32_t i = 0; i < map->count; i++) {
		const seg_endpoint *endpoint = &map->nodes[i]->endpoint;
		if (endpoint->port == place->port && strcasecmp(endpoint->host, host) == 0)
			return i + 1;
	}
	return add(map, host, place->port);
}

static void assign(seg_route_map *map, uint32_t *owners, const seg_slot_range *range, uint32_t node)
{
	map->nodes[node - 1]->has_slots = true;
	for (unsigned slot = range->first; slot <= range->last; slot++)
		owners[slot] = node;
}

bool seg_route_map_take(seg_route_map *map, const seg_reply *slots, const char *asked)
{
	size_t count = slots && slots->type == SEG_REPLY_ARRAY ? slots->count : 0;
	uint32_t *owners = count > 0 ? calloc(SEG_SLOT_COUNT, sizeof(*owners)) : NULL;
	if (!owners)
		return false;
	for (uint32_t i = 0; i < map->count; i++)
		map->nodes[i]->has_slots = false;
	for (size_t i = 0; i < count; i++) {
		seg_slot_range range;
		uint32_t node =
			seg_slot_range_read(slots, i, &range) ? seg_route_map_find(map, &range, asked) : 0;
		if (node > 0)
			assign(map, owners, &range, node);
	}
	if (!map->owners || memcmp(owners, map->owners, SEG_SLOT_COUNT * sizeof(*owners)) != 0)
		map->changes++;
	free(map->owners);
	map->owners = owners;
	map->whole = true;
	return true;
}

uint32_t seg_route_map_moved(seg_route_map *map, const seg_slot_range *to, const char *asked)
{
	uint32_t node = seg_route_map_find(map, to, asked);
	if (node > 0 && map->owners && map->owners[to->first] != node) {
		assign(map, map->owners, to, node);
		map->changes++;
		map->whole = false;
	}
	return node;
}

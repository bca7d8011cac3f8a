/*
 * route_map.h - the nodes of a cluster, and which of them has each slot. No I/O. One thread.
 */
#ifndef SEG_REDIS_ROUTE_MAP_H
#define SEG_REDIS_ROUTE_MAP_H

#include "redis/address.h"
#include "redis/slot.h"

typedef struct seg_map_node {
	seg_endpoint endpoint; /* owned */
	bool has_slots;
	char text[SEG_NODE_TEXT_MAX]; /* "host:port" */
} seg_map_node;

typedef struct seg_route_map {
	seg_map_node **nodes; /* number n at n - 1; a node keeps its place */
	uint32_t count, room;
	uint32_t *owners; /* of each slot: the node's number, or 0; NULL until the first map */
	unsigned changes; /* rises whenever a slot gets another node */
	bool whole;       /* no slot has moved since the newest answer to CLUSTER SLOTS */
} seg_route_map;

void seg_route_map_fini(seg_route_map *map);

/* Takes an answer to CLUSTER SLOTS. asked: the host that was asked. False if it is none, or out of memory. */
bool seg_route_map_take(seg_route_map *map, const seg_reply *slots, const char *asked);

/* One slot has moved: returns the number of the node that has it now; 0 if out of memory. */
uint32_t seg_route_map_moved(seg_route_map *map, const seg_slot_range *to, const char *asked);

/* The number of the node that listens there, which may be new; 0 if out of memory. */
uint32_t seg_route_map_find(seg_route_map *map, const seg_slot_range *place, const char *asked);

#endif

/*
 * load.h - a producer that never stops: it sends bursts of records of many keys, and notes the fate of each.
 * Has a thread.
 */
#ifndef CHAOS_LOAD_H
#define CHAOS_LOAD_H

#include "chaos/servers.h"

typedef struct chaos_load chaos_load;

/*
 * Registers the stream "chaos", each partition of which holds so many messages. at_once: records do not linger. On failure it
 * returns NULL and prints a message.
 */
chaos_load *chaos_load_open(const chaos_servers *servers, uint32_t partitions, uint64_t partition_size,
			    bool at_once);

/* Begins to send `burst` records every pause_ms. Ends the program on failure. */
void chaos_load_begin(chaos_load *load, int burst, int pause_ms);

/*
 * Stops sending, waits until the fate of every record is known, and adds the records to the history. NULL is
 * allowed. Returns 1, with a message, if the producer gave up any record: Redis is never away for that long. With
 * ack_replicas, a record may be given up because too few replicas confirmed it; the number is printed.
 */
int chaos_load_stop(chaos_load *load, chaos_history *history);

#endif

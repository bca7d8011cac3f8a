/*
 * master.h - where the master is, as the Sentinels say. A sentinel.h finds it on a thread of its own; the
 * connections of all threads look it up here.
 *
 * Each master that differs from the one before raises the generation. A connection whose generation is no longer the
 * current one leads to a server that is the master no more. Any thread.
 */
#ifndef SEG_REDIS_MASTER_H
#define SEG_REDIS_MASTER_H

#include <stdbool.h>

#include "redis/address.h"

typedef struct seg_master seg_master;

/* Nothing is known. 0; or a status and an error, if the system refuses memory or a descriptor. */
int seg_master_create(seg_master **master, seg_error *error);

/* No other call is under way, and none follows. NULL is allowed. */
void seg_master_destroy(seg_master *master);

/* --- for connections --- */

/*
 * 1: stores a copy of where it is, whose host the caller frees, and its generation. 0: not known yet. Else a status
 * and an error: the Sentinels do not say; or SEG_ENOMEM.
 */
int seg_master_look(seg_master *master, seg_endpoint *endpoint, unsigned *generation, seg_error *error);

/* 0 until a master is known. */
unsigned seg_master_generation(const seg_master *master);

/* The server of this generation is away, or no master: the Sentinels are asked again. */
void seg_master_doubt(seg_master *master, unsigned generation);

/* --- for the one that asks the Sentinels --- */

/* Whether it differs from the one before. False, too, if out of memory. */
bool seg_master_found(seg_master *master, const char *host, uint16_t port);

/* No Sentinel says where it is. The one before stays, if there is one. */
void seg_master_missing(seg_master *master, const seg_error *why);

/* A descriptor that is readable while there is a doubt. */
int seg_master_doubt_fd(const seg_master *master);

/* Whether there is a doubt; takes it away. */
bool seg_master_take_doubt(seg_master *master);

#endif

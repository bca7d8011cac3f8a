/*
 * loss.h - what Redis has at the moment when a fault deletes it. Main thread only.
 *
 * While writes are stopped, nobody adds, commits or trims: what the history gets of a log then is what is lost with it.
 */
#ifndef CHAOS_LOSS_H
#define CHAOS_LOSS_H

#include "chaos/faults.h"

/* From now on Redis executes no write, except by chaos_loss_execute, which lets all go on. Returns the time; 0 on failure. */
int64_t chaos_loss_stop_writes(chaos_world *world);

/* Lets writes go on and sends a command, so that Redis executes no other in between. */
void chaos_loss_execute(chaos_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a log that is about to be deleted to the history, with all that it has. leases: see chaos_loss. */
void chaos_loss_note(chaos_world *world, uint32_t partition, int64_t time, bool leases);

/* Whether Redis knows the group in each partition. */
bool chaos_loss_is_made_good(chaos_world *world);

#endif

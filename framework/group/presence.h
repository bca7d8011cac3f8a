/*
 * presence.h - notices that a group has vanished with its log while its owner has nothing to commit (lua/presence.lua). I/O thread.
 *
 * An owner waits for ids above its position. In a log that was deleted and made anew, while the clock of Redis is behind, the
 * messages have ids below it: they would never come. A commit notices that by itself.
 */
#ifndef SEG_GROUP_PRESENCE_H
#define SEG_GROUP_PRESENCE_H

#include "group/state.h"

/* Asks Redis if it is time. Returns when it must be called again (seg_now()), or SEG_NEVER. */
int64_t seg_presence_step(seg_partition *partition, int64_t now);

#endif

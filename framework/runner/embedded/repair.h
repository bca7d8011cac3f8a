/*
 * repair.h - repairs the append-only file of the embedded Redis after a crash. One thread.
 *
 * A Redis that was killed while it wrote a transaction leaves the beginning of that transaction in the file. Redis 7.0 cuts
 * the file off within the transaction and appends to it. At its next start it takes the beginning and what follows for one
 * transaction. So messages that no producer got an answer for, and that were sent again, are there twice. redis-check-aof
 * cuts the file off before the transaction.
 */
#ifndef SEG_EMBEDDED_REPAIR_H
#define SEG_EMBEDDED_REPAIR_H

#include <segmenter/segmenter.h>

/*
 * Cuts off an incomplete end of the append-only file in `directory`, if there is one. Leaves any other damage as it is:
 * Redis refuses such a file, and a person decides what to throw away. No server must be using the file. Should this process
 * end meanwhile, redis-check-aof keeps the lock of the descriptor start_lock until it has ended, too. Blocks as long as
 * redis-check-aof takes to read the file. 0; SEG_ESERVER if redis-check-aof is not installed; SEG_ESYSTEM.
 */
int seg_embedded_repair(const char *directory, int start_lock, seg_error *error);

#endif

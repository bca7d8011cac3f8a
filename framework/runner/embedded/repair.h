/*
 * repair.h - the append-only file of the embedded Redis after a crash.
 *
 * A Redis that was killed while it wrote a transaction leaves its beginning in the file. Redis 7.0 cuts it off within the
 * transaction, goes on behind that, and at the start after the next takes both for one: what was never answered for, and was sent
 * again, is there twice. redis-check-aof cuts it off before the transaction.
 */
#ifndef SEG_EMBEDDED_REPAIR_H
#define SEG_EMBEDDED_REPAIR_H

#include <segmenter/segmenter.h>

/*
 * Cuts off what is incomplete at the end of the file in `directory`, if there is one. Any other damage is left as it is:
 * Redis will refuse the file, and nothing is thrown away that somebody may still want. No server must be using it. 0;
 * SEG_ESERVER if redis-check-aof is not installed; SEG_ESYSTEM.
 */
int seg_embedded_repair(const char *directory, seg_error *error);

#endif

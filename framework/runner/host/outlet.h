/*
 * outlet.h - lines to a file, a pipe, a socket or a terminal, without ever waiting for a reader.
 *
 * Where the reader of a pipe stands still, lines wait in memory, up to SEG_OUTLET_BACKLOG bytes; a line beyond that is refused.
 * Waiting lines are written by the next seg_outlet_write or seg_outlet_flush. A regular file is written
 * at once: the system takes its bytes into memory, and a full disk is an error, not a wait.
 */
#ifndef SEG_HOST_OUTLET_H
#define SEG_HOST_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A few thousand lines: minutes of a healthy runner, and too little to matter beside the messages in memory. */
enum { SEG_OUTLET_BACKLOG = 256 * 1024 };

typedef struct seg_outlet seg_outlet;

/* Writes to fd, which the caller owns; it may be replaced under its number (dup3). NULL: out of memory. */
seg_outlet *seg_outlet_create(int fd);

/* Writes, or keeps, one line. False: it can do neither. Any thread. Does not change errno. */
bool seg_outlet_write(seg_outlet *outlet, const char *line, size_t length);

/* Writes what waits, as far as the reader takes it. How many bytes still wait. Any thread. */
size_t seg_outlet_flush(seg_outlet *outlet);

/*
 * Writes what waits and then one line, which it does not keep. False: the line was not written whole. Any thread, and a signal handler, which may have interrupted a thread that writes: then what waits stays, and the line
 * follows on the bytes of that thread.
 */
bool seg_outlet_write_now(seg_outlet *outlet, const char *line, size_t length);

/* The file under fd is another one now. Any thread. */
void seg_outlet_look_again(seg_outlet *outlet);

/* How many lines were kept and then dropped, because the reader went away. Any thread. */
uint64_t seg_outlet_dropped(const seg_outlet *outlet);

/* Lets go of what waits; leaves fd open. No thread may be writing any more. NULL is allowed. */
void seg_outlet_destroy(seg_outlet *outlet);

#endif

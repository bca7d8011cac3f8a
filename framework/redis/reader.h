/*
 * reader.h - the bytes that came over a connection, in pieces of any size, and the replies that they are: entries (entries.h) where a
 * sink takes them, and trees (tree.h). One thread.
 */
#ifndef SEG_REDIS_READER_H
#define SEG_REDIS_READER_H

#include "redis/entries.h"
#include "redis/reply.h"
#include "redis/tree.h"

/*
 * Bytes of a long reply that a reader keeps room for when they have been read. Room for a text of 1 MiB grows to 2 MiB; to give that back
 * after each such text costs twice what reading it does, in page faults.
 */
#define SEG_READER_KEEP ((size_t)4 * 1024 * 1024)

typedef enum seg_reader_part { SEG_READER_NONE, SEG_READER_TREE, SEG_READER_ENTRIES } seg_reader_part;

typedef struct seg_reader {
	char *bytes; /* from `begin` to `end` they have not been read */
	size_t begin, end, capacity;
	seg_reader_part part; /* what the reply is of which a part has been read */
	seg_tree tree;
	seg_entries entries;
} seg_reader;

/* False if out of memory; seg_reader_fini is then still needed. */
bool seg_reader_init(seg_reader *reader);
void seg_reader_fini(seg_reader *reader);

/* Drops all bytes, for a new connection. False if out of memory. */
bool seg_reader_restart(seg_reader *reader);

/*
 * Where the next bytes that come are to be written, at most `size` of them; seg_reader_came then says how many did. The room is
 * valid until the next call of another function. NULL if out of memory.
 */
char *seg_reader_room(seg_reader *reader, size_t size);
void seg_reader_came(seg_reader *reader, size_t length);

/*
 * Reads the next reply. 1 and the reply, valid until seg_reader_release; 0 if it is not complete yet; -1 if
 * the bytes are not a reply. sink: receives the entries, NULL for a tree; pass the same one until the reply
 * is complete.
 */
int seg_reader_next(seg_reader *reader, seg_entry_sink *sink, const seg_reply **reply);
void seg_reader_release(seg_reader *reader);

/* The reason, after -1; NULL: there was no memory for the reply. */
const char *seg_reader_error(const seg_reader *reader);

#endif

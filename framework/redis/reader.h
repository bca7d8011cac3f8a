/*
 * reader.h - hiredis's parser with our object functions (reader.c). One thread.
 */
#ifndef SEG_REDIS_READER_H
#define SEG_REDIS_READER_H

#include "base/arena.h"
#include "redis/reply.h"

struct redisReader;

/* Bytes of tree memory that a reader keeps between replies. */
#define SEG_READER_KEEP ((size_t)64 * 1024)

/*
 * The longest array in a tree; a longer one breaks the connection. No command of ours is answered with a
 * longer one.
 */
#define SEG_REPLY_ELEMENTS_MAX ((size_t)1 << 20)

typedef struct seg_reader {
	struct redisReader *parser;
	seg_arena arena;      /* of the tree being read */
	seg_entry_sink *sink; /* of the entries being read, or NULL */
	char id[64];          /* of the entry being read */
	size_t id_length;
	size_t left_out;    /* the length of the text that is being left out; 0: none */
	size_t skip;        /* bytes of it that have not come yet */
	bool out_of_memory; /* why the newest reply could not be read */
} seg_reader;

/* False if out of memory. */
bool seg_reader_init(seg_reader *reader);
void seg_reader_fini(seg_reader *reader);

/* Drops all fed bytes, for a new connection. False if out of memory. */
bool seg_reader_restart(seg_reader *reader);

/* Feeds bytes in the order in which they came; they are copied. False if out of memory. */
bool seg_reader_feed(seg_reader *reader, const char *bytes, size_t length);

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

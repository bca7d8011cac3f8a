/*
 * reader.h - hiredis's parser with our object functions (reply.c). One thread.
 */
#ifndef SEG_REDIS_READER_H
#define SEG_REDIS_READER_H

#include "base/arena.h"
#include "redis/reply.h"

struct redisReader;

/* Memory for trees that a reader keeps between replies. */
#define SEG_READER_KEEP ((size_t)64 * 1024)

/* The longest array taken as a tree: 1,024 partitions of three elements fit a hundred times over. */
#define SEG_REPLY_ELEMENTS_MAX ((size_t)1 << 20)

typedef struct seg_reader {
	struct redisReader *parser;
	seg_arena arena;      /* of the tree being read */
	seg_entry_sink *sink; /* of the entries being read, or NULL */
	char id[64];          /* of the entry being read */
	size_t id_length;
} seg_reader;

/* False if out of memory. */
bool seg_reader_init(seg_reader *reader);
void seg_reader_fini(seg_reader *reader);

/* Forgets what was fed, for a new connection. False if out of memory. */
bool seg_reader_restart(seg_reader *reader);

/* Takes bytes as they came (copied). False if out of memory. */
bool seg_reader_feed(seg_reader *reader, const char *bytes, size_t length);

/*
 * The next whole reply: 1 and the reply, valid until seg_reader_release; 0 if it is not whole yet; -1 if it is
 * no reply at all. sink: where entries go, or NULL for a tree; the same at each call until a reply is whole.
 */
int seg_reader_next(seg_reader *reader, seg_entry_sink *sink, const seg_reply **reply);
void seg_reader_release(seg_reader *reader);

/* What was wrong, after -1. */
const char *seg_reader_error(const seg_reader *reader);

#endif

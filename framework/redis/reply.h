/*
 * reply.h - replies of Redis, parsed by hiredis straight into memory of ours.
 *
 * hiredis lets a reader be created with one's own object functions. Ours know two ways:
 * - a tree of seg_reply in an arena that is reset after each reply: for scripts and the like;
 * - entries, for XREAD: each entry is given, field by field, to a seg_entry_sink, which
 *   writes it where the handler will read it. Nothing is allocated per message.
 *
 * A reader belongs to one connection and so to one thread.
 */
#ifndef SEG_REDIS_REPLY_H
#define SEG_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

typedef enum seg_reply_type {
	SEG_REPLY_NIL,
	SEG_REPLY_TEXT, /* a bulk string or a status */
	SEG_REPLY_ERROR,
	SEG_REPLY_INTEGER,
	SEG_REPLY_ARRAY
} seg_reply_type;

/* Lives until the callback that got it returns. text is NUL-terminated and may hold NULs. */
typedef struct seg_reply {
	seg_reply_type type;
	int64_t integer;
	const char *text;
	size_t length; /* of text */
	struct seg_reply **elements;
	size_t count; /* of elements */
} seg_reply;

/* Gets the answer to a command. reply is NULL if the connection was lost before the answer. */
typedef void (*seg_reply_fn)(void *arg, const seg_reply *reply);

/* Whether it is text (or a status) of exactly these characters; false for NULL. */
bool seg_reply_is(const seg_reply *reply, const char *text);

/* Element i of an array, or NULL. */
const seg_reply *seg_reply_at(const seg_reply *reply, size_t i);

/* Its number, also if it is written as text; `otherwise` if it is none. */
int64_t seg_reply_number(const seg_reply *reply, int64_t otherwise);

/* Reads an id that is written as text, "ms-seq" or "ms"; false, with *id unchanged, if it is anything else or NULL. */
bool seg_reply_id(const seg_reply *reply, seg_id *id);

/*
 * The status that an error reply stands for: SEG_EAUTH (a login or a right is missing) or SEG_ESERVER; SEG_EPROTOCOL if
 * the reply is no error.
 */
int seg_reply_status(const seg_reply *reply);

/*
 * Whether the same command may succeed later, nothing having been done now: NOSCRIPT, LOADING, BUSY, OOM,
 * MISCONF, READONLY, TRYAGAIN, CLUSTERDOWN, MASTERDOWN, NOREPLICAS.
 */
bool seg_reply_is_transient(const seg_reply *reply);

/*
 * Gets the entries of an XREAD reply as they are parsed. A function that returns false (out of
 * memory) breaks the connection; so does a reply of another shape.
 */
typedef struct seg_entry_sink {
	/* The entries that follow are of the stream of that key. */
	bool (*stream)(struct seg_entry_sink *sink, const char *key, size_t length);
	/* A new entry, with its id's text and how many fields and values follow, -1 for nil. */
	bool (*entry)(struct seg_entry_sink *sink, const char *id, size_t length, int64_t texts);
	/* Its next field's name (odd calls) or value (even calls), to be copied. */
	bool (*text)(struct seg_entry_sink *sink, const char *text, size_t length);
} seg_entry_sink;

#endif

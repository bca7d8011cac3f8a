/*
 * reply.h - Redis's replies.
 *
 * A reader (reader.h) makes one of two things of each:
 * - a tree of seg_reply, in an arena that is reset after each reply (tree.h);
 * - for XREAD, entries: each one goes, field by field, to a seg_entry_sink, which writes it where the handler reads it.
 *   Nothing is allocated per message (entries.h).
 *
 * A server may answer with any type. The functions below check it, and accept NULL; check `type` before you
 * read a member. Pure; any thread.
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

/* Valid until the callback that received it returns. */
typedef struct seg_reply {
	seg_reply_type type;
	int64_t integer;  /* of SEG_REPLY_INTEGER */
	const char *text; /* of SEG_REPLY_TEXT and _ERROR, else NULL; NUL-terminated, and can contain NULs */
	size_t length;    /* of text */
	struct seg_reply **elements; /* of SEG_REPLY_ARRAY */
	size_t count;                /* of elements, else 0 */
} seg_reply;

/* Gets the answer to a command. reply is NULL if the connection was lost before the answer. */
typedef void (*seg_reply_fn)(void *arg, const seg_reply *reply);

/* Whether it is a text (or a status) of exactly these characters. */
bool seg_reply_is(const seg_reply *reply, const char *text);

/* Element i of an array; NULL if the reply is not an array or is shorter. */
const seg_reply *seg_reply_at(const seg_reply *reply, size_t i);

/* The value of an integer, or of a text that is one; else `otherwise`. */
int64_t seg_reply_number(const seg_reply *reply, int64_t otherwise);

/*
 * Reads an id that is written as text, "ms-seq" or "ms"; false, with *id unchanged, if it is anything else or
 * NULL.
 */
bool seg_reply_id(const seg_reply *reply, seg_id *id);

/*
 * The status that an error reply stands for: SEG_EAUTH (a login or a right is missing) or SEG_ESERVER;
 * SEG_EPROTOCOL if the reply is no error.
 */
int seg_reply_status(const seg_reply *reply);

/*
 * Whether it is an error after which Redis has done nothing, and the same command may succeed later:
 * NOSCRIPT, LOADING, BUSY, OOM, MISCONF, READONLY, TRYAGAIN, CLUSTERDOWN, MASTERDOWN, NOREPLICAS, REDIRECT,
 * UNBLOCKED, MOVED, ASK, and a replica's answer to WAIT.
 */
bool seg_reply_is_transient(const seg_reply *reply);

/*
 * Whether it is an error by which a server tells that it is the master no more: READONLY, MASTERDOWN, REDIRECT,
 * UNBLOCKED, and a replica's answer to WAIT.
 */
bool seg_reply_is_of_no_master(const seg_reply *reply);

/*
 * Receives the entries of an XREAD reply while it is parsed. Texts are valid during the call. A function that
 * returns false (out of memory) breaks the connection; so does an array of another shape.
 */
typedef struct seg_entry_sink {
	/* The entries that follow belong to the stream with this key. */
	bool (*stream)(struct seg_entry_sink *sink, const char *key, size_t length);
	/*
	 * A new entry: its id as text, and how many field names and values follow; -1 if it was deleted
	 * meanwhile.
	 */
	bool (*entry)(struct seg_entry_sink *sink, const char *id, size_t length, int64_t texts);
	/*
	 * The entry's next text: field names (1st, 3rd, ... call) and values (2nd, 4th, ...) alternate. NULL: the text is longer
	 * than text_max. Its bytes are skipped as they come in, and take no memory.
	 */
	bool (*text)(struct seg_entry_sink *sink, const char *text, size_t length);
	size_t text_max; /* 0: no limit */
} seg_entry_sink;

#endif

/*
 * parser.h - turns the entries of an XREAD reply into messages. Does no I/O. Only the I/O thread uses it.
 *
 * A parser writes into one seg_fetched at a time, while the reply comes in. If the reply breaks, the caller must throw away what
 * the parser wrote (seg_fetched_reset).
 */
#ifndef SEG_PARTITION_PARSER_H
#define SEG_PARTITION_PARSER_H

#include "partition/fetched.h"

typedef struct seg_parser_limits {
	size_t entries; /* the most that the read asked for: a reply with more is refused */
	size_t bytes; /* an entry after so many bytes, and all that follow, are ignored: the next read gets them */
} seg_parser_limits;

typedef struct seg_parser {
	seg_fetched *target;
	seg_id handled; /* of an entry that holds several messages, those up to this id are left out */
	seg_parser_limits limits;
	bool full; /* the rest of the reply is ignored, because the target holds as many bytes as it may */

	/* The entry that is being read. */
	seg_header *headers;
	size_t header_room;
	int field;       /* what the next text is: a name, or the value of which field */
	bool open;       /* an entry is being read */
	bool packed;     /* the entry was packed, and all its messages are in the target */
	size_t left_out; /* messages of the entry that were left out */
} seg_parser;

/* Begins a read into `target`, which must be empty and live until seg_parser_finish. */
void seg_parser_begin(seg_parser *parser, seg_fetched *target, seg_id handled,
		      const seg_parser_limits *limits);

/*
 * The functions of a seg_entry_sink. False: out of memory, more entries than asked for, or ids that do not rise. Then the caller must not
 * use the reply.
 */
bool seg_parser_entry(seg_parser *parser, const char *id, size_t length, int64_t texts);
bool seg_parser_text(seg_parser *parser, const char *text, size_t length);

/* Closes the newest entry. Call it after the last text of a reply. */
void seg_parser_finish(seg_parser *parser);

#endif

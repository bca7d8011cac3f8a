/*
 * parser.h - the entries of an XREAD reply become messages. No I/O; the I/O thread's.
 *
 * A parser writes into one seg_fetched at a time, as the reply comes in. What it has written of a broken reply must be
 * thrown away (seg_fetched_reset).
 */
#ifndef SEG_PARTITION_PARSER_H
#define SEG_PARTITION_PARSER_H

#include "partition/fetched.h"

typedef struct seg_parser {
	seg_fetched *target;
	seg_id handled; /* messages up to there, of an entry that has several, are left out */

	/* Of the entry being read: */
	seg_header *headers;
	size_t header_room;
	int field; /* what the next text is */
	bool open;
	bool packed;     /* its messages are all there */
	size_t left_out; /* of its messages */
} seg_parser;

/* Begins to read into an empty `target`, which must live until seg_parser_finish. */
void seg_parser_begin(seg_parser *parser, seg_fetched *target, seg_id handled);

/*
 * As seg_entry_sink has them. False: out of memory, full, or ids that do not rise; then the reply is not to be trusted.
 */
bool seg_parser_entry(seg_parser *parser, const char *id, size_t length, int64_t texts);
bool seg_parser_text(seg_parser *parser, const char *text, size_t length);

/* After the last text of a reply: closes the newest entry. */
void seg_parser_finish(seg_parser *parser);

#endif

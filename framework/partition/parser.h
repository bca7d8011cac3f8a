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
	size_t entry;      /* the most bytes that one entry may need; 0: no limit */
	seg_fault verdict; /* of each entry, which is then not read; SEG_FAULT_NONE: what is in it decides */
	bool last_try;     /* the first entry is faulty if there is no memory for it */
} seg_parser_limits;

typedef struct seg_parser {
	seg_fetched *target;
	seg_id handled; /* of an entry that holds several messages, those up to this id are left out */
	seg_parser_limits limits;
	bool full;    /* the rest of the reply is ignored, because the target holds as many bytes as it may */
	bool starved; /* the rest is ignored, and so is the newest entry, because there was no memory for it */
	size_t tables; /* bytes of the structs that packed entries have made */
	seg_id before; /* the entry before the newest one; {0,0}: none */

	/* The entry that is being read. */
	seg_header *headers;
	size_t header_room;
	int field;           /* what the next text is: a name, or the value of which field */
	seg_packing packing; /* of FIELD_PACKED */
	bool open;           /* an entry is being read */
	bool packed;         /* the entry was packed, and all its messages are in the target */
	bool given_up;       /* the entry is faulty; the rest of it is ignored */
	size_t first;        /* the index of the entry's first message */
	size_t bytes_before; /* target->bytes before the entry */
	size_t needed;       /* bytes that the entry has needed so far */
	size_t left_out;     /* messages of the entry that were left out */
} seg_parser;

/* Begins a read into `target`, which must be empty and live until seg_parser_finish. */
void seg_parser_begin(seg_parser *parser, seg_fetched *target, seg_id handled,
		      const seg_parser_limits *limits);

/*
 * The functions of a seg_entry_sink. False: more entries than asked for, or ids that do not rise. Then the caller must not use the
 * reply. A text of NULL was left out by the reader, because it is too long or there was no memory for it.
 *
 * Without memory for an entry, the parser keeps the entries before it: the next read begins with that entry (starved).
 */
bool seg_parser_entry(seg_parser *parser, const char *id, size_t length, int64_t texts);
bool seg_parser_text(seg_parser *parser, const char *text, size_t length);

/* Closes the newest entry. Call it after the last text of a reply. After `starved`, drops it. */
void seg_parser_finish(seg_parser *parser);

#endif

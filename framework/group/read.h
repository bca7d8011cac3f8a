/*
 * read.h - the read of one partition's log: its entries become messages in the ledger. I/O thread.
 *
 * fetch.c and blocking_read.c issue the commands and pass the replies on to this part.
 */
#ifndef SEG_GROUP_READ_H
#define SEG_GROUP_READ_H

#include "group/state.h"

/* A new ownership begins: its first read need not wait. */
void seg_read_begin(seg_partition *partition);

/* Whether a read must be issued now. If a pause is under way, lowers *next to its end (seg_now()). */
bool seg_read_is_wanted(seg_partition *partition, int64_t now, int64_t *next);

/* The partition's read was issued, or was added to the next blocking read. */
void seg_read_started(seg_partition *partition, seg_reading reading, int64_t now);

/* No read is wanted before `until`. */
void seg_read_pause(seg_partition *partition, int64_t until);

/* The functions of a seg_entry_sink. `partition` NULL: they ignore what comes. */
bool seg_read_entry(seg_partition *partition, const char *id, size_t length, int64_t texts);
bool seg_read_text(seg_partition *partition, const char *text, size_t length);

/* The reply is complete: gives its messages to the worker. */
void seg_read_finished(seg_partition *partition, int64_t now);

/* The reply is missing or incomplete: throws its messages away. next_alone: the next read must read this partition alone. */
void seg_read_failed(seg_partition *partition, bool next_alone);

/*
 * The same, because the connection was lost: the next reads are smaller. no_memory: it was lost because there was no memory for
 * this partition's entry.
 */
void seg_read_lost(seg_partition *partition, bool no_memory);

/* Redis refused to read this partition: logs that from time to time, and begins a pause that grows with each refusal. */
void seg_read_refused(seg_partition *partition, const seg_reply *reply, int64_t now);

/* The ownership is over. in_flight: a read is under way; its messages are thrown away. Else the partition leaves the next read. */
void seg_read_forget(seg_partition *partition, bool in_flight);

#endif

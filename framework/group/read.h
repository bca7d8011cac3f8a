/*
 * read.h - one read of one partition's log: what it brings becomes messages in the ledger. I/O thread.
 *
 * fetch.c and blocking_read.c issue the commands.
 */
#ifndef SEG_GROUP_READ_H
#define SEG_GROUP_READ_H

#include "group/state.h"

/* A new ownership begins: its first read need not wait. */
void seg_read_begin(seg_partition *partition);

/* Whether a read is to be issued now; else *next becomes the time (seg_now()) to ask again, if that is earlier. */
bool seg_read_is_wanted(seg_partition *partition, int64_t now, int64_t *next);

/* A read is under way, or is to be part of the next blocking read. */
void seg_read_started(seg_partition *partition, seg_reading reading);

/* The next read is not to come before that. */
void seg_read_pause(seg_partition *partition, int64_t until);

/* As seg_entry_sink has them. NULL: whatever comes is passed over. */
bool seg_read_entry(seg_partition *partition, const char *id, size_t length, int64_t texts);
bool seg_read_text(seg_partition *partition, const char *text, size_t length);

/* The reply is whole: hands what it brought to the worker. */
void seg_read_finished(seg_partition *partition, int64_t now);

/* There was no whole reply; nothing of it is used. next_alone: the next read is of this partition alone. */
void seg_read_failed(seg_partition *partition, bool next_alone);

/* Redis refused to read this partition: logged now and then, and tried again after a pause that grows. */
void seg_read_refused(seg_partition *partition, const seg_reply *reply, int64_t now);

/* The ownership is over. in_flight: what the read under way brings is not to be used; else there is none. */
void seg_read_forget(seg_partition *partition, bool in_flight);

#endif

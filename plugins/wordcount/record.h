/*
 * record.h - a batch as it stands in the journal: a line for each message, "ID\tNUMBER\tWORD", and a last
 * line with the checksum of those, so that a batch counts whole or not at all. One thread at a time.
 */
#ifndef PLUGINS_RECORD_H
#define PLUGINS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../common/buffer.h"
#include "counts.h"

/* Adds one message to a record. */
void record_add(buffer *record, seg_id id, const void *text, size_t length, uint64_t number);

/* Ends the record, which is not empty. */
void record_end(buffer *record);

/*
 * Counts the messages of all whole records that are not counted yet. One that is torn was never answered for,
 * nor was anything behind it: it ends the journal. False: out of memory, or a sound record that we cannot
 * have written.
 */
bool record_replay(FILE *in, word_counts *counts);

#endif

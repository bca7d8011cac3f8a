/*
 * record.h - a batch in the journal: a line for each message, "ID\tNUMBER\tWORD", and a last line with their checksum. So a
 * batch counts as a whole or not at all. One thread at a time.
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

/* Adds the checksum. The record must have a message. */
void record_end(buffer *record);

/*
 * Counts the messages of all complete records, except those counted already. An incomplete record ends the journal: neither
 * its messages nor later ones were committed. False if out of memory, or if a complete record is invalid.
 */
bool record_replay(FILE *in, word_counts *counts);

#endif

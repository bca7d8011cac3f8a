/*
 * store.h - a partition's counts on disk: a file that is replaced whole, and a journal of what came since.
 *
 *     <directory>/<partition>.counts            all counts up to a message, and the epoch of who wrote it
 *     <directory>/<partition>.<epoch>.journal   the messages counted behind that, a checked record for each batch
 *     <directory>/<partition>.lock              held (flock) while .counts is replaced
 *
 * What is in the two together is what was counted. The journal of epoch N counts only while .counts is of
 * epoch N, too: an owner starts by writing .counts anew in its own epoch, and from then on whatever a former
 * one still adds to its own journal is void. The group's position is fenced the same way, so those messages
 * come to the new owner. A lower epoch never replaces the .counts of a higher.
 *
 * One thread at a time for one store. A function that fails returns -1 with one line in error.
 */
#ifndef PLUGINS_STORE_H
#define PLUGINS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../common/buffer.h"
#include "counts.h"

typedef struct count_store {
	const char *directory; /* borrowed, as the next two */
	const char *stream;
	const char *group;
	uint32_t partition;
	uint64_t epoch;
	bool sync;        /* wait for the disk */
	int directory_fd; /* -1: none, as the next two */
	int lock_fd;
	int journal_fd;
	off_t journal_end; /* behind the last record that took effect */
} count_store;

/*
 * Loads what is there into counts (which is {0}), and takes it over for the store's epoch; its first six
 * fields are set. Fails if a higher epoch has it, if another process is at it, or if it is damaged. To be
 * closed in any case.
 */
int store_open(count_store *store, word_counts *counts, char *error, size_t error_size);

/*
 * Appends an ended record (record.h) to the journal: it survives the process, and with `sync` the machine.
 * Else it is not there.
 */
int store_append(count_store *store, const buffer *record, char *error, size_t error_size);

/* Replaces .counts with these, and empties the journal. */
int store_replace(count_store *store, const word_counts *counts, char *error, size_t error_size);

/* `settled`: all is in .counts, and the journal is removed. */
void store_close(count_store *store, bool settled);

#endif

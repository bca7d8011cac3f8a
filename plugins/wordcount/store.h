/*
 * store.h - a partition's counts on disk: a file that is replaced as a whole, and a journal of later messages.
 *
 *     <directory>/<partition>.counts            all counts up to a message, and the epoch of the owner that wrote it
 *     <directory>/<partition>.<epoch>.journal   the messages counted since, in a record with checksum for each batch
 *     <directory>/<partition>.lock              held (flock) while .counts is replaced
 *
 * Both files together hold what was counted. The journal of epoch N is valid only while .counts has epoch N: an owner first
 * writes .counts again with its own epoch, which makes the journal of a former owner void, even if that owner still appends
 * to it. The group's position is fenced in the same way, so the new owner gets those messages. An owner never replaces a
 * .counts of a higher epoch.
 *
 * One thread at a time uses a store. Functions return 0, or -1 with one line in error.
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
	const char *directory; /* borrowed, like the next two */
	const char *stream;
	const char *group;
	uint32_t partition;
	uint64_t epoch;
	bool sync;        /* wait for the disk */
	int directory_fd; /* -1: closed; the next two alike */
	int lock_fd;
	int journal_fd;
	off_t journal_end; /* of the last record that took effect, in bytes from the start */
} count_store;

/*
 * Loads the files into counts, which must be {0}, and takes them over for the store's epoch. The caller has set the store's
 * first six fields. Fails if .counts has a higher epoch, if another process holds the lock, or if a file is damaged. Call
 * store_close in any case.
 */
int store_open(count_store *store, word_counts *counts, char *error, size_t error_size);

/*
 * Appends a complete record (record.h) to the journal. The record then survives a crash of the process, and with `sync` of
 * the machine. After a failure the record has no effect.
 */
int store_append(count_store *store, const buffer *record, char *error, size_t error_size);

/* Replaces .counts with these counts, and empties the journal. */
int store_replace(count_store *store, const word_counts *counts, char *error, size_t error_size);

/* Closes the files. settled: .counts has all counts, so the journal is removed. */
void store_close(count_store *store, bool settled);

#endif

/*
 * misfit.h - keys of a stream that hold another type than the library wrote: another program has written over them, or a
 * wrong dump was restored. One thread, as a client's calls.
 */
#ifndef SEG_STREAM_MISFIT_H
#define SEG_STREAM_MISFIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "base/names.h"

typedef struct seg_misfit {
	char key[SEG_KEY_MAX];
	const char *wanted; /* what it should hold: "hash" */
	const char *group;  /* NULL: it is no key of a group */
	int64_t partition;  /* -1: it is no key of a partition */
	bool is_log;        /* of a partition */
} seg_misfit;

/* Room for a sentence that seg_misfit_describe, _describe_as or _advise writes. */
#define SEG_MISFIT_TEXT_MAX (SEG_NAME_MAX + 288)

/* Why it cannot be used: "partition 3 of group g cannot be used, because its key holds no hash". Returns text. */
char *seg_misfit_describe(const seg_misfit *misfit, char text[SEG_MISFIT_TEXT_MAX]);

/* The same of `what`, such as "5 partitions (the first is 3)". */
char *seg_misfit_describe_as(const char *what, const char *wanted, char text[SEG_MISFIT_TEXT_MAX]);

/* What to do: "find the program that writes to KEY, then rename or delete the key". A long key is cut. Returns text. */
char *seg_misfit_advise(const char *key, char text[SEG_MISFIT_TEXT_MAX]);

/* Whether the error is Redis's about a key that holds another type. */
bool seg_misfit_is_reason(const seg_error *error);

/*
 * Makes the sentence of such an error say which key it is about, and what to do: that of the command, which has one key. The
 * status becomes SEG_EPROTOCOL. Leaves other errors alone.
 */
void seg_misfit_name_key(int argc, const char *const *argv, seg_error *error);

/*
 * Tries all keys of the stream, and of `count` of its groups, in pipelined rounds of commands that read little. fn gets each
 * key that holds another type: first those of the stream and of its groups, then those of the partitions. What this user may
 * not read is passed over. groups may be NULL. 0, or a status with an error; then fn may have got some.
 */
typedef void seg_misfit_fn(void *arg, const seg_misfit *misfit);
int seg_misfits_find(const seg_stream *stream, const char *const *groups, size_t count, seg_misfit_fn *fn,
		     void *arg, seg_error *error);

/*
 * If *reason is an error about a key that holds another type, looks for the first such key of the stream and the group, and
 * makes the sentence say what cannot be used, why, and what to do. Else, or if none is found, leaves it alone.
 */
void seg_misfit_explain(const seg_stream *stream, const char *group, seg_error *reason);

#endif

/*
 * changes.h - the changes of values that go into Redis with a commit: of each name, the newest. I/O thread.
 */
#ifndef SEG_GROUP_CHANGES_H
#define SEG_GROUP_CHANGES_H

#include "partition/completion.h"

/* The arguments of a commit: its own first, then how many values are set, fields and values, and fields to delete. */
typedef struct seg_changes {
	const char **argv;
	size_t *lengths;
	int argc;
} seg_changes;

/*
 * Gathers the changes of the completions behind the `count` texts of `head`. The texts and the completions must live as long as the
 * arguments are used. False: out of memory.
 */
bool seg_changes_gather(seg_changes *changes, const char *const *head, int count,
			const seg_completions *completions);
void seg_changes_free(seg_changes *changes);

#endif

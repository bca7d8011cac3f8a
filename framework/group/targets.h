/*
 * targets.h - the streams to which a member emits: opens or registers them, and notes in Redis where they get messages from.
 *
 * Redis knows for each stream its sources (`{__<ns>:<stream>}:sources`), and for each group where it emits to
 * (`{__<ns>:<stream>}:<group>:outputs`): lua/README.md. So segctl can show both, a group that is deleted takes with it what its
 * targets know of it, and streams that feed each other in a circle are refused, also if several members make the circle.
 */
#ifndef SEG_GROUP_TARGETS_H
#define SEG_GROUP_TARGETS_H

#include <stddef.h>

#include <segmenter/segmenter.h>

/* One of them. */
typedef struct seg_target_choice {
	const char *name;
	const seg_stream_shape *shape; /* registers the stream with it; NULL: the stream must exist */
} seg_target_choice;

/* Who emits, and where to. */
typedef struct seg_target_setup {
	const char *stream; /* that is read */
	const char *group;
	const seg_target_choice *choices; /* names without repetition, and none is `stream` */
	size_t count;
	uint32_t packing_level; /* of zstd, for what is emitted to them; 0: the client's */
} seg_target_setup;

typedef struct seg_targets {
	seg_stream **streams; /* in the order of the choices */
	size_t count;
} seg_targets;

/*
 * Opens all that are not open yet. 0, or a status and an error; what is open then stays open, and after SEG_ENOTFOUND, choice number
 * `count` is the stream that is missing. Blocks while Redis is asked. One thread.
 */
int seg_targets_open(seg_targets *targets, seg_client *client, const seg_target_setup *setup,
		     seg_error *error);

/* Closes them. */
void seg_targets_close(seg_targets *targets);

#endif

/*
 * pipeline.h - commands on one connection: the bytes to write, and the callbacks that wait for the answers.
 *
 * Redis answers in the order of the commands, so the answer that comes next belongs to the oldest callback.
 * No I/O. One thread.
 */
#ifndef SEG_REDIS_PIPELINE_H
#define SEG_REDIS_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis/output.h"
#include "redis/reply.h"
#include "redis/script.h"

typedef struct seg_waiting_command {
	seg_reply_fn fn;
	void *arg;
	seg_entry_sink *sink; /* where the answer's entries go, or NULL */
} seg_waiting_command;

typedef struct seg_pipeline {
	seg_output output;
	seg_waiting_command *waiting; /* a ring: commands without an answer, the oldest at head */
	size_t head, count, capacity; /* capacity is a power of two */
	int64_t busy_since;           /* seg_now() when a command was issued while none waited */
	bool sole;                    /* that command has no answer yet */
	int64_t round_trip; /* ns; the shortest time from such a command to its answer; 0: unknown */
} seg_pipeline;

/* False if out of memory; seg_pipeline_fini is then still needed. */
bool seg_pipeline_init(seg_pipeline *pipeline);
void seg_pipeline_fini(seg_pipeline *pipeline);

/*
 * Issue a command, or a script by its hash. argv is copied; lengths NULL: all are NUL-terminated words. For a
 * script, argv holds `keys` keys, then arguments. False if out of memory: then nothing was issued.
 */
bool seg_pipeline_command(seg_pipeline *pipeline, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
			  const char *const *argv, const size_t *lengths);
bool seg_pipeline_script(seg_pipeline *pipeline, seg_script script, seg_reply_fn fn, void *arg, int keys,
			 int argc, const char *const *argv, const size_t *lengths);

/* The sink of the command that is answered next; NULL if it has none or no command waits. */
seg_entry_sink *seg_pipeline_sink(const seg_pipeline *pipeline);

/* The next answer has come. Call it before seg_pipeline_pop. */
void seg_pipeline_answered(seg_pipeline *pipeline);

/* Takes the oldest command out. At least one must wait. */
seg_waiting_command seg_pipeline_pop(seg_pipeline *pipeline);

#endif

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

#include "redis/outgoing.h"
#include "redis/reply.h"
#include "redis/script.h"
#include "redis/slot.h"

typedef struct seg_waiting_command {
	seg_reply_fn fn;
	void *arg;
	seg_entry_sink *sink; /* where the answer's entries go, or NULL */
	seg_follow follow;    /* where else it may be issued again */
	size_t kept;          /* its bytes in seg_pipeline.kept; 0: it cannot be issued again */
	unsigned hops;        /* how often it was issued again elsewhere */
} seg_waiting_command;

typedef struct seg_pipeline {
	seg_outgoing output;
	seg_waiting_command *waiting; /* a ring: commands without an answer, the oldest at head */
	size_t head, count, capacity; /* capacity is a power of two */
	int64_t busy_since;           /* seg_now() when a command was issued while none waited */
	seg_follow follow;            /* of new commands; their bytes are kept until they are answered */
	seg_outgoing kept;            /* the bytes of the waiting commands that follow redirections */
	bool sole;                    /* that command has no answer yet */
	int64_t round_trip; /* ns; the shortest time from such a command to its answer; 0: unknown */
} seg_pipeline;

/* False if out of memory; seg_pipeline_fini is then still needed. */
bool seg_pipeline_init(seg_pipeline *pipeline);
void seg_pipeline_fini(seg_pipeline *pipeline);

/*
 * Issue a command, or a script by its hash or by its text. argv is copied; lengths NULL: all are NUL-terminated words. For a
 * script, argv holds `keys` keys, then arguments. False if out of memory: then nothing was issued.
 */
bool seg_pipeline_command(seg_pipeline *pipeline, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
			  const char *const *argv, const size_t *lengths);
bool seg_pipeline_script(seg_pipeline *pipeline, seg_script script, bool by_text, seg_reply_fn fn, void *arg,
			 int keys, int argc, const char *const *argv, const size_t *lengths);

/*
 * Issues a command of another pipeline again: its bytes, which are copied, and its callback. asking: with ASKING
 * before it, as a cluster's ASK demands. False if out of memory: then nothing was issued.
 */
bool seg_pipeline_again(seg_pipeline *pipeline, const seg_waiting_command *command, const char *bytes,
			bool asking);

/* Moves all commands of `from`, none of which was written, behind those of `to`. False if out of memory. */
bool seg_pipeline_join(seg_pipeline *to, seg_pipeline *from);

/* Drops all bytes; the commands still wait. */
void seg_pipeline_clear(seg_pipeline *pipeline);

/* The sink of the command that is answered next; NULL if it has none or no command waits. */
seg_entry_sink *seg_pipeline_sink(const seg_pipeline *pipeline);

/* The next answer has come. Call it before seg_pipeline_pop. */
void seg_pipeline_answered(seg_pipeline *pipeline);

/*
 * Takes the oldest command out. At least one must wait. Its kept bytes, at the beginning of `kept`, stay until
 * seg_pipeline_forget.
 */
seg_waiting_command seg_pipeline_pop(seg_pipeline *pipeline);
void seg_pipeline_forget(seg_pipeline *pipeline, const seg_waiting_command *command);

#endif

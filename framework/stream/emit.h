/*
 * emit.h - a call of the emit script: its description, the builder that issues it, and the meaning of its answer.
 *
 * A call adds records to one partition that a handler has emitted for messages of another stream: in one atomic step, each once
 * and in their order. So a call can be sent again at any time, and records that were added before may be in it.
 * framework/lua/README.md has the contract.
 */
#ifndef SEG_STREAM_EMIT_H
#define SEG_STREAM_EMIT_H

#include <segmenter/handler.h>

#include "stream/client.h"
#include "stream/pack.h"

/* What a call adds, and where. */
typedef struct seg_emit_call {
	const seg_stream *target;
	uint32_t partition; /* of the target */
	const char *source; /* "<group>:<stream>:<partition>": whose messages are handled */
	uint64_t run;       /* of the group there: how often its messages began anew */
	uint64_t epoch;     /* of the owner */
	seg_id floor;       /* the group's position: no message up to it is handled again */
	size_t records;     /* at least 1 */
	size_t headers;     /* of all records together */
} seg_emit_call;

/* Which record of the source it is. */
typedef struct seg_emit_mark {
	seg_id id;       /* the message that it came from */
	uint32_t number; /* 1, 2, ... among the records of that message */
	int32_t slot;    /* the message's; -1: unknown, and all messages are handled in order */
	bool in_order;   /* all messages of the source are, and not only those of a slot */
} seg_emit_mark;

/* Room for a mark's text. */
enum { SEG_EMIT_MARK_MAX = 72 };

/*
 * Builds one call after another. Start with a zeroed struct. Its memory is kept from call to call. One thread.
 */
typedef struct seg_emit_builder {
	const seg_emit_call *call; /* of the call being built */
	const char **argv;
	size_t *lengths;
	size_t argc, room;
	char (*marks)[SEG_EMIT_MARK_MAX];
	size_t mark_count, mark_room;
	seg_packer packer; /* for targets with packing */
	struct {
		char log[SEG_KEY_MAX];
		char from[SEG_KEY_MAX];
		char counters[SEG_KEY_MAX];
		char size[24];
		char run[24];
		char epoch[24];
		char floor[48];
		char count[24];
	} texts; /* that the arguments before the records point to */
} seg_emit_builder;

void seg_emit_builder_fini(seg_emit_builder *builder);

/*
 * A call is one begin, one add for each of call->records, and one issue. Each returns false if memory is out, issue also if the
 * route does not take the call; fn is not called then. What the outputs point to, and *call, must live until issue returns.
 */
bool seg_emit_begin(seg_emit_builder *builder, const seg_emit_call *call);
bool seg_emit_add(seg_emit_builder *builder, const seg_emit_mark *mark, const seg_output *output);
bool seg_emit_issue(seg_emit_builder *builder, seg_route *route, seg_reply_fn fn, void *arg);

typedef enum seg_emit_outcome {
	SEG_EMIT_ADDED, /* the partition has the first `done` records; if these are not all, it is full */
	SEG_EMIT_OLD, /* the partition has some of the records, and none was added: send the others without these */
	SEG_EMIT_STALE,   /* nothing was added: a later owner, of `epoch`, has added something */
	SEG_EMIT_LOST,    /* no answer: send the call again */
	SEG_EMIT_REFUSED, /* nothing was added; the same call may succeed later */
	SEG_EMIT_FAILED /* nothing was added, and the same call will fail again unless someone mends something */
} seg_emit_outcome;

typedef struct seg_emit_answer {
	seg_emit_outcome outcome;
	size_t done;
	size_t added; /* by this call */
	const char *
		old; /* of SEG_EMIT_OLD: '1' for each record that the partition has, '0' for the others; the reply's */
	uint64_t epoch;
} seg_emit_answer;

/* Reads the answer to a call of so many records; reply is NULL if the connection was lost. Pure. */
seg_emit_answer seg_emit_read(size_t records, const seg_reply *reply);

#endif

/*
 * script.h - a Lua state with a handler script in it, bounded in memory and in instructions.
 *
 * Whatever a script does, a call returns: errors, a want of memory and endless loops come back as one line of
 * text. One thread at a time: the partition's worker.
 */
#ifndef PLUGINS_LUA_SCRIPT_H
#define PLUGINS_LUA_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/handler.h>

typedef struct script_settings {
	const seg_host *host;
	const char *path;
	size_t memory_limit;        /* bytes of one state; 0: none */
	uint64_t instruction_limit; /* of one call; 0: none */
	bool sandbox;
} script_settings;

typedef struct script script;

/*
 * Makes a state, and runs the file in it, which must define a function `handle`. settings must outlive it.
 * NULL with a line in error where that fails.
 */
script *script_load(const script_settings *settings, uint32_t partition, uint64_t epoch, char *error,
		    size_t error_size);

/*
 * Call `open(partition, epoch)`, `tick()`, `close(reason)` of the script, where it defines them. Return 0, or
 * -1 with a line in error.
 */
int script_open(script *s, char *error, size_t error_size);
int script_tick(script *s, char *error, size_t error_size);
int script_close(script *s, seg_close_reason reason, char *error, size_t error_size);

/*
 * Calls `handle` with message `index` of the batch. Returns its answer; a script that fails means a retry.
 * The reason, where there is one, goes to reason[reason_size].
 */
seg_outcome script_handle(script *s, const seg_batch *batch, size_t index, char *reason, size_t reason_size);

/* Whether it has run out of memory since it was loaded: what it holds may be half of what it meant to. */
bool script_is_exhausted(const script *s);

/* Frees it; calls nothing of it. NULL is allowed. */
void script_free(script *s);

#endif

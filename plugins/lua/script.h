/*
 * script.h - a Lua state with a handler script, limited in memory and in instructions.
 *
 * Every call returns: a script's error, lack of memory or endless loop comes back as one line of text. Only the partition's
 * worker calls these functions for a script.
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
	size_t memory_limit;        /* bytes of one state; 0: no limit */
	uint64_t instruction_limit; /* of one call; 0: no limit */
	bool sandbox;
} script_settings;

typedef struct script script;

/*
 * Creates a state and runs the file in it. The file must define a function `handle`. settings must outlive the script.
 * Returns NULL with one line in error if that fails.
 */
script *script_load(const script_settings *settings, uint32_t partition, uint64_t epoch, char *error,
		    size_t error_size);

/*
 * Call `open(partition, epoch)`, `tick()` and `close(reason)` of the script, if it defines them. Return 0, or -1 with one
 * line in error.
 */
int script_open(script *s, char *error, size_t error_size);
int script_tick(script *s, char *error, size_t error_size);
int script_close(script *s, seg_close_reason reason, char *error, size_t error_size);

/*
 * Calls `handle` with message `index` of the batch. Returns the script's answer, or a retry if the script fails. Unless the
 * answer is "done", reason[reason_size] gets its reason.
 */
seg_outcome script_handle(script *s, const seg_batch *batch, size_t index, char *reason, size_t reason_size);

/* Whether the script has run out of memory since it was loaded: its data may be incomplete. */
bool script_is_exhausted(const script *s);

/* Frees the script without calling a function of it. Does nothing to NULL. */
void script_free(script *s);

#endif

/*
 * call.h - the call that a thread is making into a plugin.
 *
 * Others look at it to see whether the plugin still returns. And should the plugin take the process down, by
 * a crash or by exit(), the last line on standard error says which plugin it was, and where:
 *
 *     segrunner: plugin limit crashed (SIGSEGV) in handle of partition 3, at or after message 1700000000000-7; ...
 *
 * A crash stays one: the process ends by its signal, with a core file where those are wanted. A plugin's
 * exit() becomes exit code 70, for no exit code of a plugin's may look like a clean stop. (What ends it with
 * _exit() has no last line.)
 */
#ifndef SEG_PLUGIN_CALL_H
#define SEG_PLUGIN_CALL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* For the calls that are for no partition. */
#define SEG_PLUGIN_CALL_NO_PARTITION UINT32_MAX

/* Room for a description, its NUL included; the plugin's name is cut to fit. */
#define SEG_PLUGIN_CALL_TEXT_MAX 256

typedef struct seg_plugin_call {
	const char *plugin; /* borrowed */
	uint32_t partition;

	/* Written by the calling thread, read by any; what was written together may be read apart. */
	_Atomic(const char *) function; /* a literal */
	atomic_ullong ms, seq;          /* the first message it was given; 0-0: none */
	atomic_llong since;             /* seg_now() at its begin; 0: no call is being made */
} seg_plugin_call;

void seg_plugin_call_init(seg_plugin_call *call, const char *plugin, uint32_t partition);

/* Right before and right after a call; by the thread that makes it. The call outlives its thread's. */
void seg_plugin_call_begin(seg_plugin_call *call, const char *function, seg_id first);
void seg_plugin_call_end(seg_plugin_call *call);

/* When the call that is being made began (seg_now()), or 0. Any thread. */
int64_t seg_plugin_call_since(const seg_plugin_call *call);

/* "handle of partition 3, at or after message 1-7". Returns text. Any thread; in signal handlers, too. */
char *seg_plugin_call_describe(const seg_plugin_call *call, char text[SEG_PLUGIN_CALL_TEXT_MAX]);

/* From here on last lines are said. Once a process, before any thread is started. */
void seg_plugin_call_watch(void);

/* Lets the calling thread say one after it has used up its stack, too. Once a thread, before its first call. */
void seg_plugin_call_watch_stack(void);

#endif

/*
 * call.h - the call that a thread is making into a plugin.
 *
 * Other threads look at the call to see whether the plugin still returns. If the plugin ends the process, by
 * a crash or by exit(), the last line of the log names the plugin and the call:
 *
 *     plugin limit crashed (SIGSEGV) in handle of partition 3, at or after message 1700000000000-7; ...
 *
 * After a crash the process still ends by the signal, with a core file if those are enabled. After exit() in
 * a plugin the exit code is 70, because no exit code of a plugin may look like a clean stop. After _exit()
 * there is no last line.
 */
#ifndef SEG_PLUGIN_CALL_H
#define SEG_PLUGIN_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

/* For a call that belongs to no partition. */
#define SEG_PLUGIN_CALL_NO_PARTITION UINT32_MAX

/* Room for a description, its NUL included; the plugin's name is cut to fit. */
#define SEG_PLUGIN_CALL_TEXT_MAX 256
#define SEG_PLUGIN_CALL_THREAD_END_MAX (SEG_PLUGIN_CALL_TEXT_MAX + 80)

typedef struct seg_plugin_call {
	const char *plugin; /* borrowed */
	uint32_t partition;

	/* The calling thread writes, any thread reads. A reader may see new and old fields together. */
	_Atomic(const char *) function; /* static text */
	atomic_ullong ms, seq;          /* the first message of the call; 0-0: no message */
	atomic_llong since;             /* seg_now() when the call began; 0: there is no call */
	atomic_bool lost;               /* the plugin has ended the thread: the call never returns */
} seg_plugin_call;

void seg_plugin_call_init(seg_plugin_call *call, const char *plugin, uint32_t partition);

/*
 * Right before and right after a call, by the thread that makes it. *call outlives the thread. `function` is
 * static.
 */
void seg_plugin_call_begin(seg_plugin_call *call, const char *function, seg_id first);
void seg_plugin_call_end(seg_plugin_call *call);

/* Instead of the end, by the thread that made the call, where the plugin has ended it (pthread_exit); and whether it did so. Any thread. */
void seg_plugin_call_lose(seg_plugin_call *call);
bool seg_plugin_call_is_lost(const seg_plugin_call *call);

/* The seg_now() when the current call began; 0 if there is no call. Any thread. */
int64_t seg_plugin_call_since(const seg_plugin_call *call);

/* The first message of the current call; 0-0 if it concerns none. Any thread. */
seg_id seg_plugin_call_message(const seg_plugin_call *call);

/* Writes "handle of partition 3, at or after message 1-7". Returns text. Any thread, and signal handlers. */
char *seg_plugin_call_describe(const seg_plugin_call *call, char text[SEG_PLUGIN_CALL_TEXT_MAX]);

/* Writes why the plugin cannot continue: in this call it has ended `thread`, such as "a thread of segrunner's". Returns text. */
char *seg_plugin_call_describe_thread_end(const seg_plugin_call *call, const char *thread,
					  char text[SEG_PLUGIN_CALL_THREAD_END_MAX]);

/* Writes a last line: `text` is printable ASCII without a line feed. May be called in a signal handler. */
typedef void seg_plugin_last_line(const char *text);

/*
 * Turns the last lines on. Once per process, before any thread is started. `crash_advice` ends the line that tells of a
 * crash, such as "; its core file tells more"; static.
 */
void seg_plugin_call_watch(seg_plugin_last_line *last_line, const char *crash_advice);

/*
 * Lets the calling thread write its last line after a stack overflow, too. Once per thread, before its first
 * call.
 */
void seg_plugin_call_watch_stack(void);

#endif

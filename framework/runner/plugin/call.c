#include "plugin/call.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"

enum { ALTERNATE_STACK = 16 * 1024, LINE_MAX_BYTES = 512 };

static const struct {
	int number;
	const char *text;
} crashes[] = {
	{SIGSEGV, " crashed (SIGSEGV)"}, {SIGBUS, " crashed (SIGBUS)"},   {SIGFPE, " crashed (SIGFPE)"},
	{SIGILL, " crashed (SIGILL)"},   {SIGABRT, " aborted (SIGABRT)"},
};

enum { CRASHES = sizeof(crashes) / sizeof(crashes[0]) };

/* The call that this thread is making; NULL outside of plugins. */
static _Thread_local const seg_plugin_call *current;

void seg_plugin_call_init(seg_plugin_call *call, const char *plugin, uint32_t partition)
{
	call->plugin = plugin;
	call->partition = partition;
	atomic_init(&call->function, "");
	atomic_init(&call->ms, 0);
	atomic_init(&call->seq, 0);
	atomic_init(&call->since, 0);
	atomic_init(&call->lost, false);
}

void seg_plugin_call_begin(seg_plugin_call *call, const char *function, seg_id first)
{
	atomic_store_explicit(&call->function, function, memory_order_relaxed);
	atomic_store_explicit(&call->ms, first.ms, memory_order_relaxed);
	atomic_store_explicit(&call->seq, first.seq, memory_order_relaxed);
	atomic_store_explicit(&call->since, seg_now(), memory_order_release);
	current = call;
}

void seg_plugin_call_end(seg_plugin_call *call)
{
	current = NULL;
	atomic_store_explicit(&call->since, 0, memory_order_relaxed);
}

void seg_plugin_call_lose(seg_plugin_call *call)
{
	current = NULL;
	atomic_store_explicit(&call->lost, true, memory_order_release);
}

bool seg_plugin_call_is_lost(const seg_plugin_call *call)
{
	return atomic_load_explicit(&call->lost, memory_order_acquire);
}

int64_t seg_plugin_call_since(const seg_plugin_call *call)
{
	return atomic_load_explicit(&call->since, memory_order_acquire);
}

seg_id seg_plugin_call_message(const seg_plugin_call *call)
{
	return (seg_id){atomic_load_explicit(&call->ms, memory_order_relaxed),
			atomic_load_explicit(&call->seq, memory_order_relaxed)};
}

/* --- describing a call, with functions that a signal handler may call --------------------------- */

typedef struct {
	char *text;
	size_t used, size;
} line;

static void add(line *l, const char *text)
{
	while (*text && l->used + 1 < l->size)
		l->text[l->used++] = *text++;
	l->text[l->used] = '\0';
}

static void add_number(line *l, uint64_t number)
{
	char digits[24], *first = digits + sizeof(digits) - 1;
	*first = '\0';
	do
		*--first = (char)('0' + number % 10);
	while (number /= 10);
	add(l, first);
}

char *seg_plugin_call_describe(const seg_plugin_call *call, char text[SEG_PLUGIN_CALL_TEXT_MAX])
{
	line l = {text, 0, SEG_PLUGIN_CALL_TEXT_MAX};
	uint64_t ms = atomic_load_explicit(&call->ms, memory_order_relaxed);
	uint64_t seq = atomic_load_explicit(&call->seq, memory_order_relaxed);
	add(&l, atomic_load_explicit(&call->function, memory_order_relaxed));
	if (call->partition != SEG_PLUGIN_CALL_NO_PARTITION) {
		add(&l, " of partition ");
		add_number(&l, call->partition);
	}
	if (ms || seq) {
		add(&l, ", at or after message ");
		add_number(&l, ms);
		add(&l, "-");
		add_number(&l, seq);
	}
	return text;
}

char *seg_plugin_call_describe_thread_end(const seg_plugin_call *call, const char *thread,
					  char text[SEG_PLUGIN_CALL_THREAD_END_MAX])
{
	char where[SEG_PLUGIN_CALL_TEXT_MAX];
	line l = {text, 0, SEG_PLUGIN_CALL_THREAD_END_MAX};
	add(&l, "it ended ");
	add(&l, thread);
	add(&l, " (pthread_exit) in ");
	add(&l, seg_plugin_call_describe(call, where));
	return text;
}

/* --- the last line -------------------------------------------------------------------------------- */

static struct sigaction before[CRASHES];
static seg_plugin_last_line *last_line;
static const char *advice;
static pid_t watched;

/* init and fini handle no message. */
#define NO_MESSAGE "; mend the plugin: without this call, it cannot be used"

/* A child of fork() may crash and exit as it likes. */
static bool is_this_process(void)
{
	return getpid() == watched;
}

static bool is_ours(void)
{
	return current && is_this_process();
}

/* Not in a plugin's call. */
static void say_outside(const char *what)
{
	char text[LINE_MAX_BYTES];
	line l = {text, 0, sizeof(text)};
	add(&l, "segrunner");
	add(&l, what);
	add(&l,
	    " outside of any call of a plugin: in a thread that a plugin has started, or in segrunner itself; a core shows it");
	last_line(text);
}

static void say(const char *what, const char *cure)
{
	char text[LINE_MAX_BYTES], where[SEG_PLUGIN_CALL_TEXT_MAX];
	line l = {text, 0, sizeof(text)};
	add(&l, "plugin ");
	add(&l, current->plugin);
	add(&l, what);
	add(&l, " in ");
	add(&l, seg_plugin_call_describe(current, where));
	add(&l, cure);
	last_line(text);
}

static void crashed(int number, siginfo_t *info, void *context)
{
	(void)context;
	for (int i = 0; i < CRASHES; i++) {
		if (crashes[i].number != number)
			continue;
		if (is_ours())
			say(crashes[i].text,
			    current->partition == SEG_PLUGIN_CALL_NO_PARTITION ? NO_MESSAGE : advice);
		else if (is_this_process())
			say_outside(crashes[i].text);
		sigaction(number, &before[i], NULL);
	}
	/*
	 * A fault happens again at once, now without this handler. A signal that was sent must be raised again.
	 */
	if (info->si_code <= 0)
		raise(number);
}

static void exited(void)
{
	if (!is_ours())
		return;
	say(" called exit()", "; to stop the runner, a plugin must return seg_stop()");
	_exit(EX_SOFTWARE);
}

void seg_plugin_call_watch(seg_plugin_last_line *say_last, const char *crash_advice)
{
	last_line = say_last;
	advice = crash_advice;
	watched = getpid();
	struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigfillset(&action.sa_mask);
	for (int i = 0; i < CRASHES; i++)
		sigaction(crashes[i].number, &action, &before[i]);
	atexit(exited);
}

void seg_plugin_call_watch_stack(void)
{
	static _Thread_local char stack[ALTERNATE_STACK];
	stack_t there, ours = {.ss_sp = stack, .ss_size = sizeof(stack)};
	/* A sanitizer has set up its own stack. */
	if (sigaltstack(NULL, &there) == 0 && (there.ss_flags & SS_DISABLE))
		sigaltstack(&ours, NULL);
}

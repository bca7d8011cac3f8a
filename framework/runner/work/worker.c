#include "work/worker.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "work/calls.h"
#include "work/dispatch.h"

static void pin(const seg_worker *w)
{
	cpu_set_t set;
	if (w->cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)w->cpu, &set);
	int failure = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (failure)
		seg_log(&w->task.logger, SEG_LOG_WARNING, "cannot pin the worker to cpu %d: %s", w->cpu,
			strerror(failure));
}

/* By the thread itself: naming another thread opens a file in /proc, which costs more than starting it. */
static void name_thread(const seg_worker *w)
{
	char name[16];
	snprintf(name, sizeof(name), "seg-p%" PRIu32, w->task.partition);
	pthread_setname_np(pthread_self(), name);
}

/* Until the worker must stop. */
static void handle_fetched(seg_task *task)
{
	seg_handoff *handoff = task->handoff;
	for (;;) {
		uint32_t ticket = seg_handoff_ticket(handoff);
		if (seg_permission_stops(task))
			return;
		seg_fetched *fetched = seg_handoff_take(handoff);
		if (fetched) {
			if (seg_dispatch_fetched(task, fetched) == SEG_STEP_STOP)
				return;
			seg_handoff_give_back(handoff, fetched);
		}
		seg_call_tick(task);
		if (!fetched)
			seg_handoff_wait(handoff, ticket, seg_call_tick_due(task), task->setup->idle);
	}
}

/* The plugin has called pthread_exit: its messages are not handled, and it cannot be asked to close the partition. */
static void thread_was_ended(void *arg)
{
	seg_task *task = arg;
	seg_plugin_call_end(&task->call);
	seg_turn_leave(&task->turn);
	seg_task_end_retries(task);
	task->setup->stop(task->setup->arg, "it ended segrunner's worker thread (pthread_exit)");
	seg_handoff_stopped(task->handoff);
}

static void *run(void *arg)
{
	seg_worker *w = arg;
	seg_task *task = &w->task;
	name_thread(w);
	pin(w);
	seg_plugin_call_watch_stack();
	pthread_cleanup_push(thread_was_ended, task);
	if (seg_call_open(task) == SEG_STEP_DONE) {
		handle_fetched(task);
		seg_task_end_retries(task);
		seg_call_close(task);
	}
	pthread_cleanup_pop(0);
	seg_handoff_stopped(task->handoff);
	return NULL;
}

/* Blocks no signal: children that a handler starts inherit the mask of this thread, and expect none. */
static void unblock_signals(sigset_t *before)
{
	sigset_t none;
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, before);
}

int seg_worker_start(seg_worker *w, const seg_task_setup *setup, seg_partition *partition, int cpu)
{
	sigset_t before;
	seg_task_init(&w->task, setup, partition);
	w->cpu = cpu;
	unblock_signals(&before); /* the new thread inherits the mask */
	int failure = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failure;
}

void seg_worker_join(seg_worker *w)
{
	pthread_join(w->thread, NULL);
}

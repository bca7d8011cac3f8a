#include "work/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "work/calls.h"
#include "work/dispatch.h"
#include "work/dispatcher.h"
#include "work/handler_thread.h"

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

static void thread_was_ended(void *arg)
{
	seg_task *task = arg;
	seg_task_end_retries(task);
	seg_call_ended_thread(task, "segrunner's worker thread");
	seg_handoff_stopped(task->handoff);
}

static void *run(void *arg)
{
	seg_worker *w = arg;
	seg_task *task = &w->task;
	char name[SEG_HANDLER_THREAD_NAME_MAX];
	snprintf(name, sizeof(name), "seg-p%" PRIu32, task->partition);
	seg_handler_thread_begin(name, w->cpu, &task->logger);
	pthread_cleanup_push(thread_was_ended, task);
	if (w->dispatcher) {
		seg_dispatcher_run(w->dispatcher);
	} else if (seg_call_open(task) == SEG_STEP_DONE) {
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

bool seg_worker_may_wait(const seg_handler *handler)
{
	if (handler->tick)
		return false;
	return (handler->flags & SEG_HANDLER_LATE) || (!handler->partition_open && !handler->partition_close);
}

int seg_worker_start(seg_worker *w, const seg_task_setup *setup, seg_partition *partition, int cpu)
{
	sigset_t before;
	seg_task_init(&w->task, setup, partition);
	w->cpu = cpu;
	w->dispatcher = NULL;
	if (setup->parallel > 1 && !(w->dispatcher = seg_dispatcher_create(&w->task)))
		return ENOMEM;
	unblock_signals(&before); /* the new thread inherits the mask */
	int failure = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure)
		seg_dispatcher_destroy(w->dispatcher);
	return failure;
}

void seg_worker_join(seg_worker *w)
{
	pthread_join(w->thread, NULL);
	seg_dispatcher_destroy(w->dispatcher);
	w->dispatcher = NULL;
}

const seg_plugin_call *seg_worker_call(const seg_worker *w)
{
	return w->dispatcher ? seg_dispatcher_call(w->dispatcher) : &w->task.call;
}

seg_unserved *seg_worker_unserved(seg_worker *w)
{
	return w->dispatcher ? seg_dispatcher_unserved(w->dispatcher) : &w->task.unserved;
}

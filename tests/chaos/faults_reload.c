#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chaos/faults.h"

enum { ANSWER_MS = 20000, LOOK_MS = 5 };

typedef enum { SAME, LIVE, CONSUMER, PLUGIN, BROKEN, CHANGES } change;

static const char *const changes[] = {"the same configuration", "a changed option of the runner",
				      "a changed option of the consumer", "a new build of the plugin",
				      "a broken configuration"};

/* False until the runner has answered. */
static bool answer_in(const char *said, chaos_reload *answer)
{
	const char *done = strstr(said, "reloaded: ");
	if (done)
		*answer = strncmp(done, "reloaded: 0 consumers started, 0 ended", 38) == 0
				  ? CHAOS_RELOAD_UNTOUCHED
				  : CHAOS_RELOAD_EXCHANGED;
	else if (!strstr(said, "SIGHUP: nothing has changed"))
		return false;
	else if (strstr(said, "batch_sise"))
		*answer = CHAOS_RELOAD_REFUSED;
	else
		*answer = CHAOS_RELOAD_HINDERED;
	return true;
}

static chaos_reload reload(chaos_world *w, int slot)
{
	chaos_reload answer;
	long from = chaos_world_log_length(w, slot);
	pid_t pid = w->runners->slots[slot].pid;
	kill(pid, SIGHUP);
	for (int64_t deadline = seg_now() + ANSWER_MS * SEG_MS; seg_now() < deadline;
	     chaos_world_pass(w, LOOK_MS)) {
		if (answer_in(chaos_world_said(w, slot, from), &answer))
			return answer;
		if (w->runners->slots[slot].pid != pid)
			return CHAOS_RELOAD_SILENT;
	}
	chaos_world_violation(w, "segrunner %d did not answer a SIGHUP within %d ms; see runner%d.log",
			      (int)pid, ANSWER_MS, slot);
	return CHAOS_RELOAD_SILENT;
}

/* A change that failed because Redis was away is still in the file; the next reload finds it. */
static bool is_right(const chaos_world *w, change what, chaos_reload answer, bool ahead)
{
	if (answer == CHAOS_RELOAD_SILENT)
		return true;
	if (what == BROKEN)
		return answer == CHAOS_RELOAD_REFUSED;
	if (answer == CHAOS_RELOAD_HINDERED)
		return !w->clean && (ahead || what == CONSUMER || what == PLUGIN);
	bool exchange = what == CONSUMER || what == PLUGIN;
	return answer == (exchange ? CHAOS_RELOAD_EXCHANGED : CHAOS_RELOAD_UNTOUCHED) ||
	       (ahead && answer == CHAOS_RELOAD_EXCHANGED);
}

void chaos_fault_reload(const chaos_fault *f, chaos_world *w)
{
	static const char *const answers[] = {"continued unchanged", "handed over to its new configuration",
					      "refused the reload", "could not reload because Redis was away",
					      "ended"};
	/* A runner that has just started may not handle signals yet. */
	int slot = chaos_world_running(w, f->slot);
	if (chaos_runners_are_consumers(w->runners, slot))
		slot = chaos_world_running(w, (slot + 1) % CHAOS_SLOTS);
	if (!chaos_world_settle(w) || !w->runners->slots[slot].pid || w->runners->slots[slot].stopped ||
	    chaos_runners_are_consumers(w->runners, slot)) {
		chaos_world_idle(w, "no runner runs, or runners keep starting");
		return;
	}
	if (chaos_runners_is_deaf(w->runners, slot)) {
		chaos_world_idle(w, "nobody reads the runner's log");
		return;
	}
	change what = (change)(f->which % CHANGES);
	chaos_variant *variant = &w->variants[slot];
	variant->live += what == LIVE;
	variant->consumer += what == CONSUMER;
	variant->build += what == PLUGIN;
	variant->broken = what == BROKEN;
	chaos_runners_configure(w->runners, slot, variant);
	bool ahead = w->ahead[slot] == w->runners->slots[slot].pid;
	chaos_reload answer = reload(w, slot);
	if (variant->broken) {
		variant->broken = false;
		chaos_runners_configure(w->runners, slot, variant);
	}
	if (answer == CHAOS_RELOAD_HINDERED)
		w->ahead[slot] = w->runners->slots[slot].pid;
	else if (answer == CHAOS_RELOAD_UNTOUCHED || answer == CHAOS_RELOAD_EXCHANGED)
		w->ahead[slot] = 0;
	w->reloads[answer]++;
	if (!is_right(w, what, answer, ahead))
		chaos_world_violation(w, "after SIGHUP with %s, the runner of slot %d %s", changes[what],
				      slot, answers[answer]);
}

/* faults_host.c - what a runner's machine lacks: somebody who reads its log; threads. */
#include "base/clock.h"
#include "chaos/faults.h"

/* A runner ends, and the next one there writes to a pipe that is full already. For longer than a session, mostly. */
void chaos_fault_deafen(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	if (!w->runners->slots[slot].pid || w->runners->slots[slot].terminated)
		chaos_world_idle(w, "no runner runs");
	chaos_runners_terminate(w->runners, slot);
	chaos_runners_deafen(w->runners, slot, seg_now() + (2000 + 5 * f->ms) * SEG_MS);
	chaos_world_bring_back(w, slot, f->ms / 2);
}

/* A runner can start no thread while another one ends, whose partitions it shall handle. */
void chaos_fault_starve(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	int other = chaos_world_running(w, (slot + 1) % CHAOS_SLOTS);
	chaos_shim *shim = w->runners->shims[slot];
	if (!shim || !chaos_world_settle(w) || !w->runners->slots[slot].pid || other == slot) {
		chaos_world_idle(w, "no two runners run, or they keep starting");
		return;
	}
	w->runners->slots[slot].starved = true;
	atomic_store(&shim->no_threads, true);
	chaos_runners_terminate(w->runners, other);
	chaos_world_bring_back(w, other, 500 + f->ms);
	chaos_world_pass(w, 300 + 2 * f->ms);
	atomic_store(&shim->no_threads, false);
}

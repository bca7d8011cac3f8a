#include "chaos/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "chaos/progress.h"

enum { SESSION_MS = 1000, STEP_MS = 5, SETTLE_TRIES = 150, SETTLE_LOOK_MS = 20, SAID_MAX = 256 * 1024 };

void chaos_world_pass(chaos_world *w, int ms)
{
	for (int64_t end = seg_now() + ms * SEG_MS; seg_now() < end;) {
		chaos_runners_step(w->runners);
		nanosleep(&(struct timespec){.tv_nsec = STEP_MS * SEG_MS}, NULL);
	}
	chaos_runners_step(w->runners);
}

bool chaos_world_settle(chaos_world *w)
{
	for (int i = 0; i < SETTLE_TRIES && !chaos_runners_settled(w->runners); i++)
		chaos_world_pass(w, SETTLE_LOOK_MS);
	return chaos_runners_settled(w->runners);
}

void chaos_world_violation(chaos_world *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	chaos_progress_end();
	fputs("violation: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	w->wrong++;
}

void chaos_world_idle(chaos_world *w, const char *why)
{
	snprintf(w->idle, sizeof(w->idle), "%s", why);
}

static void log_path(const chaos_world *w, int slot, char path[512])
{
	snprintf(path, 512, "%s/runner%d.log", w->runners->directory, slot);
}

long chaos_world_log_length(const chaos_world *w, int slot)
{
	char path[512];
	log_path(w, slot, path);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	fseek(file, 0, SEEK_END);
	long length = ftell(file);
	fclose(file);
	return length;
}

const char *chaos_world_said(const chaos_world *w, int slot, long from)
{
	static char said[SAID_MAX];
	char path[512];
	size_t length = 0;
	log_path(w, slot, path);
	FILE *file = fopen(path, "r");
	if (file && fseek(file, from, SEEK_SET) == 0)
		length = fread(said, 1, sizeof(said) - 1, file);
	if (file)
		fclose(file);
	said[length] = '\0';
	return said;
}

/* --- runners ---------------------------------------------------------------------------- */

int chaos_world_running(const chaos_world *w, int slot)
{
	for (int i = 0; i < CHAOS_SLOTS; i++) {
		const chaos_slot *s = &w->runners->slots[(slot + i) % CHAOS_SLOTS];
		if (s->pid && !s->stopped && !s->terminated)
			return (slot + i) % CHAOS_SLOTS;
	}
	return slot;
}

void chaos_world_bring_back(chaos_world *w, int slot, int ms)
{
	if (slot < CHAOS_SLOTS_STEADY)
		w->runners->slots[slot].start_at = seg_now() + ms * SEG_MS;
}

void chaos_fault_kill(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	if (!w->runners->slots[slot].pid)
		chaos_world_idle(w, "no runner runs");
	chaos_runners_kill(w->runners, slot);
	chaos_world_bring_back(w, slot, 2 * f->ms);
}

static void kill_all_runners(const chaos_fault *f, chaos_world *w)
{
	for (int slot = 0; slot < CHAOS_SLOTS; slot++) {
		chaos_runners_kill(w->runners, slot);
		chaos_world_bring_back(w, slot, f->ms / 2);
	}
}

/* Mostly for about the length of a session, so that the runner wakes just after the next owner has begun. */
static void freeze_runner(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	if (!w->runners->slots[slot].pid || w->runners->slots[slot].stopped)
		chaos_world_idle(w, "no runner runs");
	int ms = f->which % 3 ? SESSION_MS * 9 / 10 + f->ms / 2 : 200 + 2 * f->ms;
	chaos_runners_freeze(w->runners, slot, seg_now() + ms * SEG_MS);
}

static void terminate_runner(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	if (!w->runners->slots[slot].pid || w->runners->slots[slot].terminated)
		chaos_world_idle(w, "no runner runs");
	chaos_runners_terminate(w->runners, slot);
	chaos_world_bring_back(w, slot, f->ms);
}

/* Runners come and go faster than sessions expire. */
static void storm(const chaos_fault *f, chaos_world *w)
{
	for (unsigned i = 0; i < 8; i++) {
		int slot = (int)((f->which >> i) % CHAOS_SLOTS);
		if (w->runners->slots[slot].pid) {
			chaos_runners_terminate(w->runners, slot);
			chaos_world_bring_back(w, slot, f->ms / 2);
		} else {
			chaos_runners_start(w->runners, slot);
		}
		chaos_world_pass(w, 50 + f->ms / 8);
	}
}

/*
 * After a kill, no other fault comes for the length of a session, so that the time of a takeover can be seen.
 */
static const chaos_fault_kind kinds[] = {
	{"kill", 6, 1100, false, false, chaos_fault_kill},
	{"kill-all", 1, 0, false, false, kill_all_runners},
	{"freeze", 6, 0, false, false, freeze_runner},
	{"terminate", 4, 0, false, false, terminate_runner},
	{"storm", 1, 0, false, false, storm},
	{"reload", 5, 0, false, true, chaos_fault_reload},
	{"full-log", 2, 0, false, false, chaos_fault_deafen},
	{"no-threads", 1, 0, true, false, chaos_fault_starve},
};

const chaos_fault_table chaos_faults_runners = {kinds, sizeof(kinds) / sizeof(kinds[0])};

/*
 * runners.h - the segrunner processes of a run, in numbered slots: started, stopped in every way there is, and brought back.
 * The main thread's.
 */
#ifndef CHAOS_RUNNERS_H
#define CHAOS_RUNNERS_H

#include <sys/types.h>

#include "chaos/history.h"

enum { CHAOS_SLOTS = 6, CHAOS_SLOTS_STEADY = 4 };

typedef struct chaos_slot {
	pid_t pid;       /* 0: none */
	bool stopped;    /* by SIGSTOP, since stopped_at */
	bool terminated; /* asked to end */
	bool killed;
	int64_t stopped_at;
	int64_t started_at; /* later by what it was stopped */
	int64_t resume_at;  /* when to wake it, or CHAOS_NEVER */
	int64_t start_at;   /* when to start the next process here, or CHAOS_NEVER */
} chaos_slot;

/* What a slot's configuration says, besides what all say. Numbers that rise. */
typedef struct chaos_variant {
	unsigned live;     /* an option that a running process takes over at once */
	unsigned consumer; /* one for which a consumer hands over to itself */
	unsigned build;    /* of the plugin */
	bool broken;       /* nobody can start with this */
} chaos_variant;

typedef struct chaos_runners {
	const char *program;   /* segrunner's path */
	const char *plugin;    /* what is copied for each slot */
	const char *directory; /* of configurations, plugins, logs and records */
	int port, session_ms;
	unsigned builds[CHAOS_SLOTS]; /* of the plugin that lies there */
	chaos_history *history;
	chaos_slot slots[CHAOS_SLOTS];
	int crashes; /* that nobody asked for */
} chaos_runners;

/*
 * Writes a configuration for each slot, with this session timeout. Every other slot's runners keep one name; the rest
 * make a new one up each time.
 */
void chaos_runners_init(chaos_runners *runners, const char *program, const char *plugin,
			const char *directory, int port, int session_ms, chaos_history *history);

void chaos_runners_start(chaos_runners *runners, int slot);

/* Writes the slot's configuration, and the plugin that it names, for its next process, or for a reload. */
void chaos_runners_configure(chaos_runners *runners, int slot, const chaos_variant *variant);

/* What is done to the process in a slot, or nothing if there is none that it can be done to. */
void chaos_runners_kill(chaos_runners *runners, int slot);
void chaos_runners_freeze(chaos_runners *runners, int slot, int64_t until);
void chaos_runners_wake(chaos_runners *runners, int slot);
void chaos_runners_terminate(chaos_runners *runners, int slot);

/* Starts, wakes and reaps what is due. To be called every few ms. */
void chaos_runners_step(chaos_runners *runners);

/* Whether none of them has begun less than a second ago. */
bool chaos_runners_settled(const chaos_runners *runners);

/* Ends all of them cleanly, by force after timeout_ms; false if force was needed. */
bool chaos_runners_end(chaos_runners *runners, int timeout_ms);

#endif

/*
 * faults.h - which faults happen, when, and to which process. All are drawn from a seed before anything runs,
 * so the same seed gives the same schedule.
 */
#ifndef CHAOS_FAULTS_H
#define CHAOS_FAULTS_H

#include "chaos/runners.h"
#include "chaos/servers.h"

/* Of the stream "chaos". */
enum { CHAOS_PARTITIONS = 8 };

typedef struct chaos_fault chaos_fault;

/* How a runner reacts when it is told to reload its configuration. */
typedef enum chaos_reload {
	CHAOS_RELOAD_UNTOUCHED, /* its consumers continue unchanged */
	CHAOS_RELOAD_EXCHANGED, /* they hand over to the reloaded ones */
	CHAOS_RELOAD_REFUSED,   /* it refuses a broken configuration */
	CHAOS_RELOAD_HINDERED,  /* Redis is away, so it cannot reload */
	CHAOS_RELOAD_SILENT,    /* it ended before it answered */
	CHAOS_RELOADS
} chaos_reload;

typedef struct chaos_world {
	chaos_runners *runners;
	chaos_servers *servers;
	chaos_history *history;
	chaos_variant variants[CHAOS_SLOTS]; /* the runners' configurations */
	pid_t ahead[CHAOS_SLOTS];        /* a process that could not yet take over the newest configuration */
	bool clean;                      /* no fault of this run may make a message come twice */
	int wrong;                       /* problems noticed while faults were injected */
	unsigned reloads[CHAOS_RELOADS]; /* how often each reaction came */
} chaos_world;

typedef struct chaos_fault_kind {
	const char *name;
	unsigned weight;
	int settle_ms; /* pause before the next fault, in addition to the gap that is drawn */
	bool outage;   /* Redis or the network are disturbed meanwhile */
	bool clean;    /* the fault must not make a message come twice */
	void (*inject)(const chaos_fault *fault, chaos_world *world);
} chaos_fault_kind;

struct chaos_fault {
	const chaos_fault_kind *kind;
	int slot;       /* the runner's slot */
	unsigned which; /* chooses a link, or whatever else the fault can vary */
	int ms;         /* how long the fault lasts: 0 to 999, scaled by the kind */
	int gap_ms;     /* until the next fault */
};

/* Fills faults[count]. only: a kind's name, or NULL for all. False if there is no such kind. */
bool chaos_faults_draw(uint64_t seed, const char *only, chaos_fault *faults, size_t count);

void chaos_faults_names(FILE *out);

/* Whether all of the faults are clean. */
bool chaos_faults_clean(const chaos_fault *faults, size_t count);

/*
 * A slot whose process runs: that slot, or the next one that has a running process. The seed draws the slot,
 * but not which processes run.
 */
int chaos_world_running(const chaos_world *world, int slot);

/* Starts a process in the slot after so many ms, unless the slot need not always have a process. */
void chaos_world_bring_back(chaos_world *world, int slot, int ms);

/*
 * Waits for at most three seconds until no runner has started within the last second; false if that time
 * never comes.
 */
bool chaos_world_settle(chaos_world *world);

/* The length of the slot's log; and the log's text after that offset, valid until the next call. */
long chaos_world_log_length(const chaos_world *world, int slot);
const char *chaos_world_said(const chaos_world *world, int slot, long from);

/* Prints a violation, and counts it. */
void chaos_world_violation(chaos_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* faults_reload.c: sends SIGHUP to a runner after a change of its configuration of every kind. */
void chaos_fault_reload(const chaos_fault *fault, chaos_world *world);

/* faults_loss.c: removes unread entries; makes a replica that lags the primary. */
void chaos_fault_trim(const chaos_fault *fault, chaos_world *world);

void chaos_fault_lose(const chaos_fault *fault, chaos_world *world);

/* faults_refusal.c: makes Redis refuse writes, because memory or the disk is full, and accept them again. */
void chaos_fault_oom(const chaos_fault *fault, chaos_world *world);
void chaos_fault_disk(const chaos_fault *fault, chaos_world *world);

/* Waits for some time, and meanwhile starts, wakes and reaps runners as planned. */
void chaos_world_pass(chaos_world *world, int ms);

#endif

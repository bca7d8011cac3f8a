/*
 * faults.h - what goes wrong, when, and to whom: all drawn from a seed before anything runs, so a seed is a schedule.
 */
#ifndef CHAOS_FAULTS_H
#define CHAOS_FAULTS_H

#include "chaos/runners.h"
#include "chaos/servers.h"

/* Of the stream "chaos". */
enum { CHAOS_PARTITIONS = 8 };

typedef struct chaos_fault chaos_fault;

/* What a runner says when it is told to read its configuration again. */
typedef enum chaos_reload {
	CHAOS_RELOAD_UNTOUCHED, /* its consumers go on */
	CHAOS_RELOAD_EXCHANGED, /* they hand over to what was reloaded */
	CHAOS_RELOAD_REFUSED,   /* the configuration is broken */
	CHAOS_RELOAD_HINDERED,  /* Redis is away */
	CHAOS_RELOAD_SILENT,    /* it ended meanwhile */
	CHAOS_RELOADS
} chaos_reload;

typedef struct chaos_world {
	chaos_runners *runners;
	chaos_servers *servers;
	chaos_history *history;
	chaos_variant variants[CHAOS_SLOTS]; /* of the runners' configurations */
	pid_t ahead[CHAOS_SLOTS];            /* the process that could not yet take over the newest one */
	bool clean;                      /* nothing that is done in this run may make a message come twice */
	int wrong;                       /* what was seen to be wrong while faults were injected */
	unsigned reloads[CHAOS_RELOADS]; /* how many had this answer */
} chaos_world;

typedef struct chaos_fault_kind {
	const char *name;
	unsigned weight;
	int settle_ms; /* before the next fault, besides the gap that is drawn */
	bool outage;   /* Redis or the network are not well meanwhile */
	bool clean;    /* nothing may come twice by it */
	void (*inject)(const chaos_fault *fault, chaos_world *world);
} chaos_fault_kind;

struct chaos_fault {
	const chaos_fault_kind *kind;
	int slot;       /* of runners */
	unsigned which; /* link, or anything else to choose among */
	int ms;         /* how long it lasts, 0 to 999 scaled by the kind */
	int gap_ms;     /* until the next */
};

/* Fills faults[count]. only: a kind's name, or NULL for all. False if there is no such kind. */
bool chaos_faults_draw(uint64_t seed, const char *only, chaos_fault *faults, size_t count);

void chaos_faults_names(FILE *out);

/* Whether all of them are clean. */
bool chaos_faults_clean(const chaos_fault *faults, size_t count);

/* A running process in that slot, or in the next that has one; what is meant comes from the seed, what runs does not. */
int chaos_world_running(const chaos_world *world, int slot);

/* A process begins in the slot in so many ms, unless it is one that need not always run. */
void chaos_world_bring_back(chaos_world *world, int slot, int ms);

/* Waits for three seconds at most until no runner has begun just now; false if one always has. */
bool chaos_world_settle(chaos_world *world);

/* How long the slot's log is; and what it says behind that, until the next call. */
long chaos_world_log_length(const chaos_world *world, int slot);
const char *chaos_world_said(const chaos_world *world, int slot, long from);

/* Something is wrong: says so, and counts it. */
void chaos_world_violation(chaos_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* faults_reload.c: SIGHUP to a runner, with all that a configuration can have become. */
void chaos_fault_reload(const chaos_fault *fault, chaos_world *world);

/* faults_loss.c: entries that nobody has read are removed; a replica that lags becomes the primary. */
void chaos_fault_trim(const chaos_fault *fault, chaos_world *world);

void chaos_fault_lose(const chaos_fault *fault, chaos_world *world);

/* faults_refusal.c: Redis refuses writes, for want of memory or of a disk, and takes them again. */
void chaos_fault_oom(const chaos_fault *fault, chaos_world *world);
void chaos_fault_disk(const chaos_fault *fault, chaos_world *world);

/* Lets some time pass in which runners are started, woken and reaped as planned. */
void chaos_world_pass(chaos_world *world, int ms);

#endif

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

typedef struct chaos_world {
	chaos_runners *runners;
	chaos_servers *servers;
	chaos_history *history;
} chaos_world;

typedef struct chaos_fault_kind {
	const char *name;
	unsigned weight;
	int settle_ms; /* before the next fault, besides the gap that is drawn */
	bool outage;   /* Redis or the network are not well meanwhile */
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

/* Lets some time pass in which runners are started, woken and reaped as planned. */
void chaos_world_pass(chaos_world *world, int ms);

#endif

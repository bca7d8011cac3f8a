/*
 * faults.h - the faults, and the world in which they happen: schedule.h draws them. Main thread only.
 */
#ifndef CHAOS_FAULTS_H
#define CHAOS_FAULTS_H

#include "chaos/runners.h"
#include "chaos/servers.h"

/* Of the stream "chaos", and of the one that a pipeline writes, which is full when nobody reads it for a while. */
enum { CHAOS_PARTITIONS = 8, CHAOS_OUTPUT_PARTITIONS = 4, CHAOS_OUTPUT_SIZE = 400 };

/* The logs of both: first those of "chaos", then those of the output, if there is one. */
enum { CHAOS_LOGS = CHAOS_PARTITIONS + CHAOS_OUTPUT_PARTITIONS };

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
	chaos_history *output; /* of a pipeline: that of the group that reads what it writes; else NULL */
	chaos_variant variants[CHAOS_SLOTS]; /* the runners' configurations */
	pid_t ahead[CHAOS_SLOTS];        /* a process that could not yet take over the newest configuration */
	bool clean;                      /* no fault of this run may make a message come twice */
	int64_t clock_most_ms;           /* how late Redis's clock has ever been: see shim.h */
	int wrong;                       /* problems noticed while faults were injected */
	unsigned reloads[CHAOS_RELOADS]; /* how often each reaction came */
	unsigned unasked;                /* failovers that no fault asked for */
	unsigned forced;                 /* failovers that the cluster did not do by itself */
	unsigned given_back; /* slots of a cluster on whose owner the nodes had disagreed for good */
	unsigned split;      /* slots whose master was replaced in the middle of a move */
	char idle[96];       /* why the present fault did nothing; "" if it happened */
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

typedef struct chaos_fault_table {
	const chaos_fault_kind *kinds;
	size_t count;
} chaos_fault_table;

/*
 * faults.c: what happens to runners, in every topology. faults_network.c: where a proxy is the network. And each topology's
 * own, of faults_TOPOLOGY.c.
 */
extern const chaos_fault_table chaos_faults_runners, chaos_faults_network, chaos_faults_single,
	chaos_faults_cluster, chaos_faults_sentinel, chaos_faults_tls;

/* faults_single.c: of a pipeline, at a single server, instead of chaos_faults_single. */
extern const chaos_fault_table chaos_faults_pipeline;

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

/* For a fault that finds nothing to break: the run counts and reports it. */
void chaos_world_idle(chaos_world *world, const char *why);

/* Prints a violation, and counts it. */
void chaos_world_violation(chaos_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* kill -9 of a runner, which comes back up to 2 s later. */
void chaos_fault_kill(const chaos_fault *fault, chaos_world *world);

/* faults_host.c: what the machine of a runner lacks. Nobody reads its log; it can start no threads. */
void chaos_fault_deafen(const chaos_fault *fault, chaos_world *world);
void chaos_fault_starve(const chaos_fault *fault, chaos_world *world);

/* faults_reload.c: sends SIGHUP to a runner after a change of its configuration of every kind. */
void chaos_fault_reload(const chaos_fault *fault, chaos_world *world);

/* faults_loss.c: removes unread entries; makes a replica that lags the primary. */
void chaos_fault_trim(const chaos_fault *fault, chaos_world *world);

void chaos_fault_lose(const chaos_fault *fault, chaos_world *world);

/* faults_target.c: the output of a pipeline is full. */
void chaos_fault_fill(const chaos_fault *fault, chaos_world *world);

/* faults_wipe.c: Redis forgets everything, or something of one partition. */
void chaos_fault_wipe(const chaos_fault *fault, chaos_world *world);
void chaos_fault_remake(const chaos_fault *fault, chaos_world *world);

/* faults_refusal.c: makes Redis refuse writes, because memory or the disk is full, and accept them again. */
void chaos_fault_oom(const chaos_fault *fault, chaos_world *world);
void chaos_fault_disk(const chaos_fault *fault, chaos_world *world);

/* faults_cluster.c, faults_sentinel.c, faults_tls.c: after the last fault, all servers are well again. */
void chaos_cluster_heal(chaos_world *world);
void chaos_sentinel_heal(chaos_world *world);
void chaos_tls_heal(chaos_world *world);

/* Waits for some time, and meanwhile starts, wakes and reaps runners as planned. */
void chaos_world_pass(chaos_world *world, int ms);

#endif

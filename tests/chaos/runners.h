/*
 * runners.h - the segrunner processes of a run, in numbered slots: starts them, stops them in every way, and
 * restarts them. Some of the slots may have programs with pull consumers instead (consumer.c). Main thread only.
 */
#ifndef CHAOS_RUNNERS_H
#define CHAOS_RUNNERS_H

#include <sys/types.h>

#include "chaos/servers.h"
#include "chaos/shim.h"

enum { CHAOS_SLOTS = 6, CHAOS_SLOTS_STEADY = 4 };

/* Small batches and a slow handler, so that messages are waiting whenever a fault comes. */
enum { CHAOS_BATCH_SIZE = 8, CHAOS_IN_FLIGHT_BATCHES = 8 };

typedef struct chaos_slot {
	pid_t pid;       /* 0: none */
	bool stopped;    /* by SIGSTOP, since stopped_at */
	bool terminated; /* SIGTERM was sent */
	bool killed;
	bool starved; /* it may have found that it can start no thread */
	int64_t stopped_at;
	int64_t started_at; /* moved later by the time in which it was stopped */
	int64_t resume_at;  /* when to wake it, or CHAOS_NEVER */
	int64_t start_at;   /* when to start the next process here, or CHAOS_NEVER */
	int64_t deaf_until; /* of the next process, or of this one: until then nobody reads its log */
	int pipe;           /* its log comes from there; 0: it writes to the file itself */
} chaos_slot;

/* What differs in a slot's configuration. The numbers rise. */
typedef struct chaos_variant {
	unsigned live;     /* an option that a running process applies at once */
	unsigned consumer; /* an option for which a consumer hands over to a new one */
	unsigned build;    /* the build of the plugin */
	bool broken;       /* the configuration is invalid: no runner can start with it */
} chaos_variant;

typedef struct chaos_runners {
	const char *program;   /* the path of segrunner */
	const char *plugin;    /* the plugin file that is copied for each slot */
	const char *reader;    /* that of a pipeline's second section; NULL: there is none */
	const char *consumer;  /* the path of chaos_consumer, which every other slot has; NULL: none */
	unsigned parallel;     /* of each section */
	const char *directory; /* for configurations, plugins, logs and records */
	const chaos_servers *servers;
	int session_ms;
	const char *start;            /* where the group begins: latest, earliest */
	bool held;                    /* no process starts, even if it is due */
	unsigned builds[CHAOS_SLOTS]; /* the build of the plugin in each slot */
	chaos_history *history;
	chaos_slot slots[CHAOS_SLOTS];
	chaos_shim *shims[CHAOS_SLOTS]; /* of the processes in each slot; NULL in a build with sanitizers */
	int crashes;                    /* ends that the run did not cause */
} chaos_runners;

/*
 * Writes a configuration for each slot. The caller has set program, plugin, reader, consumer, parallel, directory, servers, session_ms, start and
 * history, and the rest is zero. Runners in every other slot keep one name; those in the rest make up a new name each time.
 */
void chaos_runners_init(chaos_runners *runners);

void chaos_runners_start(chaos_runners *runners, int slot);

/* Whether the slot has no segrunner, but a program with pull consumers. */
bool chaos_runners_are_consumers(const chaos_runners *runners, int slot);

/* Writes the slot's configuration and plugin, for its next process or for a reload. */
void chaos_runners_configure(chaos_runners *runners, int slot, const chaos_variant *variant);

/* These act on the process in a slot. They do nothing if the slot has no process that allows it. */
void chaos_runners_kill(chaos_runners *runners, int slot);
void chaos_runners_freeze(chaos_runners *runners, int slot, int64_t until);
void chaos_runners_wake(chaos_runners *runners, int slot);
void chaos_runners_terminate(chaos_runners *runners, int slot);

/* The next process in the slot writes its log to a full pipe, which nobody reads until then. */
void chaos_runners_deafen(chaos_runners *runners, int slot, int64_t until);

/* Whether the slot's process cannot be heard now. */
bool chaos_runners_is_deaf(const chaos_runners *runners, int slot);

/* Starts, wakes and reaps processes that are due. Call it every few ms. */
void chaos_runners_step(chaos_runners *runners);

/* Whether no process has started within the last second. */
bool chaos_runners_settled(const chaos_runners *runners);

/* Stops all processes cleanly, and with SIGKILL after timeout_ms; false if one needed SIGKILL. */
bool chaos_runners_end(chaos_runners *runners, int timeout_ms);

#endif

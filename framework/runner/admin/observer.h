/*
 * observer.h - the runner's groups as Redis has them, read on request and kept for a while; and read now and then
 * without a request, for the history.
 *
 * The observer has a thread and a connection of its own, so neither the data path nor a probe waits for its
 * readings. It spends at most a twentieth of its time on reading: a group of very many partitions is read less often.
 *
 * With a reading that somebody asked for, it also looks at Redis itself, each ten seconds at most, and at once when the
 * reading failed; and then at the newest dead letters, if some have come or gone, else each minute.
 *
 * Without requests it reads each ten seconds, and less often where the group is large: all members' observers
 * together then read at most a thousand partitions a second, about a hundredth of Redis's time.
 */
#ifndef SEG_ADMIN_OBSERVER_H
#define SEG_ADMIN_OBSERVER_H

#include "config/config.h"
#include "look/letters.h"
#include "look/servers.h"
#include "look/snapshot.h"

/* The newest good reading of a group. */
typedef struct seg_observation {
	const seg_group_snapshot *
		group; /* with rates, if there was a reading before; NULL: no reading has succeeded yet; `error` says why */
	int64_t taken_at;           /* seg_wall_clock() of that reading; 0: none has succeeded */
	const char *error;          /* of the newest reading; "": it succeeded */
	const seg_letters *letters; /* of the newest dead letters; NULL: not read yet */
	bool stale; /* `error`, and the group is of before a session_timeout: others may own its partitions since */
} seg_observation;

/* The newest look at Redis itself. */
typedef struct seg_observed_servers {
	const seg_servers *servers; /* NULL: nobody has looked yet */
	int64_t taken_at;           /* seg_wall_clock() */
} seg_observed_servers;

typedef struct seg_observer seg_observer;

/*
 * Gets each reading of consumer number `index`, with the rates since the reading before it; NULL: Redis did not answer, or
 * has no such group. On the observer's thread, which holds no lock.
 */
typedef void seg_observer_seen_fn(void *arg, size_t index, const seg_group_snapshot *group);

/*
 * Starts a thread that reads the groups of the config's consumers. The options are copied; the config, and what the
 * options and `arg` point to, must outlive the observer. seen: NULL, and then it reads on request only. Returns NULL if the system
 * refuses memory or a thread.
 */
seg_observer *seg_observer_start(const seg_config *config, const seg_client_options *options,
				 seg_observer_seen_fn *seen, void *arg, seg_error *error);

/*
 * Ends the running reading and each seg_observer_refresh at once; no reading begins any more. What was read can still
 * be held. Any thread. NULL is allowed.
 */
void seg_observer_cancel(seg_observer *observer);

/* Cancels, waits for the thread, and frees: within a second, while it connects; else at once. NULL is allowed. */
void seg_observer_stop(seg_observer *observer);

/*
 * Makes the observations no older than max_age (ns), if possible: waits for a new reading, at most one second, and
 * not at all while Redis does not answer. Any thread. NULL is allowed.
 */
void seg_observer_refresh(seg_observer *observer, int64_t max_age);

/*
 * The group of consumer number `index` of the config, or Redis, valid until it is let go; let it go soon, for a finished reading
 * waits for that. Any thread.
 */
seg_observation seg_observer_hold(seg_observer *observer, size_t index);
seg_observed_servers seg_observer_hold_servers(seg_observer *observer);
void seg_observer_let_go(seg_observer *observer);

#endif

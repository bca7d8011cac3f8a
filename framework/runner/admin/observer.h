/*
 * observer.h - the runner's groups as Redis has them: read when somebody asks, and remembered for a while.
 *
 * It has a thread and a connection of its own, so neither the data path nor a probe waits for what is read
 * here. It reads at most as often as it is asked, and spends at most a twentieth of its time on it: a group
 * of very many partitions is read less often.
 */
#ifndef SEG_ADMIN_OBSERVER_H
#define SEG_ADMIN_OBSERVER_H

#include "config/config.h"

/* A group at one time. */
typedef struct seg_snapshot {
	const seg_group_info *info; /* NULL: it could not be read yet, `error` says why */
	/*
	 * For each partition: how long, in seconds, its oldest message that is not committed has been in
	 * the log, by this machine's clock and the time in its id. 0: there is none; negative: unknown.
	 */
	const double *waiting;
	int64_t taken_at;  /* seg_wall_clock() of the last reading that succeeded; 0: none did */
	const char *error; /* of the newest reading; "": it succeeded */
} seg_snapshot;

typedef struct seg_observer seg_observer;

/*
 * Starts reading the groups of the config's consumers. The options are copied; what they point to, and the
 * config, outlive it. NULL if out of memory, or if there is no thread to be had.
 */
seg_observer *seg_observer_start(const seg_config *config, const seg_client_options *options);

/* Returns within about a second. NULL is allowed. */
void seg_observer_stop(seg_observer *observer);

/*
 * Sees to it that the snapshots are no older than max_age (ns), where that is possible: waits for a new
 * reading, for at most a second, and not at all while Redis does not answer. Any thread. NULL is allowed.
 */
void seg_observer_refresh(seg_observer *observer, int64_t max_age);

/* The group of consumer number `index` of the config; valid until it is let go, soon. Any thread. */
seg_snapshot seg_observer_hold(seg_observer *observer, size_t index);
void seg_observer_let_go(seg_observer *observer);

#endif

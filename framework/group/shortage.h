/*
 * shortage.h - what this member cannot serve: it gives such partitions back, so that other members serve them. I/O thread, but
 * for seg_shortage_look.
 *
 * A partition is not served while its worker cannot be started, or cannot open it. After some patience the member releases it
 * and announces a limit with its heartbeat: it takes no more partitions than it has left (lua/coordinate.lua). After a pause
 * that grows with each failure, the member raises the limit by one, then by two, by four, as long as it serves what
 * it gets, until it has its whole share again. So at most one partition suffers from a trial.
 */
#ifndef SEG_GROUP_SHORTAGE_H
#define SEG_GROUP_SHORTAGE_H

#include "group/state.h"

/* Why a partition is not served. */
typedef enum seg_shortage {
	SEG_SHORTAGE_THREADS, /* the system refuses a thread */
	SEG_SHORTAGE_MEMORY,  /* there is no memory for the next messages */
	SEG_SHORTAGE_OPEN,    /* the plugin's partition_open fails */
	SEG_SHORTAGE_STATE,   /* what handlers have kept belongs to another kind of `parallel` */
	SEG_SHORTAGE_VALUES,  /* Redis refuses to let what handlers have kept be read */
	SEG_SHORTAGE_UNREAD,  /* what is read of it is never as many values as Redis counts */
} seg_shortage;

void seg_shortage_init(seg_member *member);
void seg_shortage_fini(seg_member *member);

/* A new ownership begins: it is not known yet whether it can be served. */
void seg_shortage_begin(seg_partition *partition);

/* For the hooks, as often as they like: the partition has not been served since `since` (seg_now()); `reason` is for people. */
void seg_shortage_tell(seg_partition *partition, seg_shortage why, int64_t since, const char *reason);

/* For the hooks, as often as they like: the partition is served. */
void seg_shortage_served(seg_partition *partition);

/* Raises the limit if that is due. Returns when to call again (seg_now()). */
int64_t seg_shortage_step(seg_member *member, int64_t now);

/* Room for what seg_shortage_share writes. */
#define SEG_SHORTAGE_SHARE_MAX (64 + SEG_PAGE_URL_MAX)

/*
 * For a heartbeat that reports membership.reporting: writes the share that the member asks for, "100", or "20:threads 100" with
 * a limit; and in front of the capacity its page, "20:threads page=http://host:9464/ 100".
 */
void seg_shortage_share(seg_member *member, uint32_t capacity, char text[SEG_SHORTAGE_SHARE_MAX]);

/* Room for a reason, its NUL included. */
#define SEG_SHORTAGE_REASON_MAX 256

/*
 * Any thread: whether some partition cannot be served, or was given back for that. Copies the newest reason, and how many
 * partitions are served.
 */
bool seg_shortage_look(seg_member *member, uint32_t *served, char reason[SEG_SHORTAGE_REASON_MAX]);

#endif

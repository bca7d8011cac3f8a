/*
 * roster.h - the members of a group as Redis has them. A member whose lease has ended stays listed until another
 * member notices.
 */
#ifndef SEG_LOOK_ROSTER_H
#define SEG_LOOK_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/names.h"
#include "base/page_url.h"
#include "stream/exchange.h"

typedef struct seg_roster_member {
	char name[SEG_NAME_MAX + 1];
	uint32_t capacity; /* 0: the member is stopping */
	int64_t limit;     /* of the partitions that it can serve; -1: none */
	char short_of[16]; /* with a limit: "threads", "memory", "open", "state", "values" or "unread" */
	char page[SEG_PAGE_URL_MAX]; /* the URL of its page, for a browser; "": it tells none */
	double lease_left;           /* seconds; 0 or less: the lease has ended */
} seg_roster_member;

typedef struct seg_roster {
	seg_roster_member *members; /* by name */
	size_t count;
	size_t live; /* valid leases */
} seg_roster;

/* Reads the members of a group, an empty roster if there is no such group. 0, or a status with an error. */
int seg_roster_read(seg_client *client, const char *stream, const char *group, seg_roster *roster,
		    seg_error *error);

/* Leaves an empty roster. Freeing an empty one is allowed. */
void seg_roster_free(seg_roster *roster);

/* NULL if no member has that name. */
const seg_roster_member *seg_roster_find(const seg_roster *roster, const char *name);

/* --- for a reading that asks for more than the members --- */

/*
 * Makes a roster of three replies: HGETALL of `members`, ZRANGE ... WITHSCORES of `leases`, and TIME. Frees what it
 * held. False if out of memory; then it is empty.
 */
bool seg_roster_parse(seg_roster *roster, const seg_reply *members, const seg_reply *leases,
		      const seg_reply *time);

/* Milliseconds in a reply to TIME. */
double seg_roster_time_ms(const seg_reply *time);

#endif

/* roster.h - the members of a group as Redis knows them, dead ones that nobody has noticed yet included. */
#ifndef CTL_ROSTER_H
#define CTL_ROSTER_H

#include "base/names.h"
#include "context.h"

typedef struct ctl_member {
	char name[SEG_NAME_MAX + 1];
	uint32_t capacity;
	double lease_left; /* seconds; 0 or less: it has ended */
} ctl_member;

typedef struct ctl_roster {
	ctl_member *members; /* by name */
	size_t count;
	size_t live; /* those with a valid lease */
} ctl_roster;

/* 0, or an exit code, its reason printed. Free with ctl_roster_free in any case. */
int ctl_roster_read(ctl_context *context, const char *stream, const char *group, ctl_roster *roster);
void ctl_roster_free(ctl_roster *roster);

/* NULL if there is none of that name. */
const ctl_member *ctl_roster_find(const ctl_roster *roster, const char *name);

/* "a, b and 3 more": the names of those with a valid lease. Returns text. */
char *ctl_roster_names(const ctl_roster *roster, char *text, size_t size);

#endif

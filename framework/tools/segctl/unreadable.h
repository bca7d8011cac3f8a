/*
 * unreadable.h - streams and groups that cannot be shown, because Redis has something else under one of their keys, or their
 * format is newer than this segctl. The others are shown all the same. One thread.
 */
#ifndef CTL_UNREADABLE_H
#define CTL_UNREADABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/names.h"

typedef struct ctl_unreadable {
	char stream[SEG_NAME_MAX + 1];
	char group[SEG_NAME_MAX + 1]; /* "": the stream as a whole */
	seg_error why;
	bool told;
	bool found; /* in this search */
} ctl_unreadable;

/* Zero it first. */
typedef struct ctl_unreadables {
	ctl_unreadable *list;
	size_t count;
} ctl_unreadables;

/* Whether the error is of one stream or group alone, so that a listing goes on without it. */
bool ctl_is_unreadable(const seg_error *error);

/* A search for streams (or groups) begins: what it does not add is dropped at its end. */
void ctl_unreadables_begin(ctl_unreadables *all, bool groups);
void ctl_unreadables_end(ctl_unreadables *all, bool groups);

/* group: "" for the stream as a whole. */
void ctl_unreadables_add(ctl_unreadables *all, const char *stream, const char *group, const seg_error *why);

/* Prints a line on standard error for each that has none yet. The exit code of the first; EX_OK if there is none. */
int ctl_unreadables_complain(ctl_unreadables *all);

void ctl_unreadables_free(ctl_unreadables *all);

#endif

/* status.h - a set of HTTP statuses, written as "408, 425, 429, 5xx". Pure; any thread. */
#ifndef PLUGINS_HTTP_STATUS_H
#define PLUGINS_HTTP_STATUS_H

#include <stdbool.h>

enum { STATUS_MAX = 600 };

typedef struct status_set {
	bool has[STATUS_MAX];
} status_set;

/* Reads a list of three-digit statuses and of classes such as 5xx. Returns 0, or -1 if the list is invalid. */
int status_set_parse(status_set *set, const char *list);

static inline bool status_set_has(const status_set *set, long status)
{
	return status >= 0 && status < STATUS_MAX && set->has[status];
}

#endif

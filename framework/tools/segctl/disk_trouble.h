/* disk_trouble.h - whether the disk of an embedded Redis is full. Needs no server. */
#ifndef CTL_DISK_TROUBLE_H
#define CTL_DISK_TROUBLE_H

#include <stdbool.h>

/* Sentences without a full stop. */
typedef struct ctl_trouble {
	char what[400];
	char remedy[512];
} ctl_trouble;

/* directory: the embedded Redis's, or NULL. */
bool ctl_disk_trouble(const char *directory, ctl_trouble *trouble);

#endif

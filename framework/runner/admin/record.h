/*
 * record.h - writes what the observer reads, and what this runner counts meanwhile, into the groups' histories. The
 * observer's thread.
 */
#ifndef SEG_ADMIN_RECORD_H
#define SEG_ADMIN_RECORD_H

#include "admin/observer.h"

/* A seg_observer_seen_fn; the seg_admin is its argument. */
void seg_admin_record(void *admin, size_t index, const seg_group_snapshot *group);

#endif

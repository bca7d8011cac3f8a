/* log_info.h - what XINFO STREAM says about a partition's log. */
#ifndef CTL_LOG_INFO_H
#define CTL_LOG_INFO_H

#include "batch.h"

typedef struct ctl_log_info {
	uint64_t length; /* entries in the log */
	uint64_t added;  /* entries added to the log, ever */
	seg_id first;    /* the oldest entry; 0-0 if there is none */
	seg_id last;     /* the newest entry, even if it was removed; 0-0 if there never was one */
} ctl_log_info;

/* Reads a reply of XINFO STREAM. All zero for any other reply, such as the error for a log that does not exist yet. */
ctl_log_info ctl_log_info_read(const seg_reply *reply);

#endif

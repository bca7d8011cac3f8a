/*
 * reload.h - SIGHUP: reads the configuration again, and puts it in force if nothing in it is wrong. Main thread.
 */
#ifndef SEG_HOST_RELOAD_H
#define SEG_HOST_RELOAD_H

#include "host/consumers.h"
#include "host/logfile.h"
#include "host/service.h"

/* A configuration that was read again, and what is wrong with it. */
typedef struct seg_reloaded seg_reloaded;

/* Set all but `reloaded` before the first reload; what they point to outlives this. */
typedef struct seg_reload {
	const seg_config *started;  /* with which segrunner was started: what needs a restart is as there */
	const seg_config *in_force; /* the newest, for all other options */
	seg_reloaded *reloaded;     /* the newest first, and those that sections still refer to */
	seg_consumers *consumers;
	seg_service *service;
	seg_logfile *log;
	seg_logger logger;
} seg_reload;

/*
 * Reads the file of the configuration again, and opens the log file anew. Logs how it went; where something is wrong,
 * nothing changes.
 */
void seg_reload_run(seg_reload *reload);

/* Frees all configurations that were read again. No section refers to one. */
void seg_reload_fini(seg_reload *reload);

#endif

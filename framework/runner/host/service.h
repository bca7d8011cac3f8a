/*
 * service.h - what the service manager is told of a runner: when it is ready, and how it does, in one line. Main thread.
 *
 * A runner is ready when each of its sections is a member of its group.
 */
#ifndef SEG_HOST_SERVICE_H
#define SEG_HOST_SERVICE_H

#include "work/section.h"

typedef struct seg_service {
	bool ready;                 /* the service manager was told so */
	int64_t counted_at;         /* seg_now() when `handled` was read; 0: never */
	unsigned long long handled; /* messages until then, by all sections */
	int64_t status_at;          /* seg_now() at which the next line is due */
	int64_t extend_at;          /* seg_now() at which more time to start is asked for */
	char status[256];           /* the line that was told last */
} seg_service;

/* Tells this as the line; for what happens before the runner is ready, and while it ends. */
__attribute__((format(printf, 2, 3))) void seg_service_say(seg_service *service, const char *format, ...);

/*
 * While the start goes on with what a restart would begin anew: asks the service manager for more time, if that is due. `now` is
 * seg_now(). Returns the longest time, in ms, until the next call.
 */
int seg_service_extend_start(seg_service *service, int64_t now);

/* A reload begins. The runner is ready again, with the new configuration, once each section is a member. */
void seg_service_reloading(seg_service *service);

/* The longest time, in ms, between two looks. */
int seg_service_pause_ms(const seg_service *service);

/* Looks at the sections, and tells the service manager what is new. `now` is seg_now(). */
void seg_service_look(seg_service *service, seg_section *const *sections, size_t count, int64_t now);

#endif

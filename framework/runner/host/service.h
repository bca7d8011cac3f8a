/*
 * service.h - a runner as whoever supervises it sees it: whether it is up, whether it gets on, and how it does, in a line.
 *
 * It is up when each section is a member of its group. It gets on while no handler is past handler_timeout, and each
 * section's I/O thread goes round when it is nudged: then, and only then, systemd's watchdog is told so.
 * Functions are the main thread's.
 */
#ifndef SEG_HOST_SERVICE_H
#define SEG_HOST_SERVICE_H

#include "work/section.h"

typedef struct seg_service {
	bool ready;       /* it was said */
	int64_t watchdog; /* ns; 0: nobody watches */
	int64_t alive_at; /* when the next sign of life is due */
	int64_t status_at;
	unsigned long long handled; /* messages, when the last line was written */
	char status[256];           /* that line */
} seg_service;

void seg_service_init(seg_service *service);

/* What is going on, before it is up or while it is ending. */
__attribute__((format(printf, 2, 3))) void seg_service_say(seg_service *service, const char *format, ...);

/* It is up again, with what a reload has put in force, once each section is a member. */
void seg_service_reloading(seg_service *service);

/* How long the main thread may sleep, in ms, before it looks again. */
int seg_service_pause(const seg_service *service);

/* Looks at the sections, and tells what is new. */
void seg_service_look(seg_service *service, seg_section *const *sections, size_t count);

#endif

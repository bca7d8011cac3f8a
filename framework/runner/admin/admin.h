/*
 * admin.h - a runner, seen from outside: over HTTP, by people, by Prometheus, by whoever probes whether it
 * lives.
 *
 *     server.c     HTTP                     health.c    /livez, /readyz
 *     access.c     who may ask              metrics.c   /metrics
 *     events.c     what happened lately     api.c       /api/v1/...
 *     observer.c   groups as Redis has them page.c      /
 *
 * Nobody who handles messages ever waits for it: counters are read as they stand, and Redis is asked by the
 * observer's thread on a connection of its own. Functions are the main thread's; a NULL admin is one that
 * is off, and does nothing.
 */
#ifndef SEG_ADMIN_ADMIN_H
#define SEG_ADMIN_ADMIN_H

#include "work/section.h"

typedef struct seg_admin seg_admin;

/*
 * NULL where the configuration says off, or if out of memory. `name` is this runner's. Config, name and
 * what the logger leads to outlive it.
 */
seg_admin *seg_admin_create(const seg_config *config, const char *name, seg_logger logger);

/* After all who use its logger. */
void seg_admin_destroy(seg_admin *admin);

/* A logger that goes on to `logger`, and remembers what it is told as an event; it serves until the end. */
seg_logger seg_admin_logger(seg_admin *admin, seg_logger logger);

/* Listens, and answers. 0, SEG_ESYSTEM or SEG_ENOMEM with an error. */
int seg_admin_start(seg_admin *admin, seg_error *error);

/* Redis can be asked from now on, with these options. They are copied, what they point to outlives it. */
void seg_admin_observe(seg_admin *admin, const seg_client_options *options);

/*
 * The section of consumer number `index` of the config has started. It stays as it is until it is detached.
 */
void seg_admin_attach(seg_admin *admin, const seg_section *section, size_t index);

/*
 * The configuration is another one from now on, and no section is attached. Answers nobody for a moment.
 * What it says of admin itself is not heeded.
 */
void seg_admin_reload(seg_admin *admin, const seg_config *config);

/* Whether the runner stands by: then it is not ready, and means to be so. */
void seg_admin_set_standby(seg_admin *admin, bool standby);

/* The runner is ending: it is not ready any more. */
void seg_admin_set_stopping(seg_admin *admin);

/* Returns when nobody looks at the section any more, and will not again. */
void seg_admin_detach(seg_admin *admin, const seg_section *section);

/* Answers nobody any more, and leaves Redis. Returns within about a second. */
void seg_admin_stop(seg_admin *admin);

#endif

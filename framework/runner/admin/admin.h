/*
 * admin.h - the admin server: shows a runner over HTTP to people, to Prometheus, and to probes of its health.
 *
 *     server.c     HTTP                     health.c    /livez, /readyz
 *     access.c     who may ask              metrics.c   /metrics
 *     connections.c  how many, how long
 *     events.c     recent log lines         api.c       /api/v1/...
 *     observer.c   groups as Redis has them page.c      /
 *     history.c    their last hour
 *
 * No thread that handles messages waits for the admin server: counters are read without a lock, and the observer's
 * thread asks Redis on a connection of its own. The main thread calls all of these functions. A NULL admin is off;
 * every function accepts it and does nothing.
 */
#ifndef SEG_ADMIN_ADMIN_H
#define SEG_ADMIN_ADMIN_H

#include "work/section.h"

typedef struct seg_admin seg_admin;

/*
 * NULL if the configuration turns admin off, or if out of memory, which is logged. `name` is this runner's. The config,
 * the name and the logger's argument must outlive the admin.
 */
seg_admin *seg_admin_create(const seg_config *config, const char *name, seg_logger logger);

/* Call it after the last use of its logger. */
void seg_admin_destroy(seg_admin *admin);

/* A logger that keeps each line as an event and passes it to `logger`. It works until seg_admin_destroy. */
seg_logger seg_admin_logger(seg_admin *admin, seg_logger logger);

/* Listens and answers requests. 0, or SEG_ESYSTEM, SEG_ENOMEM or SEG_EINVAL with an error. */
int seg_admin_start(seg_admin *admin, seg_error *error);

/* Begins to read groups from Redis, with these options. They are copied; what they point to must outlive the admin. */
void seg_admin_observe(seg_admin *admin, const seg_client_options *options);

/*
 * Why the newest attempt to start the section of consumer number `index` has failed, or with SEG_ADMIN_NO_SECTION, to connect before; it
 * is repeated. "": nothing stands in the way any more.
 */
#define SEG_ADMIN_NO_SECTION SIZE_MAX
void seg_admin_set_obstacle(seg_admin *admin, size_t index, const char *why);

/*
 * The section of consumer number `index` of the config has started, and so nothing stands in the way. It must stay valid until it is
 * detached.
 */
void seg_admin_attach(seg_admin *admin, const seg_section *section, size_t index);

/*
 * Takes another configuration, which must outlive the admin, and detaches all sections. The server is away for a moment.
 * The address and the token stay those of the first configuration. Without memory, or if the server cannot listen again,
 * admin is off until the next reload, and an error is logged.
 */
void seg_admin_reload(seg_admin *admin, const seg_config *config);

/* Whether the runner stands by (SIGUSR1). While it does, it is not ready. */
void seg_admin_set_standby(seg_admin *admin, bool standby);

/* How many lines of the log were lost so far. */
void seg_admin_set_lost_lines(seg_admin *admin, uint64_t lines);

/* The runner is stopping: from now on it is not ready. */
void seg_admin_set_stopping(seg_admin *admin);

/* Returns once no answer reads the section, and none will. */
void seg_admin_detach(seg_admin *admin, const seg_section *section);

/* Stops the server and the observer. Returns within about a second, also while Redis does not answer. */
void seg_admin_stop(seg_admin *admin);

#endif

/* view.h - the parts of an admin that its routes read. Routes run on the server's threads. */
#ifndef SEG_ADMIN_VIEW_H
#define SEG_ADMIN_VIEW_H

#include <pthread.h>
#include <stdatomic.h>

#include "admin/events.h"
#include "admin/history.h"
#include "admin/observer.h"
#include "admin/server.h"
#include "work/section.h"

struct seg_admin {
	/* Changes in a reload only, while the server and the observer are stopped. */
	const seg_config *config;
	seg_history **histories; /* one for each consumer; NULL in it: there was no memory */
	size_t history_count;    /* the config may be gone when admin ends */

	/* Constant. */
	const char *address; /* of the server */
	seg_server_access access;
	seg_client_options observing;
	const char *name;
	int64_t started_at; /* seg_wall_clock() */
	seg_logger logger;
	seg_server *server;
	seg_events *events;
	char *page;        /* HTML */
	char *page_policy; /* its Content-Security-Policy */

	/* Any thread. */
	_Atomic(seg_observer *)
		observer; /* NULL: not started yet, or there was no memory or no thread for it */
	atomic_bool stopping, standby;
	_Atomic uint64_t lost_lines; /* of the log */

	/* Under the lock: one for each consumer of the config, NULL if that section has not started. */
	pthread_mutex_t lock;
	const seg_section **sections;
	size_t section_count;
	/* What those that have not started wait for; "": Redis's first answer. */
	char obstacle[SEG_ERROR_TEXT_MAX];
	size_t held_up; /* whose obstacle it is, the others wait for that section; SEG_ADMIN_NO_SECTION: of all */
};

/* The routes. `arg` is the seg_admin. */
void seg_health_live(void *arg, const seg_http_request *request, seg_http_answer *answer);
void seg_health_ready(void *arg, const seg_http_request *request, seg_http_answer *answer);
void seg_metrics_answer(void *arg, const seg_http_request *request, seg_http_answer *answer);
void seg_api_status(void *arg, const seg_http_request *request, seg_http_answer *answer);
void seg_api_group(void *arg, const seg_http_request *request, seg_http_answer *answer);
void seg_api_redis(void *arg, const seg_http_request *request, seg_http_answer *answer);
void seg_api_history(void *arg, const seg_http_request *request, seg_http_answer *answer);
void seg_api_events(void *arg, const seg_http_request *request, seg_http_answer *answer);
void seg_page_answer(void *arg, const seg_http_request *request, seg_http_answer *answer);

/* The consumer of "STREAM/GROUP", or NULL. */
const seg_config_consumer *seg_view_consumer(const struct seg_admin *admin, const char *tail);

/* What to say then. */
#define SEG_VIEW_NO_CONSUMER \
	"no [consumer] section of this runner has that stream and group; /api/v1/status lists the sections"

/*
 * Reads ?after=, 0 if there is none. False if it is no whole number: then the answer says so, and what the number is, such as
 * "a Unix time in ms".
 */
bool seg_view_after(const seg_http_request *request, const char *is, uint64_t *after,
		    seg_http_answer *answer);

/* The health of a runner: the worst of its sections. */
typedef enum seg_health { SEG_HEALTH_GOOD, SEG_HEALTH_DEGRADED, SEG_HEALTH_NOT_READY } seg_health;

typedef struct seg_health_finding {
	seg_health health;    /* what it makes of the runner */
	const char *kind;     /* "runner", "membership", "stuck", "refusal", "shortage" or "hindrance" */
	const char *consumer; /* the section's name; NULL: the whole runner */
	const char *reason;   /* a sentence without a full stop, with the section's name */
} seg_health_finding;

typedef void seg_health_say_fn(void *arg, const seg_health_finding *finding);

/* Calls `say`, unless it is NULL, with each finding. Under the lock. */
seg_health seg_health_judge(const struct seg_admin *admin, seg_health_say_fn *say, void *arg);

#endif

/*
 * redis.h - the Redis of a run: starts the embedded server if the configuration asks for one, connects, and looks after
 * the embedded server. Main thread; errands make the calls that may block.
 */
#ifndef SEG_HOST_REDIS_H
#define SEG_HOST_REDIS_H

#include "admin/admin.h"
#include "embedded/embedded.h"
#include "host/service.h"
#include "host/wait.h"

typedef struct seg_redis {
	/* Set before the rest; what they point to outlives this. */
	const seg_config *config;
	seg_wait *wait;
	seg_service *service;
	seg_admin *admin;
	seg_logger logger;

	seg_embedded *embedded; /* NULL: the configuration asks for none, or it is not attached */
	seg_client *client;     /* NULL: not connected */

	seg_errand errand;
	/* The errand's, while it is under way. */
	struct {
		seg_client_options options;
		seg_embedded *embedded;
		seg_client *client;
		int status;
		seg_error error;
	} under_way;
	bool starting; /* the embedded server starts, or loads its data */

	/* Looking after the embedded server, also while another errand is under way. */
	seg_errand care; /* starts it again */
	bool caring;     /* that is under way, with: */
	int care_status;
	seg_error care_error;
	bool leaving;    /* nothing is started any more */
	int64_t look_at; /* seg_now() */
} seg_redis;

/*
 * Attaches to the embedded server and connects; waits as long as Redis is away. Logs what is wrong. Returns an exit code:
 * EX_OK, without a client, also where the runner shall end first.
 */
int seg_redis_open(seg_redis *redis);

/* Starts the embedded server again if it has died. For each look of the main thread, whatever it waits for; never waits. */
void seg_redis_look(seg_redis *redis);

/*
 * Detaches from the embedded server: its last user stops it, which may take long. A second signal leaves that to the
 * server's keeper. Nobody uses the client, or ever will.
 */
void seg_redis_detach(seg_redis *redis);

#endif

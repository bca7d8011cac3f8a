/*
 * servers.h - a primary redis-server that loses nothing it has confirmed (AOF, fsync always) and its replica; what can
 * happen to them, with the proxy and the audit led along. The main thread's.
 */
#ifndef CHAOS_SERVERS_H
#define CHAOS_SERVERS_H

#include <hiredis/hiredis.h>

#include "chaos/audit.h"
#include "chaos/proxy.h"
#include "harness/server.h"

typedef struct chaos_servers {
	test_server *primary, *replica;
	redisContext *control; /* to the primary; NULL while it is down */
	chaos_proxy *proxy;
	chaos_audit_listener *audit;
} chaos_servers;

/*
 * Starts both, the proxy and the audit; ends the program where it cannot. crashes: they may, and so each write is on the
 * disk before it is confirmed.
 */
void chaos_servers_start(chaos_servers *servers, bool crashes);
void chaos_servers_stop(chaos_servers *servers, chaos_history *history);

/* One command to the primary; NULL if it did not answer. Freed by the caller. */
redisReply *chaos_servers_command(chaos_servers *servers, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Waits until the primary answers and the audit listens, for 20 s at most; false if not. */
bool chaos_servers_wait(chaos_servers *servers);

/* kill -9, and a restart on the same files after down_ms. */
void chaos_servers_crash(chaos_servers *servers, int down_ms);

/* The replica becomes the primary once it has all that the primary has; false if it did not get there in time. */
bool chaos_servers_fail_over(chaos_servers *servers);

/*
 * The replica follows the primary no longer: what is written from now on it will not have. False if it did not follow it, or
 * not soon.
 */
bool chaos_servers_part(chaos_servers *servers);

/* What has parted becomes the primary; tells of each partition of the stream "chaos" what that lost. */
void chaos_servers_promote(chaos_servers *servers, chaos_rollback *rollbacks, uint32_t partitions);

/* Breaks all connections of clients. */
void chaos_servers_kill_clients(chaos_servers *servers);

#endif

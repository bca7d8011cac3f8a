/*
 * servers.h - a primary redis-server that loses no confirmed write (AOF, fsync always) and its replica; the
 * faults of both, which the proxy and the audit follow. Main thread only.
 */
#ifndef CHAOS_SERVERS_H
#define CHAOS_SERVERS_H

#include <hiredis/hiredis.h>

#include "chaos/audit.h"
#include "chaos/proxy.h"
#include "harness/server.h"

typedef struct chaos_servers {
	test_server *primary, *replica;
	redisContext *control; /* to the primary; NULL while the primary is down */
	chaos_proxy *proxy;
	chaos_audit_listener *audit;
} chaos_servers;

/*
 * Starts both servers, the proxy and the audit; ends the program on failure. crashes: the servers may crash,
 * so each write is on the disk before it is confirmed.
 */
void chaos_servers_start(chaos_servers *servers, bool crashes);
void chaos_servers_stop(chaos_servers *servers, chaos_history *history);

/* Sends one command to the primary; NULL if it did not answer. The caller frees the reply. */
redisReply *chaos_servers_command(chaos_servers *servers, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Waits for at most 20 s until the primary answers and the audit listens; false if they do not. */
bool chaos_servers_wait(chaos_servers *servers);

/* kill -9, and a restart on the same files after down_ms. */
void chaos_servers_crash(chaos_servers *servers, int down_ms);

/*
 * Makes the replica the primary once it has all of the primary's data; false if it did not catch up in time.
 */
bool chaos_servers_fail_over(chaos_servers *servers);

/*
 * Detaches the replica from the primary: it will lack everything written from now on. False if it did not
 * follow the primary, or not soon.
 */
bool chaos_servers_part(chaos_servers *servers);

/* Makes the detached replica the primary; reports for each partition of the stream "chaos" what that lost. */
void chaos_servers_promote(chaos_servers *servers, chaos_rollback *rollbacks, uint32_t partitions);

/* Closes all connections of clients. */
void chaos_servers_kill_clients(chaos_servers *servers);

#endif

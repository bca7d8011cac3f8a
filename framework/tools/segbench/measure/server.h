/*
 * server.h - the redis-server that segbench measures against. segbench starts the server in a temporary
 * directory, without persistence, on a Unix socket and on a free TCP port. The server ends with segbench.
 * Some experiments start more servers beside it: topology.h.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_SERVER_H
#define SEGBENCH_MEASURE_SERVER_H

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct bench_server {
	const char *program;
	char directory[64]; /* the files of everything that segbench starts */
	char socket[96];
	int port;
	int bus_port; /* of a node of a cluster; 0: none */
	bool tcp;     /* whether the measured programs connect through TCP */
	bool replica; /* whether the server copies the server before it in the chain */
	bool peer;    /* whether this is no Redis at all: nats.h */
	/* Where the measured programs connect: to the server itself, or to a relay (link.h). */
	char client_socket[96];
	int client_port;
	char address[112];     /* for seg_client_options: client_socket, or with `tcp` client_port */
	char ca_file[96];      /* for seg_client_options, with TLS; "": without */
	uint32_t ack_replicas; /* for seg_client_options */
	pid_t link_pid;        /* link.c's; 0 without a relay */
	atomic_llong *link_delay;
	pid_t pid;
	redisContext *admin; /* the connection for commands that are not measured */
	/* A chain: the server that belongs to the same topology, a master of the cluster or a replica; NULL: none. */
	struct bench_server *next;
} bench_server;

/* Starts the program, or redis-server for NULL, and waits until it replies. */
void bench_server_start(bench_server *server, const char *program, bool tcp);

typedef enum bench_server_kind {
	SERVER_PLAIN,
	SERVER_TLS,     /* its TCP port speaks TLS, with a certificate that segbench makes */
	SERVER_CLUSTER, /* a node of a cluster without slots; see topology.h */
} bench_server_kind;

/* The same for one more server, through TCP; its directory is inside that of `beside`. */
void bench_server_start_beside(bench_server *server, const bench_server *beside, bench_server_kind kind);

/* A TCP port of the loopback that nobody uses. */
int bench_server_free_port(void);

/* Ends redis-server and the relay, and removes the directory. Safe to call twice. */
void bench_server_stop(bench_server *server);

/* The measured programs connect there from now on. */
void bench_server_set_port(bench_server *server, int port);
void bench_server_set_socket(bench_server *server, const char *path);

/* Opens a blocking connection as a measured program does, through TCP if the server's `tcp` is set. The caller frees the connection. */
redisContext *bench_server_connect(const bench_server *server);

/* Waits for the next reply on a connection. The reply is not an error. The caller frees the reply. */
redisReply *bench_server_reply(redisContext *connection, const char *command);

/* Runs a command on the admin connection. The reply is not an error. The caller frees the reply. */
__attribute__((format(printf, 2, 3))) redisReply *bench_server_command(bench_server *server,
								       const char *format, ...);

/* The same, for commands whose reply does not matter. */
__attribute__((format(printf, 2, 3))) void bench_server_do(bench_server *server, const char *format, ...);

/* The number that follows `name:` in a section of INFO. */
double bench_server_info(bench_server *server, const char *section, const char *name);

/* The CPU time that all servers of the chain have used, all threads, in ns. */
int64_t bench_server_cpu(bench_server *server);

#endif

/*
 * monitor.h - counts the commands that clients send to a server, with MONITOR.
 *
 * A function that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_MONITOR_H
#define SEGBENCH_MEASURE_MONITOR_H

#include "measure/server.h"

/* Opens a connection to which Redis sends each command from now on. */
redisContext *bench_monitor_open(const bench_server *server);

/* The number of commands that clients have sent since then, without the commands that scripts ran. Closes the connection. */
unsigned bench_monitor_close(redisContext *monitor, bench_server *server);

#endif

#include "measure/monitor.h"

#include <string.h>

#include "measure/reply.h"

redisContext *bench_monitor_open(const bench_server *server)
{
	redisContext *monitor = bench_server_connect(server);
	redisAppendCommand(monitor, "MONITOR");
	redisReply *reply = bench_server_reply(monitor, "MONITOR");
	bench_reply_text(reply, "MONITOR");
	freeReplyObject(reply);
	return monitor;
}

unsigned bench_monitor_close(redisContext *monitor, bench_server *server)
{
	bench_server_do(server, "ECHO segbench-is-done");
	for (unsigned commands = 0;;) {
		redisReply *reply = bench_server_reply(monitor, "MONITOR");
		const char *line = bench_reply_text(reply, "MONITOR");
		bool over = strstr(line, "segbench-is-done");
		commands += !over && !strstr(line, " lua] ");
		freeReplyObject(reply);
		if (over) {
			redisFree(monitor);
			return commands;
		}
	}
}

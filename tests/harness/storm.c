#include "harness/storm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void *strike(void *arg)
{
	test_storm *storm = arg;
	redisContext *context = redisConnectUnix(storm->server->socket);
	while (context && !atomic_load(&storm->over)) {
		redisReply *reply = redisCommand(context, "CLIENT KILL TYPE normal SKIPME yes");
		if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
			atomic_fetch_add(&storm->strikes, 1);
		if (reply)
			freeReplyObject(reply);
		struct timespec pause = {.tv_nsec = storm->interval_ms * 1000000L};
		nanosleep(&pause, NULL);
	}
	if (context)
		redisFree(context);
	return NULL;
}

void test_storm_start(test_storm *storm, const test_server *server, int interval_ms)
{
	storm->server = server;
	storm->interval_ms = interval_ms;
	atomic_init(&storm->over, false);
	atomic_init(&storm->strikes, 0);
	assert_int_equal(pthread_create(&storm->thread, NULL, strike, storm), 0);
}

int test_storm_end(test_storm *storm)
{
	atomic_store(&storm->over, true);
	pthread_join(storm->thread, NULL);
	return atomic_load(&storm->strikes);
}

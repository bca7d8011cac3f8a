#include "host/redis.h"

#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/random.h"
#include "host/exit_code.h"
#include "host/redis_options.h"

#define CONNECT_TRY (1 * SEG_SECOND)
#define CONNECT_TRY_OF_SEVERAL (5 * SEG_SECOND)
#define CONNECT_BACKOFF (200 * SEG_MS)
#define CONNECT_BACKOFF_MAX (5 * SEG_SECOND)
#define LOOK_INTERVAL (1 * SEG_SECOND)

static int report(const seg_redis *redis, int status)
{
	seg_log(&redis->logger, SEG_LOG_ERROR, "%s", redis->under_way.error.text);
	return seg_exit_code_of(status);
}

/* --- the embedded server ------------------------------------------------------------------- */

static void attach(void *arg)
{
	seg_redis *redis = arg;
	const seg_config_redis *config = &redis->config->redis;
	redis->under_way.status =
		seg_embedded_attach(config->directory,
				    config->appendfsync == SEG_CONFIG_FSYNC_EVERYSEC ? "everysec" : "always",
				    &redis->under_way.embedded, &redis->under_way.error);
}

/* An exit code, EX_OK also where the runner shall end first. */
static int open_embedded(seg_redis *redis)
{
	seg_service_say(redis->service, "starting the embedded Redis");
	seg_errand_start(&redis->errand, attach, redis);
	redis->starting = true;
	bool attached = seg_wait_errand(redis->wait, &redis->errand);
	redis->starting = false;
	if (!attached)
		return EX_OK;
	redis->embedded = redis->under_way.embedded;
	return redis->under_way.status ? report(redis, redis->under_way.status) : EX_OK;
}

static void restart(void *arg)
{
	seg_redis *redis = arg;
	redis->care_status = seg_embedded_ensure(redis->embedded, &redis->care_error);
}

static void end_restart(seg_redis *redis)
{
	redis->caring = false;
	if (redis->care_status > 0)
		seg_log(&redis->logger, SEG_LOG_WARNING,
			"the embedded redis-server had died; segrunner has started it again");
	else if (redis->care_status < 0)
		seg_log(&redis->logger, SEG_LOG_ERROR, "%s", redis->care_error.text);
}

void seg_redis_look(seg_redis *redis)
{
	int64_t now = seg_now();
	if (redis->leaving)
		return;
	if (redis->caring && seg_errand_finish(&redis->care))
		end_restart(redis);
	if (!redis->embedded || redis->caring || now < redis->look_at)
		return;
	redis->look_at = now + LOOK_INTERVAL;
	if (seg_embedded_is_well(redis->embedded))
		return;
	redis->caring = true;
	seg_errand_start(&redis->care, restart, redis);
}

static void detach(void *arg)
{
	seg_redis *redis = arg;
	redis->under_way.status = seg_embedded_detach(redis->embedded, &redis->under_way.error);
}

void seg_redis_detach(seg_redis *redis)
{
	redis->leaving = true;
	if (redis->caring && !seg_errand_finish(&redis->care))
		seg_wait_leave_errand(redis->wait, &redis->care); /* no restart is needed any more */
	/* The errand that was left may be one of this file's. The keeper stops the server. */
	if (!redis->embedded || redis->wait->left_errand)
		return;
	seg_errand_start(&redis->errand, detach, redis);
	if (!seg_wait_last_errand(redis->wait, &redis->errand))
		return;
	redis->embedded = NULL;
	if (redis->under_way.status)
		report(redis, redis->under_way.status);
}

/* --- the client ------------------------------------------------------------------------------ */

static void set_options(seg_redis *redis)
{
	seg_client_options *options = &redis->under_way.options;
	const char *embedded = redis->embedded ? seg_embedded_address(redis->embedded) : NULL;
	seg_redis_options(redis->config, embedded, options);
	/* Tries to connect are short; later commands have the time that the configuration gives. */
	int64_t most = strchr(options->address, ',') ? CONNECT_TRY_OF_SEVERAL : CONNECT_TRY;
	if (redis->config->redis.timeout > most)
		options->timeout_ms = (uint32_t)(most / SEG_MS);
	options->log = redis->logger.fn;
	options->log_arg = redis->logger.arg;
}

static void connect_client(void *arg)
{
	seg_redis *redis = arg;
	redis->under_way.status =
		seg_client_open(&redis->under_way.options, &redis->under_way.client, &redis->under_way.error);
}

/* Says that Redis is away, and pauses. Returns whether the runner shall end. */
static bool wait_for_redis(seg_redis *redis, unsigned attempt)
{
	const char *why = redis->under_way.error.text;
	int64_t pause = seg_backoff(CONNECT_BACKOFF, CONNECT_BACKOFF_MAX, attempt);
	seg_service_say(redis->service, "waiting for Redis: %s", why);
	seg_admin_set_obstacle(redis->admin, SEG_ADMIN_NO_SECTION, why);
	if ((attempt & (attempt - 1)) == 0)
		seg_log(&redis->logger, SEG_LOG_WARNING, "%s; waiting for Redis", why);
	return seg_wait_ms(redis->wait, (int)(pause / SEG_MS));
}

static int open_client(seg_redis *redis)
{
	set_options(redis);
	seg_admin_observe(redis->admin, &redis->under_way.options);
	for (unsigned attempt = 1;; attempt++) {
		seg_errand_start(&redis->errand, connect_client, redis);
		if (!seg_wait_errand(redis->wait, &redis->errand))
			return EX_OK;
		int status = redis->under_way.status;
		if (status == 0) {
			redis->client = redis->under_way.client;
			redis->client->timeout = redis->config->redis.timeout;
			seg_admin_set_obstacle(redis->admin, SEG_ADMIN_NO_SECTION, "");
			return EX_OK;
		}
		if (!seg_status_passes(status))
			return report(redis, status);
		if (wait_for_redis(redis, attempt))
			return EX_OK;
	}
}

int seg_redis_open(seg_redis *redis)
{
	int exit_code = redis->config->redis.embedded ? open_embedded(redis) : EX_OK;
	if (exit_code != EX_OK || seg_wait_ms(redis->wait, 0))
		return exit_code;
	return open_client(redis);
}

#include "config/check.h"

#include <string.h>

#include "base/secret.h"
#include "base/units.h"
#include "redis/address.h"
#include "config/admin_page.h"
#include "config/check_tls.h"
#include "config/listen.h"
#include "config/output.h"
#include "config/secret.h"

#define HANDLER_TIMEOUT_MIN ((int64_t)100000000) /* ns */
#define HANDLER_TIMEOUT_DEFAULT \
	((int64_t)300 * 1000000000) /* ns; nobody has chosen it, so no warning compares it */

/* --- [redis] -------------------------------------------------------------------- */

static seg_config_place redis_place(const seg_config_loader *loader, const char *name)
{
	return seg_config_place_of(loader, &loader->redis, SEG_CONFIG_REDIS, name);
}

static void check_embedded(seg_config_loader *loader)
{
	static const char *const logins[] = {"user", "password", "password_file"};
	seg_config_redis *redis = &loader->config->redis;
	redis->embedded = strcmp(redis->address, "embedded") == 0;
	if (!redis->embedded)
		return;
	if (!redis_place(loader, "directory").line)
		seg_config_error_add(
			loader->errors, redis_place(loader, "address"),
			"the embedded Redis has no directory for its data; add directory = PATH to [redis]");
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		seg_config_place place = redis_place(loader, logins[i]);
		if (place.line)
			seg_config_warning_add(
				loader->errors, place,
				"%s is ignored: only this segrunner can reach the embedded Redis", logins[i]);
	}
}

/* A user and a password may each be set in one place only. */
static void check_login(seg_config_loader *loader)
{
	const seg_config_redis *redis = &loader->config->redis;
	seg_config_place user = redis_place(loader, "user");
	seg_config_place password = redis_place(loader, "password");
	seg_config_place file = redis_place(loader, "password_file");
	seg_address address;
	if (redis->embedded)
		return;
	if (password.line && file.line)
		seg_config_error_add(loader->errors, file,
				     "password_file and password (%s:%u) are both set; remove one",
				     password.file, password.line);
	if (user.line && !password.line && !file.line)
		seg_config_error_add(loader->errors, user,
				     "user is set without a password; add password_file = PATH or password");
	if (seg_address_parse(redis->address, &address, NULL) != 0) {
		loader->no_memory = true; /* the address is valid: seg_config_row_set parsed it */
		return;
	}
	if (address.user && user.line)
		seg_config_error_add(loader->errors, user, "user is set here and in address; remove one");
	if (address.password && (password.line || file.line))
		seg_config_error_add(loader->errors, password.line ? password : file,
				     "%s is set here, and address holds a password, too; remove one",
				     password.line ? "password" : "password_file");
	seg_address_fini(&address);
}

static char *read_secret(seg_config_loader *loader, seg_config_place place, const char *option,
			 const char *path)
{
	char *secret;
	if (loader->leaves_files)
		return NULL;
	if (seg_config_secret_read(place, option, path, loader->errors, &secret) == SEG_ENOMEM)
		loader->no_memory = true;
	return secret;
}

/* The connections read the file. A file that holds no password is an error now. */
static void check_password_file(seg_config_loader *loader, const char *option, const char *path)
{
	if (path && !loader->config->redis.embedded)
		seg_secret_forget(read_secret(loader, redis_place(loader, option), option, path));
}

static void check_sentinel_login(seg_config_loader *loader)
{
	const seg_config_redis *redis = &loader->config->redis;
	seg_config_place user = redis_place(loader, "sentinel_user");
	seg_config_place file = redis_place(loader, "sentinel_password_file");
	bool has_sentinels = !redis->embedded && strstr(redis->address, "+sentinel://");
	if (user.line && !file.line)
		seg_config_error_add(
			loader->errors, user,
			"sentinel_user is set without a password; add sentinel_password_file = PATH");
	if ((user.line || file.line) && !has_sentinels)
		seg_config_warning_add(loader->errors, user.line ? user : file,
				       "%s is ignored: the address names no Sentinels",
				       user.line ? "sentinel_user" : "sentinel_password_file");
}

/* --- [runner] ------------------------------------------------------------------- */

static void check_runner_name(seg_config_loader *loader)
{
	const char *name = loader->config->runner.name;
	if (name && strcmp(name, "-") == 0)
		seg_config_error_add(
			loader->errors,
			seg_config_place_of(loader, &loader->runner, SEG_CONFIG_RUNNER, "name"),
			"name: \"-\" is reserved and means \"no runner\"; add a letter or a digit, or "
			"remove the line");
}

static void check_timeouts(seg_config_loader *loader)
{
	const seg_config_runner *runner = &loader->config->runner;
	seg_config_place place =
		seg_config_place_of(loader, &loader->runner, SEG_CONFIG_RUNNER, "handler_timeout");
	char handler[SEG_UNITS_TEXT_MAX], shutdown[SEG_UNITS_TEXT_MAX];
	if (runner->handler_timeout > 0 && runner->handler_timeout < HANDLER_TIMEOUT_MIN)
		seg_config_error_add(loader->errors, place,
				     "handler_timeout: %s is too small; write 0 for never, or at least 100ms",
				     seg_units_duration_format(runner->handler_timeout, handler));
	if (runner->handler_timeout == HANDLER_TIMEOUT_DEFAULT ||
	    runner->handler_timeout <= runner->shutdown_timeout)
		return;
	seg_config_warning_add(
		loader->errors, place,
		"handler_timeout (%s) is longer than shutdown_timeout (%s), so a clean stop may cut a "
		"handler short; raise shutdown_timeout",
		seg_units_duration_format(runner->handler_timeout, handler),
		seg_units_duration_format(runner->shutdown_timeout, shutdown));
}

static void check_admin(seg_config_loader *loader)
{
	seg_config_runner *runner = &loader->config->runner;
	seg_config_place place = seg_config_place_of(loader, &loader->runner, SEG_CONFIG_RUNNER, "admin");
	seg_config_place file =
		seg_config_place_of(loader, &loader->runner, SEG_CONFIG_RUNNER, "admin_token_file");
	seg_listen listen;
	if (!runner->admin) {
		if (runner->admin_token_file)
			seg_config_warning_add(loader->errors, file,
					       "admin_token_file is ignored: admin is off");
		return;
	}
#ifndef SEG_HAVE_MICROHTTPD
	seg_config_error_add(loader->errors, place,
			     "admin: this segrunner was built without libmicrohttpd; write admin = off, or "
			     "build it with libmicrohttpd-dev installed");
#endif
	if (runner->admin_token_file)
		runner->admin_token = read_secret(loader, file, "admin_token_file", runner->admin_token_file);
	else if (seg_listen_parse(runner->admin, &listen, NULL) == 0 && !listen.loopback)
		seg_config_error_add(
			loader->errors, place,
			"admin: other machines can reach %s without a token; add admin_token_file = PATH, "
			"or listen on 127.0.0.1",
			runner->admin);
}

/* --- [consumer NAME] -------------------------------------------------------------- */

static seg_config_place consumer_place(const seg_config_loader *loader, size_t i, const char *name)
{
	return seg_config_place_of(loader, &loader->consumers[i], SEG_CONFIG_CONSUMER, name);
}

static void check_required(seg_config_loader *loader, size_t i)
{
	const seg_config_consumer *consumer = &loader->config->consumers[i];
	for (size_t j = 0; j < seg_config_row_count; j++) {
		const seg_config_row *row = &seg_config_rows[j];
		if (row->section == SEG_CONFIG_CONSUMER && row->required && !loader->consumers[i].at[j].line)
			seg_config_error_add(loader->errors, consumer->place,
					     "[consumer %s] has no %s; add %s = ...", consumer->name,
					     row->name, row->name);
	}
}

static void check_shape(seg_config_loader *loader, size_t i)
{
	static const char *const dependent[] = {"partition_size", "overflow", "packing"};
	seg_config_consumer *consumer = &loader->config->consumers[i];
	consumer->register_stream = consumer_place(loader, i, "partitions").line > 0;
	for (size_t j = 0; !consumer->register_stream && j < 3; j++) {
		seg_config_place place = consumer_place(loader, i, dependent[j]);
		if (place.line)
			seg_config_error_add(
				loader->errors, place,
				"%s has no effect without partitions; add partitions = NUMBER, which "
				"registers the stream, or remove %s",
				dependent[j], dependent[j]);
	}
}

static void check_backoff(seg_config_loader *loader, size_t i)
{
	const seg_config_consumer *consumer = &loader->config->consumers[i];
	seg_config_place place = consumer_place(loader, i, "retry_backoff");
	char first[SEG_UNITS_TEXT_MAX], longest[SEG_UNITS_TEXT_MAX];
	if (consumer->retry_backoff <= consumer->retry_backoff_max)
		return;
	if (!place.line)
		place = consumer_place(loader, i, "retry_backoff_max");
	seg_config_error_add(
		loader->errors, place,
		"retry_backoff (%s) is longer than retry_backoff_max (%s); lower the first or raise the "
		"second",
		seg_units_duration_format(consumer->retry_backoff, first),
		seg_units_duration_format(consumer->retry_backoff_max, longest));
}

static void check_in_flight(seg_config_loader *loader, size_t i)
{
	if (loader->config->consumers[i].in_flight_batches == 1)
		seg_config_error_add(
			loader->errors, consumer_place(loader, i, "in_flight_batches"),
			"in_flight_batches: \"1\" is too small; write 2 to 64, or 0 for the default");
}

static bool same_shape(const seg_stream_shape *a, const seg_stream_shape *b)
{
	return a->partitions == b->partitions && a->partition_size == b->partition_size &&
	       a->overflow == b->overflow && a->packing == b->packing;
}

/* Sections with the same stream must have different groups and the same shape. */
static void check_against_earlier(seg_config_loader *loader, size_t i)
{
	const seg_config_consumer *consumer = &loader->config->consumers[i];
	for (size_t j = 0; consumer->stream && j < i; j++) {
		const seg_config_consumer *other = &loader->config->consumers[j];
		if (!other->stream || strcmp(other->stream, consumer->stream) != 0)
			continue;
		if (consumer->group && other->group && strcmp(other->group, consumer->group) == 0)
			seg_config_error_add(
				loader->errors, consumer->place,
				"[consumer %s] and [consumer %s] (%s:%u) have the same stream \"%s\" and "
				"group \"%s\"; keep one section, each of its partitions has a thread",
				consumer->name, other->name, other->place.file, other->place.line,
				consumer->stream, consumer->group);
		if (!consumer->register_stream || !other->register_stream ||
		    same_shape(&consumer->shape, &other->shape))
			continue;
		seg_config_error_add(
			loader->errors, consumer_place(loader, i, "partitions"),
			"the stream \"%s\" has a different shape in [consumer %s] (%s:%u); set the same "
			"partitions, partition_size, overflow and packing in both",
			consumer->stream, other->name, other->place.file, other->place.line);
		return;
	}
}

static void check_consumer(seg_config_loader *loader, size_t i)
{
	seg_config_consumer *consumer = &loader->config->consumers[i];
	consumer->plugin_place = consumer_place(loader, i, "plugin");
	consumer->parallel_place = consumer_place(loader, i, "parallel");
	check_required(loader, i);
	check_shape(loader, i);
	check_backoff(loader, i);
	check_in_flight(loader, i);
	check_against_earlier(loader, i);
	seg_config_output_check(loader, i);
}

void seg_config_check(seg_config_loader *loader)
{
	const seg_config *config = loader->config;
	check_embedded(loader);
	check_login(loader);
	check_sentinel_login(loader);
	if (!config->redis.password)
		check_password_file(loader, "password_file", config->redis.password_file);
	check_password_file(loader, "sentinel_password_file", config->redis.sentinel_password_file);
	seg_config_check_redis_tls(loader);
	check_runner_name(loader);
	check_timeouts(loader);
	check_admin(loader);
	seg_config_check_admin_tls(loader);
	seg_config_check_admin_page(loader);
	for (size_t i = 0; i < config->consumer_count; i++)
		check_consumer(loader, i);
	seg_config_output_check_loops(loader);
	if (config->consumer_count == 0)
		seg_config_error_add(
			loader->errors, (seg_config_place){.file = config->file},
			"there is no [consumer NAME] section; add one with stream, group and plugin");
}

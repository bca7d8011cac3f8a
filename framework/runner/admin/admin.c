#include "admin/admin.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "admin/page.h"
#include "admin/record.h"
#include "admin/view.h"

static const seg_http_route routes[] = {
	{"/", false, seg_page_answer},
	{"/livez", true, seg_health_live},
	{"/readyz", true, seg_health_ready},
	{"/metrics", false, seg_metrics_answer},
	{"/api/v1/status", false, seg_api_status},
	{"/api/v1/groups/*", false, seg_api_group},
	{"/api/v1/redis", false, seg_api_redis},
	{"/api/v1/history/*", false, seg_api_history},
	{"/api/v1/events", false, seg_api_events},
	{NULL, false, NULL},
};

/* --- a configuration ---------------------------------------------------------------------- */

static void drop_histories(struct seg_admin *admin)
{
	for (size_t i = 0; i < admin->history_count; i++)
		seg_history_destroy(admin->histories[i]);
	free(admin->histories);
	admin->histories = NULL;
	admin->history_count = 0;
}

/* The history of a consumer of the new config: the one that its group has had, or an empty one. */
static seg_history *take_history(struct seg_admin *admin, const seg_config_consumer *consumer)
{
	for (size_t i = 0; i < admin->history_count; i++) {
		const seg_config_consumer *old = &admin->config->consumers[i];
		seg_history *history = admin->histories[i];
		if (!history || strcmp(old->stream, consumer->stream) != 0 ||
		    strcmp(old->group, consumer->group) != 0)
			continue;
		admin->histories[i] = NULL;
		return history;
	}
	return seg_history_create();
}

/* Takes the config and makes room for its sections. Returns false if out of memory; then there is room for none. */
static bool adopt(seg_admin *admin, const seg_config *config)
{
	seg_history **histories = calloc(config->consumer_count, sizeof(seg_history *));
	for (size_t i = 0; histories && i < config->consumer_count; i++)
		histories[i] = take_history(admin, &config->consumers[i]);
	drop_histories(admin);
	free(admin->sections);
	admin->sections = calloc(config->consumer_count, sizeof(*admin->sections));
	admin->section_count = admin->sections ? config->consumer_count : 0;
	admin->config = config;
	admin->histories = histories;
	admin->history_count = histories ? config->consumer_count : 0;
	return admin->sections && admin->histories;
}

seg_admin *seg_admin_create(const seg_config *config, const char *name, seg_logger logger)
{
	if (!config->runner.admin)
		return NULL;
	seg_admin *admin = calloc(1, sizeof(*admin));
	if (!admin) {
		seg_log(&logger, SEG_LOG_ERROR, "admin: out of memory; this runner runs without admin");
		return NULL;
	}
	admin->address = config->runner.admin;
	admin->access = (seg_server_access){.token = config->runner.admin_token,
					    .tls_cert_file = config->runner.admin_tls_cert_file,
					    .tls_key_file = config->runner.admin_tls_key_file};
	admin->name = name;
	admin->started_at = seg_wall_clock();
	pthread_mutex_init(&admin->lock, NULL);
	admin->events = seg_events_create(logger);
	admin->logger = seg_logger_make(seg_events_write, admin->events);
	if (adopt(admin, config) && admin->events && seg_page_make(&admin->page, &admin->page_policy) == 0)
		return admin;
	seg_log(&logger, SEG_LOG_ERROR, "admin: out of memory; this runner runs without admin");
	seg_admin_destroy(admin);
	return NULL;
}

void seg_admin_destroy(seg_admin *admin)
{
	if (!admin)
		return;
	seg_events_destroy(admin->events);
	pthread_mutex_destroy(&admin->lock);
	free(admin->page);
	free(admin->page_policy);
	drop_histories(admin);
	free(admin->sections);
	free(admin);
}

int seg_admin_start(seg_admin *admin, seg_error *error)
{
	seg_listen listen;
	if (!admin)
		return 0;
	int status = seg_listen_parse(admin->address, &listen, error);
	if (status)
		return status;
	return seg_server_start(&listen, &admin->access, routes, admin, admin->logger, &admin->server, error);
}

seg_logger seg_admin_logger(seg_admin *admin, seg_logger logger)
{
	if (admin) {
		logger.fn = admin->logger.fn;
		logger.arg = admin->logger.arg;
	}
	return logger;
}

void seg_admin_observe(seg_admin *admin, const seg_client_options *options)
{
	if (!admin)
		return;
	if (options != &admin->observing)
		admin->observing = *options;
	seg_error error;
	seg_observer *observer =
		seg_observer_start(admin->config, &admin->observing, seg_admin_record, admin, &error);
	if (!observer)
		seg_log(&admin->logger, SEG_LOG_ERROR, "admin: %s; lag and owners are not shown", error.text);
	atomic_store(&admin->observer, observer);
}

void seg_admin_set_obstacle(seg_admin *admin, size_t index, const char *why)
{
	if (!admin)
		return;
	pthread_mutex_lock(&admin->lock);
	snprintf(admin->obstacle, sizeof(admin->obstacle), "%s", why);
	admin->held_up = index;
	pthread_mutex_unlock(&admin->lock);
}

void seg_admin_attach(seg_admin *admin, const seg_section *section, size_t index)
{
	if (!admin)
		return;
	pthread_mutex_lock(&admin->lock);
	if (index < admin->section_count)
		admin->sections[index] = section;
	admin->obstacle[0] = '\0';
	pthread_mutex_unlock(&admin->lock);
}

void seg_admin_detach(seg_admin *admin, const seg_section *section)
{
	if (!admin)
		return;
	pthread_mutex_lock(&admin->lock);
	for (size_t i = 0; i < admin->section_count; i++)
		if (admin->sections[i] == section)
			admin->sections[i] = NULL;
	pthread_mutex_unlock(&admin->lock);
}

void seg_admin_set_standby(seg_admin *admin, bool standby)
{
	if (admin)
		atomic_store(&admin->standby, standby);
}

void seg_admin_set_lost_lines(seg_admin *admin, uint64_t lines)
{
	if (admin)
		atomic_store(&admin->lost_lines, lines);
}

void seg_admin_set_stopping(seg_admin *admin)
{
	if (admin)
		atomic_store(&admin->stopping, true);
}

void seg_admin_stop(seg_admin *admin)
{
	if (!admin)
		return;
	/* First, for the server waits for its routes, and those may wait for the observer. */
	seg_observer_cancel(atomic_load(&admin->observer));
	seg_server_stop(admin->server);
	seg_observer_stop(atomic_load(&admin->observer));
	admin->server = NULL;
	atomic_store(&admin->observer, NULL);
}

void seg_admin_reload(seg_admin *admin, const seg_config *config)
{
	seg_error error = {0};
	if (!admin)
		return;
	seg_admin_stop(admin);
	if (!adopt(admin, config)) {
		seg_log(&admin->logger, SEG_LOG_ERROR,
			"admin: out of memory; admin is off until the next SIGHUP");
		return;
	}
	seg_admin_observe(admin, &admin->observing);
	if (seg_admin_start(admin, &error))
		seg_log(&admin->logger, SEG_LOG_ERROR, "%s; admin is off until the next SIGHUP", error.text);
}

#include "host/reload.h"

#include <stdlib.h>

#include "base/plural.h"
#include "config/compare.h"
#include "host/exchange.h"

struct seg_reloaded {
	seg_config *config;
	seg_config_errors errors;
	struct seg_reloaded *next;
};

static void free_reloaded(seg_reloaded *r)
{
	if (!r)
		return;
	seg_config_errors_fini(&r->errors);
	seg_config_free(r->config);
	free(r);
}

/* Frees the configurations that no section refers to any more. Sections that a reload left as they were still do. */
static void free_unused(seg_reload *reload)
{
	for (seg_reloaded **link = &reload->reloaded; *link;) {
		seg_reloaded *old = *link;
		if (old->config == reload->in_force || seg_sections_use(reload->consumers, old->config)) {
			link = &old->next;
			continue;
		}
		*link = old->next;
		free_reloaded(old);
	}
}

static void log_errors(const seg_reload *reload, const seg_config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		seg_log(&reload->logger, errors->list[i].warning ? SEG_LOG_WARNING : SEG_LOG_ERROR, "%s",
			errors->list[i].text);
}

static void put_in_force(seg_reload *reload, seg_reloaded *fresh, const seg_sections_counts *counts)
{
	const seg_config *config = fresh->config;
	char fixed[512];
	fresh->next = reload->reloaded;
	reload->reloaded = fresh;
	reload->in_force = config;
	seg_logfile_set_level(reload->log, config->runner.log_level);
	seg_logfile_set_format(reload->log, (seg_logfile_format)config->runner.log_format);
	if (seg_config_needs_restart(reload->started, config, fixed, sizeof(fixed))[0])
		seg_log(&reload->logger, SEG_LOG_WARNING, "SIGHUP: restart segrunner to apply: %s", fixed);
	free_unused(reload);
	seg_log(&reload->logger, SEG_LOG_INFO, "reloaded: %zu consumer%s started, %zu ended, %zu untouched",
		counts->started, seg_plural(counts->started), counts->ended, counts->untouched);
}

/* Reads the file and exchanges the sections; returns whether the configuration is in force. */
static bool apply(seg_reload *reload, seg_reloaded *fresh, seg_sections_counts *counts)
{
	int status = seg_config_load(reload->started->file, &fresh->config, &fresh->errors);
	if (status == SEG_ENOMEM)
		seg_log(&reload->logger, SEG_LOG_ERROR, "out of memory while reading %s",
			reload->started->file);
	return status == 0 && seg_sections_exchange(reload->consumers, fresh->config, &fresh->errors, counts);
}

void seg_reload_run(seg_reload *reload)
{
	seg_wait *wait = reload->consumers->wait;
	seg_sections_counts counts = {0};
	seg_error error = {0};
	seg_log(&reload->logger, SEG_LOG_INFO, "SIGHUP: reading %s again", reload->started->file);
	seg_service_reloading(reload->service);
	if (seg_logfile_reopen(reload->log, &error))
		seg_log(&reload->logger, SEG_LOG_ERROR, "%s", error.text);
	seg_reloaded *fresh = calloc(1, sizeof(*fresh));
	bool good = fresh && apply(reload, fresh, &counts);
	if (wait->left_errand)
		return; /* the errand's thread may use `fresh` until the process ends */
	if (fresh)
		log_errors(reload, &fresh->errors);
	else
		seg_log(&reload->logger, SEG_LOG_ERROR, "out of memory");
	if (good) {
		put_in_force(reload, fresh, &counts);
		return;
	}
	if (!seg_wait_ms(wait, 0))
		seg_log(&reload->logger, SEG_LOG_ERROR,
			"SIGHUP: nothing has changed; correct the error and send SIGHUP again");
	free_reloaded(fresh);
}

void seg_reload_fini(seg_reload *reload)
{
	while (reload->reloaded) {
		seg_reloaded *old = reload->reloaded;
		reload->reloaded = old->next;
		free_reloaded(old);
	}
}

#include "host/runner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/names.h"
#include "base/plural.h"
#include "embedded/paths.h"
#include "host/consumers.h"
#include "host/notify.h"
#include "host/redis.h"
#include "host/reload.h"
#include "host/wait.h"
#include "host/watchdog.h"
#include "plugin/call.h"

enum {
	PASS_MS = 1000,    /* of the main loop */
	LOG_PAUSE_MS = 100 /* between two looks at a log whose reader stands still */
};

#define LAST_WAIT (2 * SEG_SECOND) /* for members told to stop at once */

typedef struct {
	const seg_config *config; /* with which segrunner was started */
	char name[SEG_NAME_MAX + 1];
	seg_logfile *log;
	seg_logger logger;
	seg_wait wait;
	seg_watchdog watchdog;
	seg_service service;
	seg_admin *admin;
	seg_redis redis;
	seg_consumers consumers;
	seg_reload reload;
	bool started;    /* all sections have been started, and the runner is not ending yet */
	bool reloading;  /* not ready before its end */
	int64_t stop_by; /* while ending: seg_now() or SEG_NEVER */
} runner;

/* --- while the main thread waits --------------------------------------------------------------- */

/* "one of x.so of [consumer a], y.so of [consumer b]": which of them did something, nobody knows. */
static void name_plugins(void *arg, char *text, size_t size)
{
	const seg_consumers *c = &((runner *)arg)->consumers;
	size_t used = 0;
	*text = '\0';
	for (size_t i = 0; i < c->count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s of [consumer %s]",
					 i > 0          ? ", "
					 : c->count > 1 ? "one of "
							: "",
					 c->list[i]->config->plugin, c->list[i]->config->name);
}

/* What is looked at before each sleep. Returns the longest sleep in ms. */
static int look(void *arg)
{
	runner *r = arg;
	seg_consumers *c = &r->consumers;
	int64_t now = seg_now();
	int pause = seg_watchdog_pause_ms(&r->watchdog);
	if (r->wait.signals.report) {
		r->wait.signals.report = false;
		seg_consumers_report(c);
	}
	seg_watchdog_look(&r->watchdog, c->list, c->count, now);
	if (!seg_logfile_flush(r->log) && pause > LOG_PAUSE_MS)
		pause = LOG_PAUSE_MS;
	seg_admin_set_lost_lines(r->admin, seg_logfile_lost(r->log));
	seg_redis_look(&r->redis);
	if (r->redis.starting) {
		int extension_pause = seg_service_extend_start(&r->service, now);
		return extension_pause < pause ? extension_pause : pause;
	}
	if (!r->started || r->reloading)
		return pause;
	seg_service_look(&r->service, c->list, c->count, now);
	int service_pause = seg_service_pause_ms(&r->service);
	return service_pause < pause ? service_pause : pause;
}

/* --- running -------------------------------------------------------------------------------------- */

static bool is_ending(void *arg)
{
	runner *r = arg;
	return seg_wait_ms(&r->wait, 0);
}

/* SIGUSR1: gives up all partitions, so that other runners take them, or joins again. Returns an exit code. */
static int drain_or_join(runner *r)
{
	seg_consumers *c = &r->consumers;
	r->wait.signals.drain = false;
	c->standby = !c->standby;
	seg_admin_set_standby(r->admin, c->standby);
	if (!c->standby) {
		seg_log(&r->logger, SEG_LOG_INFO, "SIGUSR1: claiming partitions again");
		return seg_consumers_start(c);
	}
	seg_log(&r->logger, SEG_LOG_INFO, "SIGUSR1: giving up all partitions");
	if (seg_consumers_stop(c, c->list, c->count, SEG_STOP_DRAIN, is_ending, r)) {
		static const char text[] =
			"standing by without partitions; send SIGUSR1 to claim partitions again";
		seg_log(&r->logger, SEG_LOG_INFO, text);
		seg_service_say(&r->service, text);
	}
	return EX_OK;
}

/* Whether a signal that arrived during other work waits for the main loop. */
static bool is_asked(const runner *r)
{
	return r->wait.signals.reload || r->wait.signals.drain;
}

/* The main loop. Returns an exit code. */
static int run(runner *r)
{
	int exit_code = EX_OK;
	seg_log(&r->logger, SEG_LOG_INFO, "segrunner %s runs as %s with %zu consumer%s", seg_version(),
		r->name, r->consumers.count, seg_plural(r->consumers.count));
	r->started = true;
	while (exit_code == EX_OK && !seg_wait_ms(&r->wait, is_asked(r) ? 0 : PASS_MS)) {
		if (r->wait.signals.reload) {
			r->wait.signals.reload = false;
			r->reloading = true;
			seg_reload_run(&r->reload);
			r->reloading = false;
		}
		if (r->wait.signals.drain)
			exit_code = drain_or_join(r);
	}
	r->started = false;
	int requested = atomic_load(&r->wait.ending.exit_code);
	return exit_code != EX_OK || requested < 0 ? exit_code : requested;
}

/* --- ending ------------------------------------------------------------------------------------------ */

/* Whether to cut a clean stop short. */
static bool drained_enough(void *arg)
{
	runner *r = arg;
	seg_wait_ms(&r->wait, 0);
	return seg_now() >= r->stop_by || r->wait.signals.stops > 1 ||
	       seg_consumers_only_stuck(&r->consumers);
}

static bool is_late(void *arg)
{
	runner *r = arg;
	seg_wait_ms(&r->wait, 0);
	return seg_now() >= r->stop_by;
}

/* Stops all members at once. False where a handler does not return. */
static bool stop_at_once(runner *r)
{
	seg_consumers *c = &r->consumers;
	bool stuck = false;
	for (size_t i = 0; i < c->count; i++)
		stuck = stuck || atomic_load(&c->list[i]->stuck);
	if (stuck && seg_consumers_only_stuck(c))
		seg_log(&r->logger, SEG_LOG_ERROR,
			"everything is drained but the handlers that do not return; stopping at once");
	else if (r->wait.signals.stops <= 1)
		seg_log(&r->logger, stuck ? SEG_LOG_ERROR : SEG_LOG_WARNING,
			"not everything was drained within shutdown_timeout; stopping at once");
	r->stop_by = seg_now() + LAST_WAIT;
	return seg_consumers_stop(c, c->list, c->count, SEG_STOP_NOW, is_late, r);
}

static void say_end(const runner *r, int exit_code)
{
	seg_log(&r->logger, exit_code ? SEG_LOG_ERROR : SEG_LOG_INFO, "ended with exit code %d", exit_code);
}

/* The threads of handlers that do not return may touch anything, so nothing is freed. Their leases run out by themselves. */
static _Noreturn void end_without_handlers(runner *r, int exit_code)
{
	const seg_consumers *c = &r->consumers;
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i]->member)
			seg_log(&r->logger, SEG_LOG_ERROR,
				"[consumer %s] a handler does not return; ending without it",
				c->list[i]->config->name);
	seg_redis_detach(&r->redis);
	say_end(r, exit_code);
	_exit(exit_code);
}

/* Stops all consumers: cleanly, or else at once. Returns the exit code of the run. */
static int stop_consumers(runner *r, int exit_code)
{
	seg_consumers *c = &r->consumers;
	seg_admin_set_stopping(r->admin);
	seg_notify_stopping();
	seg_service_say(&r->service, "stopping");
	r->stop_by = seg_now() + r->reload.in_force->runner.shutdown_timeout;
	if (!seg_consumers_stop(c, c->list, c->count, SEG_STOP_DRAIN, drained_enough, r)) {
		/* Why it must end may have come up meanwhile: a plugin has ended a thread as its partition closed. */
		int requested = atomic_load(&r->wait.ending.exit_code);
		if (exit_code == EX_OK)
			exit_code = requested > 0 ? requested : EX_TEMPFAIL;
		if (!stop_at_once(r))
			end_without_handlers(r, exit_code == EX_TEMPFAIL ? EX_SOFTWARE : exit_code);
	}
	seg_consumers_fini(c);
	return exit_code;
}

/* --- a run, from its start to its end ------------------------------------------------------------- */

static int report(runner *r, const seg_error *error, int exit_code)
{
	seg_log(&r->logger, SEG_LOG_ERROR, "%s", error->text);
	return exit_code;
}

static void make_name(runner *r)
{
	if (r->config->runner.name)
		strncpy(r->name, r->config->runner.name, sizeof(r->name) - 1);
	else
		seg_member_default_name(r->name);
}

static seg_logfile *last_log;

/* For the signal handler of a crash. */
static void say_last(const char *text)
{
	seg_logfile_write_last(last_log, text);
}

/* Points the parts of the runner to each other. */
static void assemble(runner *r)
{
	r->logger = seg_logger_make(seg_logfile_write, r->log);
	make_name(r);
	r->admin = seg_admin_create(r->config, r->name, r->logger);
	r->logger = seg_admin_logger(r->admin, r->logger);
	seg_watchdog_init(&r->watchdog);
	r->wait = (seg_wait){.signals = {.fd = -1},
			     .ending = {.fd = -1, .exit_code = -1},
			     .logger = r->logger,
			     .look = look,
			     .name_plugins = name_plugins,
			     .arg = r};
	r->redis = (seg_redis){.config = r->config,
			       .wait = &r->wait,
			       .service = &r->service,
			       .admin = r->admin,
			       .logger = r->logger};
	r->consumers =
		(seg_consumers){.name = r->name, .logger = r->logger, .admin = r->admin, .wait = &r->wait};
	r->reload = (seg_reload){.started = r->config,
				 .in_force = r->config,
				 .consumers = &r->consumers,
				 .service = &r->service,
				 .log = r->log,
				 .logger = r->logger};
}

/* Loads the plugins of all consumers. Returns whether nothing is wrong; what is wrong goes to stderr. */
static bool load_consumers(runner *r)
{
	seg_config_errors errors = {0};
	seg_consumers_load(&r->consumers, r->config, &errors);
	seg_config_errors_print(&errors, stderr);
	bool good = errors.count == errors.warnings && !errors.incomplete;
	seg_config_errors_fini(&errors);
	return good;
}

/* Starts, runs and stops. Returns an exit code. */
static int live(runner *r)
{
	seg_error error = {0};
	last_log = r->log;
	seg_plugin_call_watch(
		say_last, "; if owners go on dying at one position, the next one handles one message at a "
			  "time to find the one that crashes the plugin");
	if (seg_wait_open(&r->wait)) {
		seg_fail(&error, SEG_ESYSTEM, "the system refused: %s%s", strerror(errno),
			 seg_descriptors_advice(errno));
		return report(r, &error, EX_OSERR);
	}
	if (seg_admin_start(r->admin, &error))
		return report(r, &error, EX_OSERR);
	int exit_code = seg_redis_open(&r->redis);
	if (exit_code == EX_OK && r->redis.client) {
		r->consumers.client = r->redis.client;
		exit_code = seg_consumers_start(&r->consumers);
	}
	if (exit_code == EX_OK && !is_ending(r))
		exit_code = run(r);
	return stop_consumers(r, exit_code);
}

/* Undoes the start, in reverse order. */
static void tear_down(runner *r)
{
	seg_admin_stop(r->admin);
	seg_client_close(r->redis.client);
	seg_redis_detach(&r->redis);
	seg_consumers_unload(&r->consumers);
	seg_reload_fini(&r->reload);
	seg_wait_close(&r->wait);
	seg_admin_destroy(r->admin);
	seg_logfile_close(r->log);
}

int seg_runner_run(const seg_config *config)
{
	runner r = {.config = config};
	seg_error error = {0};
	int exit_code = EX_CONFIG;
	if (seg_logfile_open(config->runner.log_file, config->runner.log_level,
			     (seg_logfile_format)config->runner.log_format, &r.log, &error)) {
		fprintf(stderr, "segrunner: %s\n", error.text);
		return EX_CANTCREAT;
	}
	assemble(&r);
	if (load_consumers(&r)) {
		exit_code = live(&r);
		say_end(&r, exit_code);
	}
	if (r.wait.left_errand)
		_exit(exit_code); /* its thread may touch anything */
	tear_down(&r);
	if (r.wait.left_errand)
		_exit(exit_code);
	return exit_code;
}

void seg_runner_check(const seg_config *config, seg_config_errors *errors)
{
	seg_consumers consumers = {.name = "check", .logger = seg_logger_make(NULL, NULL)};
	seg_error error;
	if (config->runner.log_file && seg_logfile_check(config->runner.log_file, &error))
		seg_config_error_add(errors, config->runner.place, "%s", error.text);
	/* The configuration may lack what it requires: its errors say so. */
	if (config->redis.embedded && config->redis.directory &&
	    seg_embedded_paths_check(config->redis.directory, &error))
		seg_config_error_add(errors, config->redis.place, "directory: %s", error.text);
	seg_consumers_load(&consumers, config, errors);
	seg_consumers_unload(&consumers);
}

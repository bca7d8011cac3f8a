#include "host/runner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/names.h"
#include "base/random.h"
#include "host/consumers.h"
#include "embedded/embedded.h"
#include "config/compare.h"
#include "host/exit_code.h"
#include "host/logfile.h"
#include "host/notify.h"
#include "plugin/call.h"
#include "host/reload.h"
#include "host/service.h"

#define LAST_WAIT (2 * SEG_SECOND) /* for members told to stop at once */
#define CONNECT_TRY (1 * SEG_SECOND)
#define CONNECT_BACKOFF (200 * SEG_MS)
#define CONNECT_BACKOFF_MAX (5 * SEG_SECOND)

/* A configuration that SIGHUP has brought. */
typedef struct reloaded {
	seg_config *config;
	struct reloaded *next;
} reloaded;

typedef struct {
	const seg_config *config;   /* it was started with: what needs a restart is as it says */
	const seg_config *in_force; /* the newest: for all else */
	reloaded *reloaded;         /* that sections refer to, and the newest */
	seg_logfile *log;
	seg_logger logger;
	char name[SEG_NAME_MAX + 1];
	seg_service service;
	seg_admin *admin;
	seg_embedded *embedded;
	seg_client *client;
	seg_consumers consumers;
	int signals;        /* signalfd */
	unsigned signalled; /* stops asked for by signal */
	bool started;       /* run() goes on */
	bool reload_wanted; /* SIGHUP came */
	bool drain_wanted;  /* SIGUSR1 came: give up the partitions, or take some again */
	int64_t stop_by;    /* while ending: SEG_NEVER or seg_now() */
} runner;

/* --- signals and waiting ---------------------------------------------------------------- */

static int open_signals(runner *r)
{
	sigset_t heard;
	sigemptyset(&heard);
	sigaddset(&heard, SIGTERM);
	sigaddset(&heard, SIGINT);
	sigaddset(&heard, SIGHUP);
	sigaddset(&heard, SIGUSR1);
	sigaddset(&heard, SIGUSR2);
	/* Before any thread is started: all inherit it, and only the descriptor hears them. */
	pthread_sigmask(SIG_BLOCK, &heard, NULL);
	seg_plugin_call_watch();
	signal(SIGPIPE, SIG_IGN);
	r->signals = signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
	r->consumers.ending.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return r->signals < 0 || r->consumers.ending.fd < 0 ? -1 : 0;
}

static void hear_stop(runner *r, const char *name)
{
	r->signalled++;
	seg_log(&r->logger, SEG_LOG_INFO,
		r->signalled == 1 ? "%s: stopping cleanly; once more stops at once" : "%s: stopping at once",
		name);
}

static void hear(runner *r, uint32_t signal)
{
	switch (signal) {
	case SIGTERM:
		hear_stop(r, "SIGTERM");
		break;
	case SIGINT:
		hear_stop(r, "SIGINT");
		break;
	case SIGHUP:
		r->reload_wanted = true;
		break;
	case SIGUSR1:
		r->drain_wanted = !r->drain_wanted;
		break;
	case SIGUSR2:
		seg_consumers_report(&r->consumers);
		break;
	}
}

/* Waits for a signal or a section's wish to end, up to timeout_ms. Returns whether the runner shall end. */
static bool wait_for_end(void *arg, int timeout_ms)
{
	runner *r = arg;
	seg_ending *ending = &r->consumers.ending;
	struct pollfd poller[2] = {{.fd = r->signals, .events = POLLIN},
				   {.fd = ending->fd, .events = POLLIN}};
	/* Once it is ending, the wish has been heard. */
	int count = atomic_load(&ending->exit_code) < 0 ? 2 : 1;
	poll(poller, (nfds_t)count, timeout_ms);
	if ((poller[0].revents | poller[1].revents) & POLLNVAL) {
		/* What else is closed, or opened anew as something else, nobody knows. */
		seg_log(&r->logger, SEG_LOG_ERROR,
			"a plugin has closed descriptors that are segrunner's; ending at once");
		_exit(EX_SOFTWARE);
	}
	struct signalfd_siginfo info;
	while (read(r->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		hear(r, info.ssi_signo);
	if (r->started)
		seg_service_look(&r->service, r->consumers.list, r->consumers.count);
	return r->signalled > 0 || atomic_load(&ending->exit_code) >= 0;
}

/* --- starting: an exit code, EX_OK also if a signal came meanwhile -------------------------- */

static int report(runner *r, const seg_error *error, int exit_code)
{
	seg_log(&r->logger, SEG_LOG_ERROR, "%s", error->text);
	return exit_code;
}

static int open_client(runner *r)
{
	const seg_config_redis *redis = &r->config->redis;
	seg_error error = {0};
	if (redis->embedded) {
		const char *appendfsync =
			redis->appendfsync == SEG_CONFIG_FSYNC_EVERYSEC ? "everysec" : "always";
		int status = seg_embedded_attach(redis->directory, appendfsync, &r->embedded, &error);
		if (status)
			return report(r, &error, seg_exit_code_of(status));
	}
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = r->embedded ? seg_embedded_address(r->embedded) : redis->address;
	options.name_space = r->config->runner.name_space;
	options.connect_timeout_ms = (uint32_t)(redis->connect_timeout / SEG_MS);
	options.user = redis->user;
	options.password = redis->password;
	/* Each try is short, so that a signal is heard between two; what follows has the time it was given. */
	options.timeout_ms =
		redis->timeout < CONNECT_TRY ? (uint32_t)(redis->timeout / SEG_MS) : CONNECT_TRY / SEG_MS;
	options.allow_eviction = redis->allow_eviction;
	options.log = r->logger.fn;
	options.log_arg = r->logger.arg;
	seg_admin_observe(r->admin, &options);
	for (unsigned attempt = 1;; attempt++) {
		int status = seg_client_open(&options, &r->client, &error);
		if (status == 0) {
			r->client->timeout = redis->timeout;
			r->consumers.client = r->client;
			return EX_OK;
		}
		if (!seg_status_passes(status))
			return report(r, &error, seg_exit_code_of(status));
		seg_service_say(&r->service, "waiting for Redis: %s", error.text);
		if ((attempt & (attempt - 1)) == 0)
			seg_log(&r->logger, SEG_LOG_WARNING, "%s; waiting for Redis", error.text);
		if (wait_for_end(r,
				 (int)(seg_backoff(CONNECT_BACKOFF, CONNECT_BACKOFF_MAX, attempt) / SEG_MS)))
			return EX_OK;
	}
}

/* --- running -------------------------------------------------------------------------------- */

static void look_after_embedded(runner *r)
{
	seg_error error = {0};
	if (!r->embedded)
		return;
	int status = seg_embedded_ensure(r->embedded, &error);
	if (status > 0)
		seg_log(&r->logger, SEG_LOG_WARNING,
			"the embedded redis-server had died; it was started again");
	else if (status < 0)
		seg_log(&r->logger, SEG_LOG_ERROR, "%s", error.text);
}

static bool is_ending(void *arg)
{
	return wait_for_end(arg, 0);
}

static void log_errors(const runner *r, seg_config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		seg_log(&r->logger, errors->list[i].warning ? SEG_LOG_WARNING : SEG_LOG_ERROR, "%s",
			errors->list[i].text);
	seg_config_errors_fini(errors);
}

/* Frees those that no section refers to any more; one that a reload left as it was still does. */
static void free_unused(runner *r)
{
	for (reloaded **link = &r->reloaded; *link;) {
		reloaded *old = *link;
		if (old->config == r->in_force || seg_reload_uses(&r->consumers, old->config)) {
			link = &old->next;
			continue;
		}
		*link = old->next;
		seg_config_free(old->config);
		free(old);
	}
}

static void put_in_force(runner *r, const seg_config *config)
{
	char fixed[512];
	r->in_force = config;
	seg_logfile_set_level(r->log, config->runner.log_level);
	seg_logfile_set_format(r->log, (seg_logfile_format)config->runner.log_format);
	if (seg_config_needs_restart(r->config, config, fixed, sizeof(fixed))[0])
		seg_log(&r->logger, SEG_LOG_WARNING, "SIGHUP: not before segrunner is started again: %s",
			fixed);
}

static void reload(runner *r)
{
	seg_config_errors errors = {0};
	seg_error error = {0};
	reloaded *fresh = calloc(1, sizeof(*fresh));
	r->reload_wanted = false;
	seg_log(&r->logger, SEG_LOG_INFO, "SIGHUP: reading %s again", r->config->file);
	seg_service_reloading(&r->service);
	if (seg_logfile_reopen(r->log, &error))
		seg_log(&r->logger, SEG_LOG_ERROR, "%s", error.text);
	seg_reload_counts counts;
	bool good = fresh && seg_config_load(r->config->file, &fresh->config, &errors) == 0 &&
		    seg_reload_apply(&r->consumers, fresh->config, &errors, &counts);
	log_errors(r, &errors);
	if (good) {
		fresh->next = r->reloaded;
		r->reloaded = fresh;
		put_in_force(r, fresh->config);
		free_unused(r);
		seg_log(&r->logger, SEG_LOG_INFO, "reloaded: %zu consumers started, %zu ended, %zu untouched",
			counts.started, counts.ended, counts.untouched);
		return;
	}
	if (!is_ending(r))
		seg_log(&r->logger, SEG_LOG_ERROR,
			"SIGHUP: nothing was changed; mend that, and send it again");
	seg_config_free(fresh ? fresh->config : NULL);
	free(fresh);
}

/* Gives up all partitions, so that others take them, or joins again. An exit code. */
static int drain_or_join(runner *r)
{
	seg_consumers *c = &r->consumers;
	r->drain_wanted = false;
	c->standby = !c->standby;
	seg_admin_set_standby(r->admin, c->standby);
	if (!c->standby) {
		seg_log(&r->logger, SEG_LOG_INFO, "SIGUSR1: taking partitions again");
		return seg_consumers_start(c);
	}
	seg_log(&r->logger, SEG_LOG_INFO, "SIGUSR1: giving up all partitions");
	if (seg_consumers_stop(c, c->list, c->count, SEG_STOP_DRAIN, is_ending, r)) {
		seg_log(&r->logger, SEG_LOG_INFO, "standing by without partitions; SIGUSR1 takes some again");
		seg_service_say(&r->service, "standing by without partitions; SIGUSR1 takes some again");
	}
	return EX_OK;
}

static int run(runner *r)
{
	int exit_code = EX_OK;
	seg_log(&r->logger, SEG_LOG_INFO, "segrunner %s runs as %s with %zu consumer%s", seg_version(),
		r->name, r->consumers.count, r->consumers.count == 1 ? "" : "s");
	r->started = true;
	while (exit_code == EX_OK && !wait_for_end(r, seg_service_pause(&r->service))) {
		look_after_embedded(r);
		if (r->reload_wanted)
			reload(r);
		if (r->drain_wanted)
			exit_code = drain_or_join(r);
	}
	r->started = false;
	int asked = atomic_load(&r->consumers.ending.exit_code);
	return exit_code != EX_OK || asked < 0 ? exit_code : asked;
}

/* --- ending ------------------------------------------------------------------------------------ */

/* A second signal cuts a clean stop short; the deadline, each. */
static bool drained_enough(void *arg)
{
	runner *r = arg;
	wait_for_end(r, 0);
	return seg_now() >= r->stop_by || r->signalled > 1;
}

static bool is_late(void *arg)
{
	const runner *r = arg;
	return seg_now() >= r->stop_by;
}

static int stop_consumers(runner *r, int exit_code)
{
	seg_consumers *c = &r->consumers;
	bool stuck = false;
	for (size_t i = 0; i < c->count; i++)
		stuck = stuck || atomic_load(&c->list[i]->stuck);
	seg_admin_set_stopping(r->admin);
	seg_notify_stopping();
	seg_service_say(&r->service, "stopping");
	r->stop_by = seg_now() + r->in_force->runner.shutdown_timeout;
	if (!seg_consumers_stop(c, c->list, c->count, SEG_STOP_DRAIN, drained_enough, r)) {
		if (r->signalled <= 1)
			seg_log(&r->logger, stuck ? SEG_LOG_ERROR : SEG_LOG_WARNING,
				"not everything was drained within shutdown_timeout; stopping at once");
		if (exit_code == EX_OK)
			exit_code = EX_TEMPFAIL;
		r->stop_by = seg_now() + LAST_WAIT;
		if (!seg_consumers_stop(c, c->list, c->count, SEG_STOP_NOW, is_late, r)) {
			/* A thread is inside a handler: nothing it may touch can be taken away. Its lease runs out by itself. */
			seg_log(&r->logger, SEG_LOG_ERROR, "a handler does not return; ending without it");
			seg_embedded_detach(r->embedded, NULL);
			_exit(exit_code == EX_TEMPFAIL ? EX_SOFTWARE : exit_code);
		}
	}
	seg_consumers_fini(c);
	return exit_code;
}

static void make_name(runner *r)
{
	if (r->config->runner.name)
		strncpy(r->name, r->config->runner.name, sizeof(r->name) - 1);
	else
		seg_member_default_name(r->name);
}

/* What was made, in reverse order. */
static void tear_down(runner *r)
{
	seg_error error = {0};
	seg_admin_stop(r->admin);
	seg_client_close(r->client);
	if (r->embedded && seg_embedded_detach(r->embedded, &error))
		seg_log(&r->logger, SEG_LOG_ERROR, "%s", error.text);
	seg_consumers_unload(&r->consumers);
	r->in_force = r->config;
	free_unused(r);
	if (r->signals >= 0)
		close(r->signals);
	if (r->consumers.ending.fd >= 0)
		close(r->consumers.ending.fd);
	seg_admin_destroy(r->admin);
	seg_logfile_close(r->log);
}

int seg_runner_run(const seg_config *config)
{
	runner r = {.config = config,
		    .in_force = config,
		    .signals = -1,
		    .consumers = {.ending = {.fd = -1, .exit_code = -1}}};
	seg_config_errors errors = {0};
	seg_error error = {0};
	int exit_code;
	if (seg_logfile_open(config->runner.log_file, config->runner.log_level,
			     (seg_logfile_format)config->runner.log_format, &r.log, &error)) {
		fprintf(stderr, "segrunner: %s\n", error.text);
		return EX_CANTCREAT;
	}
	r.logger = seg_logger_make(seg_logfile_write, r.log);
	make_name(&r);
	r.admin = seg_admin_create(config, r.name, r.logger);
	r.logger = seg_admin_logger(r.admin, r.logger);
	seg_service_init(&r.service);
	r.consumers.name = r.name;
	r.consumers.logger = r.logger;
	r.consumers.admin = r.admin;
	r.consumers.wait = wait_for_end;
	r.consumers.arg = &r;
	seg_consumers_load(&r.consumers, config, &errors);
	seg_config_errors_print(&errors, stderr);
	bool good = errors.count == errors.warnings && !errors.incomplete;
	seg_config_errors_fini(&errors);
	if (!good) {
		exit_code = EX_CONFIG;
	} else if (open_signals(&r)) {
		seg_fail(&error, SEG_ESYSTEM, "the system refused: %s", strerror(errno));
		exit_code = report(&r, &error, EX_OSERR);
	} else if (seg_admin_start(r.admin, &error)) {
		exit_code = report(&r, &error, EX_OSERR);
	} else {
		exit_code = open_client(&r);
		if (exit_code == EX_OK && r.client)
			exit_code = seg_consumers_start(&r.consumers);
		if (exit_code == EX_OK && !is_ending(&r))
			exit_code = run(&r);
		exit_code = stop_consumers(&r, exit_code);
	}
	if (good)
		seg_log(&r.logger, exit_code ? SEG_LOG_ERROR : SEG_LOG_INFO, "ended with exit code %d",
			exit_code);
	tear_down(&r);
	return exit_code;
}

void seg_runner_check(const seg_config *config, seg_config_errors *errors)
{
	seg_consumers consumers = {.name = "check", .logger = seg_logger_make(NULL, NULL)};
	seg_consumers_load(&consumers, config, errors);
	seg_consumers_unload(&consumers);
}

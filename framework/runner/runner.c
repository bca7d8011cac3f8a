#include "runner/runner.h"

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
#include "runner/admin/admin.h"
#include "runner/embedded.h"
#include "runner/logfile.h"
#include "runner/plugin_call.h"
#include "runner/section.h"

enum {
	LOOK_MS = 1000,     /* between two looks after the embedded server */
	JOIN_MS = 20,       /* between two looks at members that are stopping */
	LAST_WAIT_MS = 2000 /* for members told to stop at once */
};

#define CONNECT_TRY (1 * SEG_SECOND)
#define CONNECT_BACKOFF (200 * SEG_MS)
#define CONNECT_BACKOFF_MAX (5 * SEG_SECOND)

typedef struct {
	const seg_config *config;
	seg_logfile *log;
	seg_logger logger;
	char name[SEG_NAME_MAX + 1];
	seg_admin *admin;
	seg_embedded *embedded;
	seg_client *client;
	seg_section *sections;
	size_t started;
	atomic_uint next_cpu;
	seg_ending ending;
	int signals;        /* signalfd */
	unsigned signalled; /* stops asked for by signal */
} runner;

/* --- signals and waiting ---------------------------------------------------------------- */

static int open_signals(runner *r)
{
	sigset_t stops;
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	/* Before any thread is started: all inherit it, and only the descriptor hears them. */
	pthread_sigmask(SIG_BLOCK, &stops, NULL);
	seg_plugin_call_watch();
	signal(SIGPIPE, SIG_IGN);
	r->signals = signalfd(-1, &stops, SFD_NONBLOCK | SFD_CLOEXEC);
	r->ending.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	atomic_init(&r->ending.exit_code, -1);
	return r->signals < 0 || r->ending.fd < 0 ? -1 : 0;
}

/* Waits for a signal or a section's wish to end, up to timeout_ms. Returns whether the runner shall end. */
static bool wait_for_end(runner *r, int timeout_ms)
{
	struct pollfd poller[2] = {{.fd = r->signals, .events = POLLIN},
				   {.fd = r->ending.fd, .events = POLLIN}};
	/* Once it is ending, the wish has been heard. */
	int count = atomic_load(&r->ending.exit_code) < 0 ? 2 : 1;
	poll(poller, (nfds_t)count, timeout_ms);
	if ((poller[0].revents | poller[1].revents) & POLLNVAL) {
		/* What else is closed, or opened anew as something else, nobody knows. */
		seg_log(&r->logger, SEG_LOG_ERROR,
			"a plugin has closed descriptors that are segrunner's; ending at once");
		_exit(EX_SOFTWARE);
	}
	struct signalfd_siginfo info;
	while (read(r->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		r->signalled++;
		seg_log(&r->logger, SEG_LOG_INFO,
			r->signalled == 1 ? "%s: stopping cleanly; once more stops at once"
					  : "%s: stopping at once",
			info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
	}
	return r->signalled > 0 || atomic_load(&r->ending.exit_code) >= 0;
}

/* --- starting: an exit code, EX_OK also if a signal came meanwhile ------------------------------------------------------------------------------ */

static int report(runner *r, const seg_error *error, int exit_code)
{
	seg_log(&r->logger, SEG_LOG_ERROR, "%s", error->text);
	return exit_code;
}

/* What does not pass by waiting. */
static int exit_code_of(int status)
{
	switch (status) {
	case SEG_EAUTH:
		return EX_NOPERM;
	case SEG_EINVAL:
	case SEG_ESHAPE:
	case SEG_ENOTFOUND:
		return EX_CONFIG;
	case SEG_ENOMEM:
	case SEG_ESYSTEM:
		return EX_OSERR;
	default:
		return EX_UNAVAILABLE;
	}
}

static bool passes(int status)
{
	return status == SEG_EUNREACHABLE || status == SEG_ETIMEOUT || status == SEG_EUNKNOWN;
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
			return report(r, &error, exit_code_of(status));
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
			return EX_OK;
		}
		if (!passes(status))
			return report(r, &error, exit_code_of(status));
		if ((attempt & (attempt - 1)) == 0)
			seg_log(&r->logger, SEG_LOG_WARNING, "%s; waiting for Redis", error.text);
		if (wait_for_end(r,
				 (int)(seg_backoff(CONNECT_BACKOFF, CONNECT_BACKOFF_MAX, attempt) / SEG_MS)))
			return EX_OK;
	}
}

static int start_sections(runner *r)
{
	seg_error error = {0};
	for (; r->started < r->config->consumer_count; r->started++) {
		seg_section *s = &r->sections[r->started];
		s->ending = &r->ending;
		s->next_cpu = &r->next_cpu;
		if (seg_plugin_instance_init(s->instance, &error))
			return report(r, &error, EX_UNAVAILABLE);
		for (unsigned attempt = 1;; attempt++) {
			int status = seg_section_start(s, r->client, r->name, &error);
			if (status == 0) {
				seg_admin_attach(r->admin, s);
				break;
			}
			if (!passes(status)) {
				seg_section_fini(s);
				seg_plugin_instance_fini(s->instance);
				return report(r, &error, exit_code_of(status));
			}
			seg_log(&r->logger, SEG_LOG_WARNING, "%s; trying again", error.text);
			seg_section_fini(s);
			if (wait_for_end(r, (int)(seg_backoff(CONNECT_BACKOFF, CONNECT_BACKOFF_MAX, attempt) /
						  SEG_MS))) {
				seg_plugin_instance_fini(s->instance);
				return EX_OK;
			}
		}
	}
	return EX_OK;
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

static int run(runner *r)
{
	seg_log(&r->logger, SEG_LOG_INFO, "segrunner %s runs as %s with %zu consumer%s", seg_version(),
		r->name, r->started, r->started == 1 ? "" : "s");
	while (!wait_for_end(r, LOOK_MS))
		look_after_embedded(r);
	int asked = atomic_load(&r->ending.exit_code);
	return asked < 0 ? EX_OK : asked;
}

/* --- ending ------------------------------------------------------------------------------------ */

/* Whether all members' threads have ended, by the deadline or (drain) until a second signal. */
static bool join_members(runner *r, bool *joined, seg_stopping stop, int64_t deadline)
{
	for (size_t i = 0; i < r->started; i++)
		if (!joined[i])
			seg_member_stop(r->sections[i].member, stop);
	for (;;) {
		bool all = true;
		for (size_t i = 0; i < r->started; i++) {
			if (!joined[i])
				joined[i] = seg_member_join(r->sections[i].member, JOIN_MS * SEG_MS) == 0;
			all = all && joined[i];
		}
		if (all)
			return true;
		wait_for_end(r, 0);
		if (seg_now() >= deadline || (stop == SEG_STOP_DRAIN && r->signalled > 1))
			return false;
	}
}

static int stop_sections(runner *r, int exit_code)
{
	bool *joined = calloc(r->started + 1, sizeof(*joined));
	if (!joined)
		_exit(EX_OSERR);
	int64_t timeout = r->config->runner.shutdown_timeout;
	bool stuck = false;
	seg_admin_set_stopping(r->admin);
	for (size_t i = 0; i < r->started; i++)
		stuck = stuck || atomic_load(&r->sections[i].stuck);
	if (!join_members(r, joined, SEG_STOP_DRAIN, seg_now() + timeout)) {
		if (r->signalled <= 1)
			seg_log(&r->logger, stuck ? SEG_LOG_ERROR : SEG_LOG_WARNING,
				"not everything was drained within shutdown_timeout; stopping at once");
		if (exit_code == EX_OK)
			exit_code = EX_TEMPFAIL;
		if (!join_members(r, joined, SEG_STOP_NOW, seg_now() + LAST_WAIT_MS * SEG_MS)) {
			/* A thread is inside a handler: nothing it may touch can be taken away. Its lease runs out by itself. */
			seg_log(&r->logger, SEG_LOG_ERROR, "a handler does not return; ending without it");
			seg_embedded_detach(r->embedded, NULL);
			_exit(exit_code == EX_TEMPFAIL ? EX_SOFTWARE : exit_code);
		}
	}
	free(joined);
	for (size_t i = 0; i < r->started; i++) {
		seg_admin_detach(r->admin, &r->sections[i]);
		seg_section_fini(&r->sections[i]);
		seg_plugin_instance_fini(r->sections[i].instance);
	}
	return exit_code;
}

/* One for each consumer, its plugin loaded where errors says nothing else; NULL if out of memory. */
static seg_section *load_sections(const seg_config *config, const char *name, seg_logger logger,
				  seg_config_errors *errors)
{
	seg_section *sections = calloc(config->consumer_count, sizeof(*sections));
	for (size_t i = 0; sections && i < config->consumer_count; i++) {
		sections[i].config = &config->consumers[i];
		sections[i].runner = &config->runner;
		seg_section_load(&sections[i], name, logger, errors);
	}
	return sections;
}

static void unload_sections(seg_section *sections, size_t count)
{
	for (size_t i = 0; sections && i < count; i++)
		seg_section_unload(&sections[i]);
	free(sections);
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
	unload_sections(r->sections, r->config->consumer_count);
	if (r->signals >= 0)
		close(r->signals);
	if (r->ending.fd >= 0)
		close(r->ending.fd);
	seg_admin_destroy(r->admin);
	seg_logfile_close(r->log);
}

int seg_runner_run(const seg_config *config)
{
	runner r = {.config = config, .signals = -1, .ending = {.fd = -1}};
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
	r.sections = load_sections(config, r.name, r.logger, &errors);
	seg_config_errors_print(&errors, stderr);
	bool good = errors.count == errors.warnings && !errors.incomplete;
	seg_config_errors_fini(&errors);
	if (!good) {
		exit_code = EX_CONFIG;
	} else if (!r.sections || open_signals(&r)) {
		seg_fail(&error, SEG_ESYSTEM, "the system refused: %s", strerror(errno));
		exit_code = report(&r, &error, EX_OSERR);
	} else if (seg_admin_start(r.admin, &error)) {
		exit_code = report(&r, &error, EX_OSERR);
	} else {
		exit_code = open_client(&r);
		if (exit_code == EX_OK && r.client)
			exit_code = start_sections(&r);
		if (exit_code == EX_OK && r.started == config->consumer_count)
			exit_code = run(&r);
		exit_code = stop_sections(&r, exit_code);
	}
	if (good)
		seg_log(&r.logger, exit_code ? SEG_LOG_ERROR : SEG_LOG_INFO, "ended with exit code %d",
			exit_code);
	tear_down(&r);
	return exit_code;
}

void seg_runner_check(const seg_config *config, seg_config_errors *errors)
{
	seg_logger silent = seg_logger_make(NULL, NULL);
	unload_sections(load_sections(config, "check", silent, errors), config->consumer_count);
}

#include "context.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "config/config.h"
#include "embedded/paths.h"
#include "stream/client.h"

static const char *const forms[] = {"table", "json", "csv", NULL};

static struct {
	const char *address, *name_space, *config;
	int64_t timeout;
	int form;
	bool help, version;
} given = {.timeout = 10000000000};

/* clang-format off */
const ctl_option ctl_context_options[] = {
	{"address", 'a', "URL", CTL_TEXT, &given.address, 0, 0, NULL,
	 "redis://HOST:PORT or unix://PATH (SEGMENTER_ADDRESS)"},
	{"namespace", 'n', "NAME", CTL_TEXT, &given.name_space, 0, 0, NULL,
	 "the namespace (SEGMENTER_NAMESPACE)"},
	{"config", 'c', "FILE", CTL_TEXT, &given.config, 0, 0, NULL,
	 "take address, login and namespace from this segrunner configuration, not from the environment"},
	{"output", 'o', "FORM", CTL_CHOICE, &given.form, 0, 0, forms,
	 "table (the default), json or csv"},
	{"timeout", 0, "TIME", CTL_DURATION, &given.timeout, 1000000, 3600000000000, NULL,
	 "how long to try to reach Redis (10s)"},
	{"help", 'h', NULL, CTL_FLAG, &given.help, 0, 0, NULL,
	 "show what a command does, and its options"},
	{"version", 'V', NULL, CTL_FLAG, &given.version, 0, 0, NULL, "show the version"},
	CTL_OPTIONS_END,
};
/* clang-format on */

bool ctl_context_wants_help(void)
{
	return given.help;
}

bool ctl_context_wants_version(void)
{
	return given.version;
}

/* --- connecting ---------------------------------------------------------------------- */

/* This command line wins over the shell's environment, which may be left over from other work. */
static const char *first_of(const char *flag, const char *configured, const char *variable)
{
	const char *set = getenv(variable);
	if (flag || configured)
		return flag ? flag : configured;
	return set && *set ? set : NULL;
}

/* The address of a configuration's embedded Redis. The caller frees it. */
static char *embedded_address(const char *directory)
{
	char *path = realpath(directory, NULL);
	if (!path)
		ctl_die(EX_NOINPUT,
			"cannot find the embedded Redis's directory %s: %s; segrunner creates it when it starts "
			"with %s",
			directory, strerror(errno), given.config);
	char *address = seg_embedded_paths_address(path);
	free(path);
	if (!address)
		ctl_die(EX_OSERR, "out of memory");
	return address;
}

static seg_config *load_config(void)
{
	seg_config_errors errors = {0};
	seg_config *config = NULL;
	int status = given.config ? seg_config_load(given.config, &config, &errors) : 0;
	if (status)
		seg_config_errors_print(&errors, stderr);
	seg_config_errors_fini(&errors);
	if (status)
		exit(status == SEG_ENOTFOUND ? EX_NOINPUT : EX_CONFIG);
	return config;
}

/* What to do next depends on the Redis: an embedded one runs only as long as a runner does. */
static int refuse(const seg_error *error, bool embedded)
{
	if (error->status != SEG_EUNREACHABLE)
		return ctl_fail(error);
	if (embedded)
		return ctl_complain(
			ctl_exit_code(error->status),
			"%s; the embedded Redis runs only while segrunner runs; start segrunner -c %s",
			error->text, given.config);
	return ctl_complain(
		ctl_exit_code(error->status),
		"%s; check that Redis runs there, or give another address with --address or --config",
		error->text);
}

int ctl_context_open(ctl_context *context)
{
	seg_config *config = load_config();
	seg_client_options options;
	seg_client_options_init(&options);
	char *made = config && config->redis.embedded ? embedded_address(config->redis.directory) : NULL;
	const char *configured = made ? made : config ? config->redis.address : NULL;
	options.address = first_of(given.address, configured, "SEGMENTER_ADDRESS");
	options.name_space =
		first_of(given.name_space, config ? config->runner.name_space : NULL, "SEGMENTER_NAMESPACE");
	/* A configured login belongs to the configured address only. */
	if (config && options.address == configured) {
		options.user = config->redis.user;
		options.password = config->redis.password;
	}
	options.timeout_ms = (uint32_t)(given.timeout / 1000000);
	if (config)
		options.ack_replicas = config->redis.ack_replicas;
	/* An operator must be able to look at a Redis that a runner refuses. */
	options.allow_eviction = 1;
	options.max_message_bytes = (uint64_t)512 << 20;
	seg_error error;
	context->form = (ctl_form)given.form;
	int status = seg_client_open(&options, &context->client, &error);
	bool embedded = made && options.address == made;
	free(made);
	seg_config_free(config);
	return status ? refuse(&error, embedded) : 0;
}

void ctl_context_close(ctl_context *context)
{
	seg_client_close(context->client);
}

/* --- streams ------------------------------------------------------------------------- */

int ctl_open_stream(ctl_context *context, const char *name, seg_stream **stream)
{
	seg_error error;
	if (seg_stream_open(context->client, name, stream, &error) == 0)
		return 0;
	if (error.status == SEG_ENOTFOUND)
		return ctl_complain(
			EX_NOINPUT,
			"%s; `segctl stream list` lists the streams, `segctl stream create` creates one",
			error.text);
	return ctl_fail(&error);
}

int ctl_check_partition(const seg_stream *stream, int64_t partition)
{
	if (partition < (int64_t)stream->shape.partitions)
		return 0;
	return ctl_complain(EX_NOINPUT, "stream \"%s\" has partitions 0 to %" PRIu32 ", not %" PRId64,
			    stream->name, stream->shape.partitions - 1, partition);
}

void ctl_pause(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	nanosleep(&t, NULL);
}

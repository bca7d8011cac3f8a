#include "context.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "disk_trouble.h"
#include "embedded/paths.h"
#include "stream/client.h"

#define NS_PER_MS 1000000

static const char *const forms[] = {"table", "json", "csv", NULL};
static const char *const no_or_yes[] = {"no", "yes", NULL};

static struct {
	const char *address, *name_space, *config;
	const char *user, *password_file, *sentinel_user, *sentinel_password_file;
	int64_t timeout;
	int form;
	bool help, version;
	const char *ca_file, *ca_directory, *cert_file, *key_file, *server_name;
	int verify; /* -1: not given */
} given = {.timeout = 10000000000, .verify = -1};

/* clang-format off */
const ctl_option ctl_context_options[] = {
	{"address", 'a', "URL", CTL_TEXT, &given.address, 0, 0, NULL,
	 "redis://HOST:PORT, rediss://HOST:PORT, redis+sentinel://HOST,HOST/MASTER or unix://PATH (SEGMENTER_ADDRESS)"},
	{"namespace", 'n', "NAME", CTL_TEXT, &given.name_space, 0, 0, NULL,
	 "the namespace (SEGMENTER_NAMESPACE)"},
	{"config", 'c', "FILE", CTL_TEXT, &given.config, 0, 0, NULL,
	 "take address, login and namespace from this segrunner configuration, not from the environment"},
	{"user", 'u', "NAME", CTL_TEXT, &given.user, 0, 0, NULL,
	 "the user to log in as, instead of that of the address or the configuration"},
	{"password-file", 0, "FILE", CTL_TEXT, &given.password_file, 0, 0, NULL,
	 "a file with that user's password; without --user, that of the configured user"},
	{"sentinel-user", 0, "NAME", CTL_TEXT, &given.sentinel_user, 0, 0, NULL,
	 "the user to log in as at the Sentinels (SEGMENTER_SENTINEL_USER)"},
	{"sentinel-password-file", 0, "FILE", CTL_TEXT, &given.sentinel_password_file, 0, 0, NULL,
	 "a file with the password of the Sentinels (SEGMENTER_SENTINEL_PASSWORD_FILE)"},
	{"output", 'o', "FORM", CTL_CHOICE, &given.form, 0, 0, forms,
	 "table (the default), json or csv; `why` has no csv"},
	{"timeout", 0, "TIME", CTL_DURATION, &given.timeout, 1000000, 3600000000000, NULL,
	 "how long to try to reach Redis (10s)"},
	{"tls-ca-file", 0, "FILE", CTL_TEXT, &given.ca_file, 0, 0, NULL,
	 "trust these authorities instead of the system's (SEGMENTER_TLS_CA_FILE)"},
	{"tls-ca-directory", 0, "PATH", CTL_TEXT, &given.ca_directory, 0, 0, NULL,
	 "the same for a directory (SEGMENTER_TLS_CA_DIRECTORY)"},
	{"tls-cert-file", 0, "FILE", CTL_TEXT, &given.cert_file, 0, 0, NULL,
	 "the certificate to show to Redis (SEGMENTER_TLS_CERT_FILE)"},
	{"tls-key-file", 0, "FILE", CTL_TEXT, &given.key_file, 0, 0, NULL,
	 "the private key of that certificate (SEGMENTER_TLS_KEY_FILE)"},
	{"tls-server-name", 0, "NAME", CTL_TEXT, &given.server_name, 0, 0, NULL,
	 "the name in Redis's certificate, if it is not the host (SEGMENTER_TLS_SERVER_NAME)"},
	{"tls-verify", 0, "no|yes", CTL_CHOICE, &given.verify, 0, 0, no_or_yes,
	 "no: accept any certificate of Redis (SEGMENTER_TLS_VERIFY)"},
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

/*
 * This command line wins over the shell's environment, which may be left over from other work: with --config, the environment counts for
 * nothing. variable: NULL for none.
 */
static const char *first_of(const char *flag, const char *configured, const char *variable)
{
	const char *set = given.config || !variable ? NULL : getenv(variable);
	if (flag || configured)
		return flag ? flag : configured;
	return set && *set ? set : NULL;
}

/* The address of a configuration's embedded Redis, which the caller frees. 0, or an exit code after a complaint. */
static int embedded_address(const char *directory, char **address)
{
	char *path = realpath(directory, NULL);
	if (!path)
		return ctl_complain(EX_NOINPUT,
				    "cannot find the embedded Redis's directory %s: %s; segrunner creates it "
				    "when it starts with %s",
				    directory, strerror(errno), given.config);
	*address = seg_embedded_paths_address(path);
	free(path);
	if (!*address)
		ctl_die(EX_OSERR, "out of memory");
	return EX_OK;
}

static seg_config *load_config(void)
{
	seg_config_errors errors = {0};
	seg_config *config = NULL;
	int status = given.config ? seg_config_load_for_client(given.config, &config, &errors) : 0;
	if (status)
		seg_config_errors_print(&errors, stderr);
	seg_config_errors_fini(&errors);
	if (status)
		exit(status == SEG_ENOTFOUND ? EX_NOINPUT : EX_CONFIG);
	return config;
}

/* What to do next depends on the Redis: an embedded one runs only as long as a runner does. */
static int refuse(const seg_error *error, const char *embedded)
{
	ctl_trouble trouble;
	if (error->status != SEG_EUNREACHABLE)
		return ctl_fail(error);
	if (ctl_disk_trouble(embedded, &trouble))
		return ctl_complain(ctl_exit_code(error->status), "%s; %s; %s", error->text, trouble.what,
				    trouble.remedy);
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

/*
 * A configured login belongs to the configured address only: else `configured` is NULL. The command line's password
 * replaces that of the configuration or the address, and its user needs a password of its own.
 */
static void set_login(seg_client_options *options, const seg_config_redis *configured)
{
	static const seg_config_redis none;
	const seg_config_redis *redis = configured ? configured : &none;
	bool replaced = given.user || given.password_file;
	options->user = given.user ? given.user : redis->user;
	options->password = replaced ? NULL : redis->password;
	options->password_file = replaced ? given.password_file : redis->password_file;
	options->sentinel_user =
		first_of(given.sentinel_user, redis->sentinel_user, "SEGMENTER_SENTINEL_USER");
	options->sentinel_password_file =
		first_of(given.sentinel_password_file, redis->sentinel_password_file,
			 "SEGMENTER_SENTINEL_PASSWORD_FILE");
}

/* --- TLS: each of the command line, else of the configuration, else of the environment ---- */

/*
 * What is set in the environment is for addresses with TLS; it is no mistake with another one. What the configuration
 * says belongs to the configured address only.
 */
static const char *tls_text(const char *flag, const char *configured, const char *variable, bool with_tls)
{
	return first_of(flag, configured, with_tls ? variable : NULL);
}

static uint32_t tls_verify(const seg_config_redis *configured, bool with_tls)
{
	const char *set = tls_text(NULL, NULL, "SEGMENTER_TLS_VERIFY", with_tls);
	if (given.verify >= 0)
		return (uint32_t)given.verify;
	if (configured)
		return configured->tls_verify;
	if (set && strcmp(set, "yes") != 0 && strcmp(set, "no") != 0)
		ctl_die(EX_USAGE, "SEGMENTER_TLS_VERIFY is \"%.40s\"; write yes or no", set);
	return !set || strcmp(set, "yes") == 0;
}

/* configured: NULL if the address is not the configured one. */
static void set_tls(seg_client_options *options, const seg_config_redis *configured)
{
	static const seg_config_redis nothing;
	const seg_config_redis *c = configured ? configured : &nothing;
	bool with_tls = options->address && strncmp(options->address, "rediss", 6) == 0;
	options->tls_ca_file = tls_text(given.ca_file, c->tls_ca_file, "SEGMENTER_TLS_CA_FILE", with_tls);
	options->tls_ca_directory =
		tls_text(given.ca_directory, c->tls_ca_directory, "SEGMENTER_TLS_CA_DIRECTORY", with_tls);
	options->tls_cert_file =
		tls_text(given.cert_file, c->tls_cert_file, "SEGMENTER_TLS_CERT_FILE", with_tls);
	options->tls_key_file = tls_text(given.key_file, c->tls_key_file, "SEGMENTER_TLS_KEY_FILE", with_tls);
	options->tls_server_name =
		tls_text(given.server_name, c->tls_server_name, "SEGMENTER_TLS_SERVER_NAME", with_tls);
	options->tls_verify = tls_verify(configured, with_tls);
}

/* --- the files that are named ------------------------------------------------------------ */

/* A file that is not there is told as such, and not as a login that Redis refused, or as a wrong option. */
static int check_files(const seg_client_options *o)
{
	const struct {
		const char *path, *given, *flag, *option, *variable;
	} files[] = {
		{o->password_file, given.password_file, "--password-file", "password_file", NULL},
		{o->sentinel_password_file, given.sentinel_password_file, "--sentinel-password-file",
		 "sentinel_password_file", "SEGMENTER_SENTINEL_PASSWORD_FILE"},
		{o->tls_ca_file, given.ca_file, "--tls-ca-file", "tls_ca_file", "SEGMENTER_TLS_CA_FILE"},
		{o->tls_ca_directory, given.ca_directory, "--tls-ca-directory", "tls_ca_directory",
		 "SEGMENTER_TLS_CA_DIRECTORY"},
		{o->tls_cert_file, given.cert_file, "--tls-cert-file", "tls_cert_file",
		 "SEGMENTER_TLS_CERT_FILE"},
		{o->tls_key_file, given.key_file, "--tls-key-file", "tls_key_file", "SEGMENTER_TLS_KEY_FILE"},
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!files[i].path || access(files[i].path, F_OK) == 0 ||
		    (errno != ENOENT && errno != ENOTDIR))
			continue;
		if (files[i].given)
			return ctl_complain(EX_NOINPUT, "%s: there is no %s", files[i].flag, files[i].path);
		return ctl_complain(EX_NOINPUT, "%s%s%s: there is no %s", given.config ? given.config : "",
				    given.config ? ": " : "",
				    given.config ? files[i].option : files[i].variable, files[i].path);
	}
	return EX_OK;
}

ctl_form ctl_context_form(void)
{
	return (ctl_form)given.form;
}

int ctl_target_choose(ctl_target *target, bool connects)
{
	if (connects && given.user && !given.password_file)
		ctl_die(EX_USAGE, "--user %s needs --password-file FILE, a file with that user's password",
			given.user);
	seg_config *config = load_config();
	*target = (ctl_target){.config = config};
	seg_client_options *options = &target->options;
	seg_client_options_init(options);
	int exit_code = connects && config && config->redis.embedded && !given.address
				? embedded_address(config->redis.directory, &target->made)
				: EX_OK;
	if (exit_code) {
		ctl_target_free(target);
		return exit_code;
	}
	const char *configured = target->made ? target->made : config ? config->redis.address : NULL;
	options->address = first_of(given.address, configured, "SEGMENTER_ADDRESS");
	options->name_space =
		first_of(given.name_space, config ? config->runner.name_space : NULL, "SEGMENTER_NAMESPACE");
	const seg_config_redis *own =
		config && options->address == configured && !target->made ? &config->redis : NULL;
	set_login(options, own);
	set_tls(options, own);
	options->timeout_ms = (uint32_t)(given.timeout / 1000000);
	if (config)
		options->ack_replicas = config->redis.ack_replicas;
	/* An operator must be able to look at a Redis that a runner refuses. */
	options->allow_eviction = 1;
	options->max_message_bytes = (uint64_t)512 << 20;
	target->embedded = target->made && options->address == target->made;
	exit_code = connects ? check_files(options) : EX_OK;
	if (exit_code)
		ctl_target_free(target);
	return exit_code;
}

void ctl_target_free(ctl_target *target)
{
	free(target->made);
	seg_config_free(target->config);
}

int ctl_context_open(ctl_context *context)
{
	ctl_target target;
	seg_error error;
	int exit_code = ctl_target_choose(&target, true);
	if (exit_code)
		return exit_code;
	if (context->patience > 0 && target.options.timeout_ms > context->patience / NS_PER_MS)
		target.options.timeout_ms = 1 + (uint32_t)(context->patience / NS_PER_MS);
	int status = seg_client_open(&target.options, &context->client, &error);
	if (target.embedded)
		context->embedded = realpath(target.config->redis.directory, NULL);
	exit_code = status ? refuse(&error, context->embedded) : 0;
	ctl_target_free(&target);
	return exit_code;
}

void ctl_context_bound(ctl_context *context, int64_t patience)
{
	context->patience = patience;
	if (context->client)
		context->client->timeout = patience < given.timeout ? patience : given.timeout;
}

void ctl_context_close(ctl_context *context)
{
	seg_client_close(context->client);
	free(context->embedded);
	context->client = NULL;
	context->embedded = NULL;
}

/* --- streams ------------------------------------------------------------------------- */

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

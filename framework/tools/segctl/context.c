#include "context.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "config/config.h"

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
	 "Redis, as redis://HOST:PORT or unix://PATH (SEGMENTER_ADDRESS)"},
	{"namespace", 'n', "NAME", CTL_TEXT, &given.name_space, 0, 0, NULL,
	 "the namespace (SEGMENTER_NAMESPACE)"},
	{"config", 'c', "FILE", CTL_TEXT, &given.config, 0, 0, NULL,
	 "take both, and the login, from a segrunner's FILE, not from the environment"},
	{"output", 'o', "FORM", CTL_CHOICE, &given.form, 0, 0, forms, "table (for people), json or csv"},
	{"timeout", 0, "TIME", CTL_DURATION, &given.timeout, 1000000, 3600000000000, NULL,
	 "how long to try to reach Redis (10s)"},
	{"help", 'h', NULL, CTL_FLAG, &given.help, 0, 0, NULL, "what a command does, and its options"},
	{"version", 'V', NULL, CTL_FLAG, &given.version, 0, 0, NULL, "the version"},
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

/* --- errors ------------------------------------------------------------------------ */

int ctl_exit_code(int status)
{
	switch (status) {
	case SEG_OK:
		return EX_OK;
	case SEG_EINVAL:
		return EX_USAGE;
	case SEG_ENOTFOUND:
		return EX_NOINPUT;
	case SEG_ESHAPE:
		return EX_CANTCREAT;
	case SEG_ETOOBIG:
		return EX_DATAERR;
	case SEG_EFULL:
	case SEG_EUNKNOWN:
	case SEG_ETIMEOUT:
	case SEG_EFENCED:
		return EX_TEMPFAIL;
	case SEG_EAUTH:
		return EX_NOPERM;
	case SEG_EPROTOCOL:
		return EX_PROTOCOL;
	case SEG_ENOMEM:
	case SEG_ESYSTEM:
		return EX_OSERR;
	default:
		return EX_UNAVAILABLE;
	}
}

static struct {
	char *text; /* NULL: standard error */
	size_t size;
} complaints;

void ctl_complaints_to(char *text, size_t size)
{
	complaints.text = text;
	complaints.size = size;
}

__attribute__((format(printf, 1, 0))) static void complain(const char *format, va_list args)
{
	if (complaints.text) {
		vsnprintf(complaints.text, complaints.size, format, args);
		return;
	}
	fflush(stdout);
	fputs("segctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int ctl_complain(int exit_code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain(format, args);
	va_end(args);
	return exit_code;
}

void ctl_die(int exit_code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain(format, args);
	va_end(args);
	exit(exit_code);
}

int ctl_fail(const seg_error *error)
{
	return ctl_complain(ctl_exit_code(error->status), "%s", error->text);
}

/* --- memory ------------------------------------------------------------------------- */

void *ctl_allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);
	if (!memory)
		ctl_die(EX_OSERR, "out of memory");
	return memory;
}

void *ctl_reallocate(void *memory, size_t count, size_t size)
{
	memory = reallocarray(memory, count ? count : 1, size);
	if (!memory)
		ctl_die(EX_OSERR, "out of memory");
	return memory;
}

char *ctl_copy(const char *text, size_t length)
{
	char *copy = ctl_allocate(length + 1, 1);
	if (length)
		memcpy(copy, text, length);
	return copy;
}

void ctl_pause(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	nanosleep(&t, NULL);
}

/* --- connecting ---------------------------------------------------------------------- */

/* What was said in this line comes before what is left from elsewhere: a variable of the shell. */
static const char *first_of(const char *flag, const char *configured, const char *variable)
{
	const char *set = getenv(variable);
	if (flag || configured)
		return flag ? flag : configured;
	return set && *set ? set : NULL;
}

/* Where the embedded server of a configuration listens; what means something in an address is escaped. */
static char *embedded_address(const char *directory)
{
	char *path = realpath(directory, NULL);
	if (!path)
		ctl_die(EX_NOINPUT,
			"cannot find the embedded Redis's directory %s: %s; a segrunner with %s makes it",
			directory, strerror(errno), given.config);
	char *address = ctl_allocate(sizeof("unix:///redis.sock") + 3 * strlen(path), 1);
	char *end = stpcpy(address, "unix://");
	for (const char *c = path; *c; c++)
		end += sprintf(end, isalnum((unsigned char)*c) || strchr("/._-", *c) ? "%c" : "%%%02X",
			       (unsigned char)*c);
	memcpy(end, "/redis.sock", sizeof("/redis.sock"));
	free(path);
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
	/* The login belongs to the address that it stands beside. */
	if (config && options.address == configured) {
		options.user = config->redis.user;
		options.password = config->redis.password;
	}
	options.timeout_ms = (uint32_t)(given.timeout / 1000000);
	/* What a runner refuses, an operator must still be able to look at. */
	options.allow_eviction = 1;
	options.max_message_bytes = (uint64_t)512 << 20;
	seg_error error;
	context->form = (ctl_form)given.form;
	int status = seg_client_open(&options, &context->client, &error);
	free(made);
	seg_config_free(config);
	return status ? ctl_fail(&error) : 0;
}

void ctl_context_close(ctl_context *context)
{
	seg_client_close(context->client);
}

int ctl_open_stream(ctl_context *context, const char *name, seg_stream **stream)
{
	seg_error error;
	if (seg_stream_open(context->client, name, stream, &error) == 0)
		return 0;
	if (error.status == SEG_ENOTFOUND)
		return ctl_complain(
			EX_NOINPUT,
			"%s; `segctl stream list` tells which there are, `segctl stream create` makes one",
			error.text);
	return ctl_fail(&error);
}

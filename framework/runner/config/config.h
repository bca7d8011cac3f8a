/*
 * config.h - segrunner's configuration: an INI file, read once and whole, checked, and then only looked at.
 *
 * What may be written is one table (config_options.c): the parser, `--help`, config/reference.ini and the
 * README's table all come from it. Loading finds every mistake it can before it gives up, each as one line
 * `file:line: what is wrong; how to mend it`.
 *
 * A loaded seg_config never changes, so any thread may read it; loading and freeing are the main thread's.
 * All strings and arrays belong to the config and live until seg_config_free. Durations are nanoseconds,
 * sizes bytes, paths already relative to the current directory (a relative path in a file is relative to that
 * file).
 */
#ifndef SEG_CONFIG_CONFIG_H
#define SEG_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <segmenter/segmenter.h>

/* Where something was written, for messages about it. line 0: nowhere, a default. */
typedef struct seg_config_place {
	const char *file;
	unsigned line;
} seg_config_place;

typedef enum seg_config_fsync {
	SEG_CONFIG_FSYNC_ALWAYS = 0,  /* what was answered survives a power cut; the default */
	SEG_CONFIG_FSYNC_EVERYSEC = 1 /* the last second or two may be lost */
} seg_config_fsync;

/* [redis] */
typedef struct seg_config_redis {
	seg_config_place place;
	/*
	 * As seg_client_options.address takes it, or "embedded": then segrunner starts a redis-server of its
	 * own on `directory`. It may hold a password: print it with seg_config_print or through seg_address
	 * only.
	 */
	char *address;
	bool embedded;
	char *directory;         /* of the embedded server's data; not NULL if embedded */
	char *user;              /* or NULL */
	char *password;          /* from `password` or out of `password_file`; or NULL; never printed */
	char *password_file;     /* or NULL; already read */
	int64_t connect_timeout; /* 1 ms to 10 min */
	int64_t timeout;         /* 1 ms to 1 h */
	bool allow_eviction;     /* run on a Redis whose policy evicts keys */
	int appendfsync;         /* a seg_config_fsync, for the embedded server */
} seg_config_redis;

typedef enum seg_config_idle {
	SEG_CONFIG_IDLE_PARK = 0, /* sleep in the kernel until woken; the default */
	SEG_CONFIG_IDLE_YIELD = 1,
	SEG_CONFIG_IDLE_SPIN = 2
} seg_config_idle;

typedef enum seg_config_log_format { SEG_CONFIG_LOG_TEXT = 0, SEG_CONFIG_LOG_JSON = 1 } seg_config_log_format;

/*
 * The CPUs that workers are pinned to, round robin. "auto" is resolved while loading: the CPUs the
 * process may use. count 0: workers are not pinned.
 */
typedef struct seg_config_cpus {
	uint16_t *list; /* rising */
	size_t count;
} seg_config_cpus;

/* [runner] */
typedef struct seg_config_runner {
	seg_config_place place;
	char *name_space;
	char *name; /* this runner's name in its groups; NULL: to be made of host name, pid and chance */
	seg_config_cpus cpus;
	int idle;                 /* a seg_config_idle */
	int64_t shutdown_timeout; /* how long a clean stop may drain; 0 to 1 h */
	int64_t handler_timeout;  /* a handler that runs for so long is stuck; 0: never; 100 ms to 24 h */
	int log_level;            /* SEG_LOG_DEBUG ... SEG_LOG_ERROR */
	int log_format;           /* a seg_config_log_format */
	char *log_file;           /* NULL: stderr */
	char *plugin_directory;   /* where a plugin named without '/' is looked for; NULL: the built-in one */
	char *admin;              /* where to listen, as seg_listen_parse takes it; NULL: off */
	char *admin_token_file;   /* or NULL; already read */
	char *admin_token;        /* out of it; NULL: none is asked for; never printed */
} seg_config_runner;

/* `option.NAME = value` as written, for the plugin that declares NAME. */
typedef struct seg_config_option {
	seg_config_place place;
	char *name; /* without "option." */
	char *value;
} seg_config_option;

/* [consumer NAME]: one plugin for one stream and group. */
typedef struct seg_config_consumer {
	seg_config_place place; /* of the section's header */
	char *name;             /* unique among the consumers */
	char *stream;
	char *group;
	char *plugin; /* a path if it holds a '/', else a name in plugin_directory */
	seg_config_place plugin_place;
	bool register_stream; /* `partitions` was given: register it with `shape`; else it must exist */
	seg_stream_shape shape;
	uint32_t batch_size;        /* messages; 1 to 65,536 */
	int64_t batch_linger;       /* how long a batch waits to get fuller; 0 to 60 s */
	uint32_t in_flight_batches; /* 2 to 64, per partition */
	uint64_t in_flight_bytes;   /* 4 KiB to 4 GiB, per partition */
	seg_start start;
	int64_t session_timeout; /* 500 ms to 1 h */
	uint32_t capacity;       /* 1 to 1,000 */
	seg_codec codec;
	uint32_t max_attempts;      /* 0: for ever; to 1,000,000 */
	int64_t retry_backoff;      /* 1 ms to 1 h, at most retry_backoff_max */
	int64_t retry_backoff_max;  /* 1 ms to 24 h */
	int64_t commit_interval;    /* 0 to 60 s */
	int64_t tick;               /* 1 ms to 1 h */
	seg_config_option *options; /* in the order written; names are unique */
	size_t option_count;
} seg_config_consumer;

typedef struct seg_config {
	char *file; /* as it was given to seg_config_load */
	seg_config_redis redis;
	seg_config_runner runner;
	seg_config_consumer *consumers; /* in the order written; at least one */
	size_t consumer_count;
	struct seg_config_file *files; /* every file read, included ones too; places point to their names */
} seg_config;

/* --- what was wrong --------------------------------------------------------- */

typedef struct seg_config_error {
	bool warning; /* unwise, but it runs */
	char *text;   /* "file:line: what; how to mend it", one line without newline */
} seg_config_error;

/* What the lines say, in their order, then what contradicts or is missing. Start with {0}. */
typedef struct seg_config_errors {
	seg_config_error *list;
	size_t count;    /* of errors and warnings */
	size_t warnings; /* of those, the warnings */
	bool incomplete; /* memory ran out, or there were more than 1,000 */
} seg_config_errors;

/* Adds one, also after loading: the plugin loader's findings about `option.NAME`, say. */
__attribute__((format(printf, 3, 4))) void seg_config_error_add(seg_config_errors *errors,
								seg_config_place place, const char *format,
								...);
__attribute__((format(printf, 3, 4))) void seg_config_warning_add(seg_config_errors *errors,
								  seg_config_place place, const char *format,
								  ...);

/* Writes all, a line each; warnings as "file:line: warning: ...". */
void seg_config_errors_print(const seg_config_errors *errors, FILE *out);

/* Frees the list; it is empty and usable again. */
void seg_config_errors_fini(seg_config_errors *errors);

/* --- loading ------------------------------------------------------------------ */

/*
 * Reads the file and all it includes, and checks everything that can be checked without Redis and without
 * loading a plugin. Returns 0 and the config, which the caller frees; or, with *config NULL, SEG_EINVAL with
 * at least one error that is no warning, SEG_ENOTFOUND where the file itself cannot be read (one error says
 * why), or SEG_ENOMEM. Warnings come with both. Reads the environment (`${NAME}`), so no other thread may be
 * changing it.
 */
int seg_config_load(const char *path, seg_config **config, seg_config_errors *errors);

/* The same from memory; `name` stands for the file in messages, and relative paths start at its directory. */
int seg_config_load_text(const char *name, const char *text, size_t length, seg_config **config,
			 seg_config_errors *errors);

/* NULL is allowed. Passwords are wiped first. */
void seg_config_free(seg_config *config);

/* --- showing ------------------------------------------------------------------ */

/*
 * Writes what is in force, defaults included, as an INI file with all secrets as "***". Options of plugins
 * that are named like secrets (password, secret, token, key) are hidden too, and so are passwords in URLs.
 */
void seg_config_print(const seg_config *config, FILE *out);

typedef enum seg_config_form {
	SEG_CONFIG_FORM_INI = 0, /* config/reference.ini: every option, commented out, with its default */
	SEG_CONFIG_FORM_MARKDOWN = 1, /* the README's tables */
	SEG_CONFIG_FORM_HELP = 2,     /* `segrunner --help`: a line or two an option */
	SEG_CONFIG_FORM_MAN = 3       /* the manual page segrunner.ini(5) */
} seg_config_form;

/* Writes the reference of all options. */
void seg_config_reference(FILE *out, seg_config_form form);

#endif

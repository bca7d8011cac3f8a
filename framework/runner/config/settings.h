/*
 * settings.h - what a loaded configuration holds: a struct for each section.
 *
 * A loaded seg_config never changes, so any thread may read it. The config owns all its strings and arrays,
 * which live until seg_config_free. Durations are nanoseconds, sizes are bytes. Paths are relative to the
 * current directory: the loader has resolved them against the directory of the file that holds them.
 */
#ifndef SEG_CONFIG_SETTINGS_H
#define SEG_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/segmenter.h>

#include "config/error.h"

typedef enum seg_config_fsync {
	SEG_CONFIG_FSYNC_ALWAYS = 0,  /* confirmed writes survive a power cut; the default */
	SEG_CONFIG_FSYNC_EVERYSEC = 1 /* a power cut may lose the last two seconds of writes */
} seg_config_fsync;

/* [redis] */
typedef struct seg_config_redis {
	seg_config_place place;
	/*
	 * An address for seg_client_options.address, or "embedded": segrunner starts a redis-server of its
	 * own on `directory`. The address may contain a password: print it only with seg_config_print or as a
	 * seg_address.
	 */
	char *address;
	bool embedded;
	char *directory;              /* for the data of the embedded server; not NULL if embedded */
	char *user;                   /* or NULL */
	char *password;               /* or NULL; never printed */
	char *password_file;          /* or NULL; holds a password, which may change later */
	char *sentinel_user;          /* or NULL */
	char *sentinel_password_file; /* or NULL; as password_file */
	char *tls_ca_file;            /* these four are paths, or NULL; read at each connect */
	char *tls_ca_directory;
	char *tls_cert_file;
	char *tls_key_file;
	char *tls_server_name;   /* or NULL */
	bool tls_verify;         /* the server's certificate must be good */
	int64_t connect_timeout; /* 1 ms to 10 min */
	int64_t timeout;         /* 1 ms to 1 h */
	bool allow_eviction;     /* run even if the policy of Redis evicts keys */
	uint32_t ack_replicas;   /* replicas that must have a commit before it counts; 0 to 16 */
	int appendfsync;         /* a seg_config_fsync, for the embedded server */
} seg_config_redis;

typedef enum seg_config_idle {
	SEG_CONFIG_IDLE_PARK = 0, /* sleep in the kernel until woken; the default */
	SEG_CONFIG_IDLE_YIELD = 1,
	SEG_CONFIG_IDLE_SPIN = 2
} seg_config_idle;

typedef enum seg_config_log_format { SEG_CONFIG_LOG_TEXT = 0, SEG_CONFIG_LOG_JSON = 1 } seg_config_log_format;

/*
 * The CPUs that workers are pinned to, in turn. The loader resolves "auto" to the CPUs that the process may
 * use. count 0: workers are not pinned.
 */
typedef struct seg_config_cpus {
	uint16_t *list; /* ascending */
	size_t count;
} seg_config_cpus;

/* [runner] */
typedef struct seg_config_runner {
	seg_config_place place;
	char *name_space;
	char *name; /* in its groups; NULL: segrunner makes a name */
	seg_config_cpus cpus;
	int idle;                  /* a seg_config_idle */
	int64_t shutdown_timeout;  /* the longest time of a clean stop; 0 to 1 h */
	int64_t handler_timeout;   /* a handler call that runs longer is stuck; 0: no limit; 100 ms to 24 h */
	int log_level;             /* SEG_LOG_DEBUG ... SEG_LOG_ERROR */
	int log_format;            /* a seg_config_log_format */
	char *log_file;            /* NULL: stderr */
	char *plugin_directory;    /* of plugins that are named without a '/'; NULL: the installed one */
	char *admin;               /* the address to listen on, for seg_listen_parse; NULL: off */
	char *admin_token_file;    /* or NULL; already read */
	char *admin_token;         /* from admin_token_file; NULL: clients need no token; never printed */
	char *admin_tls_cert_file; /* NULL: admin speaks HTTP; read when admin starts */
	char *admin_tls_key_file;  /* set if that is */
	char *admin_url;           /* or NULL */
	char *admin_page;          /* the page's URL for other runners' pages; NULL: they cannot reach it */
} seg_config_runner;

/* `option.NAME = value`, for the plugin that declares NAME. */
typedef struct seg_config_option {
	seg_config_place place;
	char *name; /* without "option." */
	char *value;
} seg_config_option;

enum { SEG_CONFIG_OUTPUT_OPTIONS = 4 };

/* A stream of `outputs`, and its `output.NAME....`. */
typedef struct seg_config_output {
	char *name;
	bool listed;          /* always, in a configuration without errors */
	bool register_stream; /* `partitions` is set: register the stream with `shape`; else the stream must exist */
	seg_stream_shape shape;
	seg_config_place at[SEG_CONFIG_OUTPUT_OPTIONS]; /* where its options were set; line 0: nowhere */
} seg_config_output;

/* [consumer NAME]: one plugin for one stream and group. */
typedef struct seg_config_consumer {
	seg_config_place place; /* of the section's header */
	char *name;             /* unique among the consumers */
	char *stream;
	char *group;
	char *plugin; /* a path if it contains a '/', else a name in plugin_directory */
	seg_config_place plugin_place;
	bool register_stream; /* `partitions` is set: register the stream with `shape`; else the stream must exist */
	seg_stream_shape shape;
	uint32_t batch_size; /* messages; 1 to 65,536 */
	uint32_t parallel;   /* threads that handle messages of one partition; 1 to 256 */
	seg_config_place parallel_place;
	uint64_t beyond_limit;      /* messages that are read beyond the position; with `parallel` above 1 */
	int64_t batch_linger;       /* how long a batch that is not full waits; 0 to 60 s */
	uint32_t in_flight_batches; /* 2 to 64, per partition; 0: 4, and more while Redis is far */
	uint64_t in_flight_bytes;   /* 4 KiB to 4 GiB, per partition */
	uint64_t entry_limit;       /* bytes; 64 KiB to 4 GiB */
	uint64_t state_limit;       /* bytes, per partition; 4 KiB to 64 GiB */
	seg_start start;
	int64_t session_timeout; /* 500 ms to 1 h */
	uint32_t capacity;       /* 1 to 1,000 */
	seg_codec codec;
	uint32_t max_attempts;         /* 0: no limit; at most 1,000,000 */
	int64_t retry_backoff;         /* 1 ms to 1 h, at most retry_backoff_max */
	int64_t retry_backoff_max;     /* 1 ms to 24 h */
	uint64_t dead_letter_limit;    /* per partition; 0: no limit; at most 2^40 */
	seg_dead_letters dead_letters; /* at that limit */
	int64_t commit_interval;       /* 0 to 60 s */
	int64_t tick;                  /* 1 ms to 1 h */
	uint32_t packing_level;        /* of zstd, for what is emitted */
	char *output_list;             /* "a, b"; NULL: the handler emits nothing */
	seg_config_output *outputs;    /* in the order of the list */
	size_t output_count;
	char **output_names;        /* of these, and NULL at the end; NULL without outputs */
	seg_config_option *options; /* in the order of the file; names are unique */
	size_t option_count;
} seg_config_consumer;

typedef struct seg_config {
	char *file; /* the path or name that was loaded */
	seg_config_redis redis;
	seg_config_runner runner;
	seg_config_consumer *consumers; /* in the order of the file; at least one */
	size_t consumer_count;
	struct seg_config_file
		*files; /* every file that was read, includes too; places point to their names */
} seg_config;

#endif

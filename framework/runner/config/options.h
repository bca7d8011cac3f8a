/*
 * options.h - the table of all options, one row for each. The parser, the checks, `--help`,
 * config/reference.ini and segrunner.ini(5) all come from this table.
 */
#ifndef SEG_CONFIG_OPTIONS_H
#define SEG_CONFIG_OPTIONS_H

#include "config/settings.h"

typedef enum seg_config_section {
	SEG_CONFIG_REDIS = 0,
	SEG_CONFIG_RUNNER = 1,
	SEG_CONFIG_CONSUMER = 2,
	SEG_CONFIG_SECTIONS = 3
} seg_config_section;

typedef enum seg_config_kind {
	SEG_CONFIG_TEXT,     /* char * */
	SEG_CONFIG_SECRET,   /* char *, never printed */
	SEG_CONFIG_NAME,     /* char *, for seg_name_check */
	SEG_CONFIG_PATH,     /* char *, a path, relative to the directory of its file */
	SEG_CONFIG_LOG_FILE, /* char *, a path; NULL for "-" */
	SEG_CONFIG_PLUGIN,   /* char *, a path if it contains a '/', else a name */
	SEG_CONFIG_LISTEN,   /* char *, for seg_listen_parse; NULL for "off" */
	SEG_CONFIG_NAMES,    /* char *, names with commas between: seg_config_output_list */
	SEG_CONFIG_ADDRESS,  /* char * */
	SEG_CONFIG_INTEGER,  /* uint32_t, min to max */
	SEG_CONFIG_COUNT,    /* uint64_t, min to max */
	SEG_CONFIG_SIZE,     /* uint64_t in bytes, min to max */
	SEG_CONFIG_DURATION, /* int64_t in ns, min to max */
	SEG_CONFIG_BOOLEAN,  /* bool */
	SEG_CONFIG_CHOICE,   /* an enum: the index into choices */
	SEG_CONFIG_CPUS,     /* seg_config_cpus */
	SEG_CONFIG_START     /* seg_start */
} seg_config_kind;

/* What SIGHUP does if the value of an option has changed. */
typedef enum seg_config_change {
	SEG_CHANGE_CONSUMER = 0, /* drains the affected sections, and starts them again with the new value */
	SEG_CHANGE_LIVE,         /* applies the new value at once */
	SEG_CHANGE_RESTART       /* only logs that segrunner must be restarted */
} seg_config_change;

typedef struct seg_config_row {
	seg_config_section section;
	const char *name;
	seg_config_kind kind;
	size_t offset;              /* of the field, in the section's struct */
	const char *value;          /* the default, as a file would set it; NULL: no default */
	int64_t min, max;           /* the range of a number */
	const char *const *choices; /* of SEG_CONFIG_CHOICE, by the enum's value; NULL ends the list */
	bool required;
	seg_config_change change;
	const char *help; /* sentences, without the range and the default: the reference adds those */
} seg_config_row;

enum { SEG_CONFIG_ROWS_MAX = 64 };

extern const seg_config_row seg_config_rows[];
extern const size_t seg_config_row_count;

/* The names of SEG_LOG_DEBUG to SEG_LOG_ERROR, by the level; NULL ends the list. */
extern const char *const seg_log_level_names[];

/* "redis", "runner", "consumer". */
extern const char *const seg_config_section_names[SEG_CONFIG_SECTIONS];

/* The row, or NULL. */
const seg_config_row *seg_config_row_find(seg_config_section section, const char *name);

/* Whether the row's field is a char *. */
bool seg_config_row_is_string(const seg_config_row *row);

/* The text that stands for no value, whose field is NULL: "-" or "off"; NULL if the option has no such text. */
const char *seg_config_row_none(const seg_config_row *row);

#endif

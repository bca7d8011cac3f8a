#include "config/load.h"

#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/file.h"
#include "config/output.h"
#include "config/pair.h"
#include "config/section.h"
#include "config/value.h"

static void begin_file(void *arg, const seg_config_file *file)
{
	seg_config_loader *loader = arg;
	loader->file = file;
	loader->state = SEG_CONFIG_NO_SECTION;
}

static void begin_section(void *arg, seg_config_place place, char *name)
{
	seg_config_section_begin(arg, place, name);
}

static void take_pair(void *arg, seg_config_place place, const char *name, const char *value)
{
	seg_config_pair_take(arg, place, name, value);
}

/* Reads the text into a new config with all defaults, and checks it. */
static void load(seg_config_loader *loader, const char *name, const struct stat *stat, const char *text,
		 size_t length)
{
	seg_config *config = loader->config;
	config->file = strdup(name);
	if (!config->file || seg_config_defaults_set(SEG_CONFIG_REDIS, &config->redis) != 0 ||
	    seg_config_defaults_set(SEG_CONFIG_RUNNER, &config->runner) != 0) {
		loader->no_memory = true;
		return;
	}
	const seg_config_reader reader = {
		.file = begin_file,
		.sink = {.section = begin_section, .pair = take_pair, .arg = loader},
		.files = &config->files,
		.errors = loader->errors,
	};
	if (seg_config_files_read(&reader, name, stat, text, length))
		loader->no_memory = true;
	if (!loader->no_memory)
		seg_config_check(loader);
}

/* What a load is for. */
typedef enum { RUN, CHECK, CLIENT } purpose;

static int load_text(const char *name, const struct stat *stat, const char *text, size_t length,
		     seg_config **config, seg_config_errors *errors, purpose why)
{
	size_t errors_before = errors->count - errors->warnings;
	seg_config_loader loader = {.config = calloc(1, sizeof(*loader.config)),
				    .errors = errors,
				    .leaves_files = why == CLIENT};
	*config = NULL;
	if (!loader.config)
		return SEG_ENOMEM;
	load(&loader, name, stat, text, length);
	free(loader.consumers);
	int status = loader.no_memory ? SEG_ENOMEM : 0;
	if (!status && (errors->incomplete || errors->count - errors->warnings > errors_before))
		status = SEG_EINVAL;
	if (status == SEG_ENOMEM || (status && why != CHECK))
		seg_config_free(loader.config);
	else
		*config = loader.config;
	return status;
}

static int load_file(const char *path, seg_config **config, seg_config_errors *errors, purpose why)
{
	seg_config_content content;
	seg_error error;
	*config = NULL;
	int status = seg_config_file_read(path, true, SEG_CONFIG_FILE_MAX, &content, &error);
	if (status == SEG_ENOTFOUND)
		seg_config_error_add(errors, (seg_config_place){.file = path}, "%s", error.text);
	if (status)
		return status;
	status = load_text(path, &content.stat, content.text, content.length, config, errors, why);
	seg_config_content_fini(&content);
	return status;
}

int seg_config_load(const char *path, seg_config **config, seg_config_errors *errors)
{
	return load_file(path, config, errors, RUN);
}

int seg_config_load_for_check(const char *path, seg_config **config, seg_config_errors *errors)
{
	return load_file(path, config, errors, CHECK);
}

int seg_config_load_for_client(const char *path, seg_config **config, seg_config_errors *errors)
{
	return load_file(path, config, errors, CLIENT);
}

int seg_config_load_text(const char *name, const char *text, size_t length, seg_config **config,
			 seg_config_errors *errors)
{
	return load_text(name, NULL, text, length, config, errors, RUN);
}

static void free_consumer(seg_config_consumer *consumer)
{
	seg_config_fields_free(SEG_CONFIG_CONSUMER, consumer);
	for (size_t i = 0; i < consumer->option_count; i++) {
		if (consumer->options[i].value)
			explicit_bzero(consumer->options[i].value, strlen(consumer->options[i].value));
		free(consumer->options[i].name);
		free(consumer->options[i].value);
	}
	free(consumer->options);
	seg_config_output_free(consumer);
	free(consumer->name);
}

void seg_config_free(seg_config *config)
{
	if (!config)
		return;
	seg_config_fields_free(SEG_CONFIG_REDIS, &config->redis);
	seg_config_fields_free(SEG_CONFIG_RUNNER, &config->runner);
	if (config->runner.admin_token)
		explicit_bzero(config->runner.admin_token, strlen(config->runner.admin_token));
	free(config->runner.admin_token);
	free(config->runner.admin_page);
	for (size_t i = 0; i < config->consumer_count; i++)
		free_consumer(&config->consumers[i]);
	free(config->consumers);
	seg_config_files_free(config->files);
	free(config->file);
	free(config);
}

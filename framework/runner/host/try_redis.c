#include "host/try_redis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "doctor/doctor.h"
#include "embedded/paths.h"
#include "host/redis_options.h"

/* The address of the embedded Redis, which the caller frees; NULL, and a finding, if there is none yet. */
static char *embedded_address(const seg_config *config, seg_report *report)
{
	char *path = realpath(config->redis.directory, NULL);
	char *address = path ? seg_embedded_paths_address(path) : NULL;
	if (!path) {
		seg_report_fail(report, EX_UNAVAILABLE, "reached",
				"the embedded Redis's directory %s cannot be opened (%s)",
				config->redis.directory, strerror(errno));
		seg_report_advise(report, "run segrunner -c %s, which makes it", config->file);
	} else if (!address) {
		report->incomplete = true;
	}
	free(path);
	return address;
}

static seg_doctor_section section_of(const seg_config_consumer *consumer, seg_doctor_use *outputs)
{
	for (size_t k = 0; k < consumer->output_count; k++) {
		const seg_config_output *output = &consumer->outputs[k];
		outputs[k] = (seg_doctor_use){output->name, output->register_stream ? &output->shape : NULL};
	}
	return (seg_doctor_section){
		.name = consumer->name,
		.group = consumer->group,
		.source = {consumer->stream, consumer->register_stream ? &consumer->shape : NULL},
		.outputs = outputs,
		.output_count = consumer->output_count,
	};
}

static void look_at_sections(const seg_config *config, const seg_client_options *options, seg_report *report)
{
	seg_client *client;
	seg_error error;
	if (seg_client_open(options, &client, &error)) {
		seg_doctor_fail(report, "client", &error, NULL);
		return;
	}
	size_t output_count = 0;
	for (size_t i = 0; i < config->consumer_count; i++)
		output_count += config->consumers[i].output_count;
	seg_doctor_section *sections = calloc(config->consumer_count + 1, sizeof(*sections));
	seg_doctor_use *outputs = calloc(output_count + 1, sizeof(*outputs));
	report->incomplete |= !sections || !outputs;
	for (size_t i = 0, k = 0; sections && outputs && i < config->consumer_count; i++) {
		sections[i] = section_of(&config->consumers[i], &outputs[k]);
		k += sections[i].output_count;
	}
	for (size_t i = 0; sections && outputs && i < config->consumer_count; i++)
		seg_doctor_section_look(client, sections, config->consumer_count, i, report);
	free(sections);
	free(outputs);
	seg_client_close(client);
}

static void examine(const seg_config *config, const char *address, seg_report *report)
{
	seg_client_options options;
	seg_redis_options(config, config->redis.embedded ? address : NULL, &options);
	bool usable = seg_doctor_server(&options, SEG_USER_RUNNER, config->consumers[0].stream, report);
	if (usable) {
		/* Eviction has been judged; it must not hide the streams. */
		options.allow_eviction = 1;
		look_at_sections(config, &options, report);
	} else if (report->count > 1) {
		seg_report_warn(report, "consumers", "not looked at, because of the failures above");
	} else if (config->redis.embedded) {
		seg_report_advise(report, "run segrunner -c %s, which starts the embedded Redis",
				  config->file);
	}
}

int seg_runner_try_redis(const seg_config *config, FILE *out)
{
	seg_report report = {0};
	char *made = config->redis.embedded ? embedded_address(config, &report) : NULL;
	if (made || !config->redis.embedded)
		examine(config, made ? made : config->redis.address, &report);
	free(made);
	seg_report_print(&report, out);
	int exit_code = seg_report_exit_code(&report);
	seg_report_free(&report);
	return exit_code;
}

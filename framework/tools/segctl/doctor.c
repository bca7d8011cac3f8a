/* doctor.c - `segctl doctor`: tries the server and looks at all streams, and says what is well and what to do. */
#include "doctor/doctor.h"

#include <stdlib.h>
#include <sysexits.h>

#include "command.h"
#include "config/config.h"
#include "directory.h"
#include "stream/client.h"
#include "table.h"

static const char *const users[] = {"all", "runner", "producer", "operator", NULL};
static const seg_user_kind kinds[] = {SEG_USER_ANY, SEG_USER_RUNNER, SEG_USER_PRODUCER, SEG_USER_OPERATOR};

static struct {
	int user;
} given;

static const ctl_option options[] = {
	{"for", 0, "WHO", CTL_CHOICE, &given.user, 0, 0, users,
	 "whose rights to try: runner, producer, operator (segctl), or all (the default)"},
	CTL_OPTIONS_END,
};

/* --- streams ----------------------------------------------------------------------------------- */

static void look_at_stream(ctl_context *context, const char *name, seg_report *report)
{
	ctl_keys groups;
	char complaint[SEG_ERROR_TEXT_MAX] = "";
	ctl_complaints_to(complaint, sizeof(complaint));
	int exit_code = ctl_directory_groups(context, name, &groups);
	ctl_complaints_to(NULL, 0);
	/* That a key holds another type, seg_doctor_stream finds as well. */
	if (exit_code && exit_code != EX_PROTOCOL)
		seg_report_warn(report, "stream", "%s: %s", name, complaint);
	seg_doctor_stream(context->client, name, (const char *const *)groups.list, groups.count, report);
	ctl_keys_free(&groups);
}

static void look_at_streams(ctl_context *context, seg_report *report)
{
	ctl_keys names;
	char complaint[SEG_ERROR_TEXT_MAX] = "";
	ctl_complaints_to(complaint, sizeof(complaint));
	int exit_code = ctl_directory_streams(context, &names);
	ctl_complaints_to(NULL, 0);
	if (exit_code) {
		seg_report_warn(report, "streams", "not looked at: %s", complaint);
		seg_report_advise(report, "log in as a user with the rights of an operator");
	} else if (names.count == 0) {
		seg_report_ok(report, "streams", "none in namespace \"%s\"", context->client->name_space);
	}
	for (size_t i = 0; i < names.count && exit_code == 0; i++)
		look_at_stream(context, names.list[i], report);
	ctl_keys_free(&names);
}

/* --- the command --------------------------------------------------------------------------------- */

/* 0, or an exit code after one line on standard error: nothing could be examined. */
static int examine(ctl_context *context, seg_report *report)
{
	ctl_target target;
	seg_client_options defaults;
	seg_error error;
	int exit_code = ctl_target_choose(&target, true);
	if (exit_code)
		return exit_code;
	seg_client_options_init(&defaults);
	if (!target.options.address)
		target.options.address = defaults.address;
	if (!target.options.name_space)
		target.options.name_space = defaults.name_space;
	/* The server is judged as for a runner and a producer. */
	seg_client_options judged = target.options;
	judged.max_message_bytes = defaults.max_message_bytes;
	judged.allow_eviction = target.config && target.config->redis.allow_eviction;
	bool usable = seg_doctor_server(&judged, kinds[given.user], NULL, report);
	if (!usable && target.embedded && report->count == 1)
		seg_report_advise(report, "start segrunner, which runs the embedded Redis");
	else if (!usable && report->count > 1)
		seg_report_warn(report, "streams", "not looked at, because of the failures above");
	if (usable && seg_client_open(&target.options, &context->client, &error))
		seg_doctor_fail(report, "client", &error, NULL);
	else if (usable)
		look_at_streams(context, report);
	ctl_target_free(&target);
	return EX_OK;
}

static void print_as_table(const seg_report *report, ctl_form form)
{
	static const ctl_column columns[] = {
		{"level", "LEVEL", false},   {"check", "CHECK", false}, {"found", "FOUND", false},
		{"advice", "ADVICE", false}, {NULL, NULL, false},
	};
	ctl_table *table = ctl_table_create(columns);
	for (size_t i = 0; i < report->count; i++) {
		const seg_finding *finding = &report->list[i];
		ctl_table_text(table, seg_finding_level_name(finding->level));
		ctl_table_text(table, finding->check);
		ctl_table_text(table, finding->found);
		if (*finding->advice)
			ctl_table_text(table, finding->advice);
		else
			ctl_table_none(table);
	}
	ctl_table_print(table, form, "", stdout);
	ctl_table_destroy(table);
}

static int doctor(ctl_context *context, int argc, char **argv)
{
	seg_report report = {0};
	(void)argc, (void)argv;
	int exit_code = examine(context, &report);
	if (exit_code)
		return exit_code;
	if (context->form == CTL_FORM_TABLE)
		seg_report_print(&report, stdout);
	else
		print_as_table(&report, context->form);
	exit_code = seg_report_exit_code(&report);
	seg_report_free(&report);
	return exit_code;
}

const ctl_command ctl_doctor = {
	.noun = "doctor",
	.arguments = "",
	.summary = "Tries the server, its settings, the user's rights and all streams",
	.more = "Prints a line for each finding: ok, warn or fail, and what to do. Exits with 0 if nothing "
		"fails; 69 if the server cannot be used, 77 if a right is missing, 78 if a setting or a stream is "
		"wrong. Changes nothing.",
	.options = options,
	.run = doctor,
	.connects = true,
};

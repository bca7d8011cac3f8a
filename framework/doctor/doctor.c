#include "doctor/doctor.h"

#include <string.h>
#include <sysexits.h>

#include "doctor/judge_all.h"
#include "doctor/nodes.h"
#include "doctor/rights.h"

static int exit_code_of(int status)
{
	switch (status) {
	case SEG_EAUTH:
		return EX_NOPERM;
	case SEG_EINVAL:
	case SEG_ENOTFOUND:
	case SEG_ESHAPE:
		return EX_CONFIG;
	default:
		return EX_UNAVAILABLE;
	}
}

void seg_doctor_fail(seg_report *report, const char *check, const seg_error *error, const char *advice)
{
	if (error->status == SEG_ENOMEM)
		report->incomplete = true;
	seg_report_fail(report, exit_code_of(error->status), check, "%s", error->text);
	if (advice)
		seg_report_advise(report, "%s", advice);
}

static const char *advice_for(int status)
{
	switch (status) {
	case SEG_EAUTH:
		return "check the user and the password";
	case SEG_EPROTOCOL:
		return "check that the address is that of a Redis or Valkey server, and not of a TLS port or a proxy";
	case SEG_EUNREACHABLE:
		return "check that Redis runs there, and that no firewall is in between";
	default:
		return NULL;
	}
}

/* After a semicolon, most errors say themselves what to do. */
static bool advises(const seg_error *error)
{
	return strchr(error->text, ';') != NULL;
}

static bool fails(const seg_report *report)
{
	return seg_report_exit_code(report) == EX_UNAVAILABLE;
}

static bool is_cluster(const seg_facts *facts)
{
	char mode[SEG_VALUE_MAX];
	return strcmp(seg_facts_mode(facts, mode), "cluster") == 0;
}

static int look(seg_link *link, const seg_client_options *options, seg_user_kind user, const char *stream,
		seg_report *report, seg_error *error)
{
	seg_facts facts = {.max_message_bytes = options->max_message_bytes,
			   .allow_eviction = options->allow_eviction != 0,
			   .ack_replicas = options->ack_replicas};
	int status = seg_link_open(link, options, NULL, error);
	if (status == 0)
		status = seg_facts_ask(link, &facts, error);
	stream = stream ? stream : "any";
	if (status == 0) {
		seg_report_ok(report, "reached", "%s", link->address.text);
		seg_judge_all(&facts, report);
		/* A Sentinel has no scripts. */
		if (!fails(report))
			status = seg_rights_try(link, user, &facts, options->name_space, stream, report,
						error);
	}
	if (status == 0 && is_cluster(&facts))
		status =
			seg_nodes_look(link, &(seg_nodes_what){options, user, stream, &facts}, report, error);
	seg_facts_free(&facts);
	return status;
}

bool seg_doctor_server(const seg_client_options *options, seg_user_kind user, const char *stream,
		       seg_report *report)
{
	seg_link link;
	seg_error error;
	int status = look(&link, options, user, stream, report, &error);
	seg_link_close(&link);
	if (status)
		seg_doctor_fail(report, "reached", &error, advises(&error) ? NULL : advice_for(status));
	return status == 0 && !fails(report) && seg_report_exit_code(report) != EX_NOPERM;
}

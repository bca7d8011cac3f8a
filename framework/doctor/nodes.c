#include "doctor/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "doctor/judge_all.h"
#include "doctor/rights.h"

enum { NODES_MAX = 1000 /* that Redis recommends at most */ };

/* The masters, in the order of CLUSTER SLOTS, each once. */
typedef struct {
	seg_endpoint *list; /* their hosts are owned */
	size_t count;
	const char *asked; /* the host of the node that was asked */
	bool no_memory;
	char refusal[160]; /* or "" */
} masters;

static void free_masters(masters *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->list[i].host);
	free(m->list);
}

static bool is_known(const masters *m, const char *host, int64_t port)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->list[i].port == port && strcmp(m->list[i].host, host) == 0)
			return true;
	return false;
}

/* [host, port, id, ...]; an empty host, or none, stands for the one that was asked. */
static void take_master(masters *m, const seg_reply *node)
{
	const seg_reply *name = seg_reply_at(node, 0);
	const char *host = name && name->type == SEG_REPLY_TEXT && name->length ? name->text : m->asked;
	int64_t port = seg_reply_number(seg_reply_at(node, 1), 0);
	if (!host || port < 1 || port > UINT16_MAX || m->count == NODES_MAX || is_known(m, host, port))
		return;
	char *copy = strdup(host);
	m->no_memory |= !copy;
	if (copy)
		m->list[m->count++] = (seg_endpoint){.host = copy, .port = (uint16_t)port};
}

/* [[first slot, last slot, master, replica, ...], ...] */
static void got_slots(void *arg, const seg_reply *reply)
{
	masters *m = arg;
	if (reply->type == SEG_REPLY_ERROR)
		snprintf(m->refusal, sizeof(m->refusal), "%s", reply->text);
	size_t count = reply->type == SEG_REPLY_ARRAY ? reply->count : 0;
	for (size_t i = 0; i < count; i++)
		take_master(m, seg_reply_at(reply->elements[i], 2));
}

/* --- one master ------------------------------------------------------------------------------ */

/*
 * What has been told of the first node, and is the same here: the cluster's state, and what the user may not do, which is mostly the same
 * everywhere.
 */
static bool is_told(const seg_report *report, const seg_finding *finding)
{
	static const char *const of_user[] = {"answers", "scripts", "keys", "rights"};
	bool is_of_user = false;
	if (strcmp(finding->check, "cluster") == 0)
		return true;
	for (size_t i = 0; i < sizeof(of_user) / sizeof(of_user[0]); i++)
		is_of_user |= strcmp(finding->check, of_user[i]) == 0;
	for (size_t i = 0; i < report->count && is_of_user; i++)
		if (strcmp(report->list[i].check, finding->check) == 0 &&
		    strcmp(report->list[i].found, finding->found) == 0)
			return true;
	return false;
}

static bool is_same_server(const seg_facts *a, const seg_facts *b)
{
	char one[SEG_VALUE_MAX], other[SEG_VALUE_MAX];
	seg_values_get(&a->info, "run_id", one);
	seg_values_get(&b->info, "run_id", other);
	return *one && strcmp(one, other) == 0;
}

/* Moves what is not well to the report, with the node's name. Returns whether there was any. */
static bool move_findings(const seg_report *of_node, const char *name, seg_report *report)
{
	bool any = false;
	for (size_t i = 0; i < of_node->count; i++) {
		const seg_finding *f = &of_node->list[i];
		if (f->level == SEG_FINDING_OK || is_told(report, f))
			continue;
		any = true;
		if (f->level == SEG_FINDING_WARN)
			seg_report_warn(report, f->check, "%s: %s", name, f->found);
		else
			seg_report_fail(report, f->exit_code, f->check, "%s: %s", name, f->found);
		seg_report_advise(report, "%s", f->advice);
	}
	return any;
}

/* Another server than that of the link. */
static int judge(seg_link *link, const seg_nodes_what *what, const seg_facts *facts, seg_report *of_node,
		 seg_error *error)
{
	if (is_same_server(facts, what->judged))
		return 0;
	seg_judge_all(facts, of_node);
	/* One that loads its data runs no scripts yet. */
	if (seg_report_exit_code(of_node) == EX_UNAVAILABLE)
		return 0;
	return seg_rights_try(link, what->user, facts, what->options->name_space, what->stream, of_node,
			      error);
}

static void look_at(const seg_endpoint *endpoint, const seg_nodes_what *what, seg_report *report)
{
	const seg_client_options *options = what->options;
	char name[300];
	seg_link link;
	seg_error error;
	seg_report of_node = {0};
	seg_facts facts = {.max_message_bytes = options->max_message_bytes,
			   .allow_eviction = options->allow_eviction != 0,
			   .ack_replicas = options->ack_replicas};
	seg_endpoint_print(endpoint, name, sizeof(name));
	if (seg_link_open(&link, options, endpoint, &error) || seg_facts_ask(&link, &facts, &error) ||
	    judge(&link, what, &facts, &of_node, &error)) {
		bool login = error.status == SEG_EAUTH;
		seg_report_fail(report, login ? EX_NOPERM : EX_UNAVAILABLE, "node", "%s: %s", name,
				error.text);
		seg_report_advise(report,
				  login ? "make the user on every node of the cluster, with the same password"
					: "check that this machine reaches every node of the cluster");
	} else if (!move_findings(&of_node, name, report)) {
		seg_report_ok(report, "node", "%s: reached, %.2f ms", name, facts.round_trip * 1000);
	}
	report->incomplete |= of_node.incomplete;
	seg_report_free(&of_node);
	seg_facts_free(&facts);
	seg_link_close(&link);
}

int seg_nodes_look(seg_link *link, const seg_nodes_what *what, seg_report *report, seg_error *error)
{
	const char *argv[] = {"CLUSTER", "SLOTS"};
	masters m = {.asked = link->address.endpoints[0].host};
	m.list = calloc(NODES_MAX, sizeof(*m.list));
	m.no_memory = !m.list;
	int status = m.list ? seg_link_ask(link, got_slots, &m, 2, argv, error) : 0;
	report->incomplete |= m.no_memory;
	if (status == 0 && *m.refusal) {
		seg_report_fail(report, EX_NOPERM, "cluster", "the server refuses CLUSTER SLOTS (%s)",
				m.refusal);
		seg_report_advise(report, "grant +cluster|slots");
	}
	for (size_t i = 0; i < m.count && status == 0; i++)
		look_at(&m.list[i], what, report);
	free_masters(&m);
	return status;
}

#include "group/member.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/random.h"
#include "base/thread.h"
#include "group/agent.h"
#include "group/blocking_read.h"
#include "group/brief.h"
#include "group/doorbell.h"
#include "group/fetch.h"
#include "group/history.h"
#include "group/membership.h"
#include "group/open_group.h"
#include "group/outputs.h"
#include "group/refusal.h"
#include "group/rest.h"
#include "group/roll.h"
#include "group/shortage.h"

void seg_member_default_name(char name[SEG_NAME_MAX + 1])
{
	char host[65] = "", bits[9];
	gethostname(host, sizeof(host) - 1);
	for (char *c = host; *c; c++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *c))
			*c = '-';
	seg_random_hex(bits, 4);
	snprintf(name, SEG_NAME_MAX + 1, "%s-%ld-%s", host[0] ? host : "host", (long)getpid(), bits);
}

static void write_start(seg_member *m)
{
	seg_id id = m->options.start.id;
	switch (m->options.start.kind) {
	case SEG_START_EARLIEST:
		strcpy(m->start_text, "0");
		break;
	case SEG_START_LATEST:
		strcpy(m->start_text, "$");
		break;
	case SEG_START_AFTER_ID:
		seg_id_format(id, m->start_text);
		break;
	case SEG_START_TIME:
		/* The last id there can be before that millisecond. */
		seg_id_format(id.ms ? (seg_id){id.ms - 1, UINT64_MAX} : (seg_id){0, 0}, m->start_text);
		break;
	}
}

static char *stream_key(const seg_member *m, const char *a, const char *b)
{
	char key[SEG_KEY_MAX];
	seg_key_of_stream(key, m->stream->client->name_space, m->stream->name, a, b);
	return strdup(key);
}

/* NULL if out of memory. */
static seg_route *make_link(seg_member *m, seg_link number, const char *what, int64_t answer_timeout)
{
	char name[SEG_NAME_MAX + 1];
	snprintf(name, sizeof(name), "%.100s.%s", m->name, what);
	seg_member_link *link = &m->links[number];
	link->member = m;
	seg_connection_options options = seg_client_connection_options(m->stream->client);
	options.client_name = name;
	options.answer_timeout = answer_timeout;
	options.without_scripts = number == SEG_LINK_BLOCKING;
	options.scripts_at_use = true;
	options.logger = m->logger;
	const seg_route_hooks hooks = {
		.arg = link,
		.state = seg_agent_link_state,
		.ring = number == SEG_LINK_DATA ? seg_doorbell_rang : NULL,
	};
	link->route = seg_route_create(&options, &hooks);
	return link->route;
}

static int make_links(seg_member *m)
{
	int64_t patience =
		seg_duration_within(m->options.session_timeout / 3, SEG_SECOND / 5, 5 * SEG_SECOND);
	m->control = make_link(m, SEG_LINK_CONTROL, "control", patience);
	m->data = make_link(m, SEG_LINK_DATA, "data", patience);
	m->blocking = make_link(m, SEG_LINK_BLOCKING, "wait", SEG_BLOCKING_READ_TIME + 2 * SEG_SECOND);
	m->commits = &m->links[SEG_LINK_CONTROL];
	bool made = m->control && m->data && m->blocking;
	if (m->stream->client->ack_replicas > 0) {
		m->commits = &m->links[SEG_LINK_COMMITS];
		made = made && make_link(m, SEG_LINK_COMMITS, "commits", patience);
	}
	if (m->outputs)
		made = made && make_link(m, SEG_LINK_OUTPUTS, "outputs", patience);
	return made ? 0 : SEG_ENOMEM;
}

static int make_partitions(seg_member *m)
{
	uint32_t count = m->stream->shape.partitions;
	const seg_partition_setup setup = {
		.member = m,
		.name_space = m->stream->client->name_space,
		.stream = m->stream->name,
		.group = m->group,
		.logger = m->logger,
		.limits = &m->options.limits,
		.stock = &m->stock,
	};
	m->partitions = aligned_alloc(64, sizeof(*m->partitions) * count);
	if (!m->partitions)
		return SEG_ENOMEM;
	for (; m->partition_count < count; m->partition_count++)
		if (seg_partition_init(&m->partitions[m->partition_count], &setup, m->partition_count))
			return SEG_ENOMEM;
	return 0;
}

static int make_parts(seg_member *m)
{
	m->members_key = stream_key(m, m->group, "members");
	m->leases_key = stream_key(m, m->group, "leases");
	m->partitions_key = stream_key(m, m->group, "partitions");
	m->control_key = stream_key(m, m->group, "control");
	m->groups_key = stream_key(m, "groups", NULL);
	m->info_key = stream_key(m, "info", NULL);
	if (m->control_key)
		m->control_slot = seg_slot_of(m->control_key);
	m->active = calloc(m->stream->shape.partitions, sizeof(*m->active));
	if (!m->members_key || !m->leases_key || !m->partitions_key || !m->control_key || !m->groups_key ||
	    !m->info_key || !m->active)
		return SEG_ENOMEM;
	int status = make_partitions(m);
	if (status == 0)
		status = seg_rest_init(m);
	if (status == 0)
		status = seg_brief_init(m);
	if (status == 0)
		status = seg_membership_init(m);
	if (status == 0)
		status = seg_roll_init(m);
	if (status == 0)
		status = seg_blocking_read_init(m);
	if (status == 0)
		status = seg_doorbell_init(m);
	if (status == 0)
		status = seg_outputs_init(m);
	if (status)
		return status;
	seg_fetch_init(m);
	seg_open_group_begin(m);
	return make_links(m);
}

int seg_member_open(seg_stream *stream, const seg_member_options *options, seg_member **member,
		    seg_error *error)
{
	seg_member *m = aligned_alloc(64, (sizeof(*m) + 63) / 64 * 64);
	if (!m)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	memset(m, 0, sizeof(*m));
	m->stream = stream;
	m->options = *options;
	snprintf(m->group, sizeof(m->group), "%s", options->group);
	snprintf(m->name, sizeof(m->name), "%s", options->name);
	if (options->page && seg_page_url_is_good(options->page))
		snprintf(m->page, sizeof(m->page), "%s", options->page);
	if (options->incarnation)
		snprintf(m->incarnation, sizeof(m->incarnation), "%s", options->incarnation);
	else
		seg_random_hex(m->incarnation, (sizeof(m->incarnation) - 1) / 2);
	m->options.incarnation = NULL;
	m->logger = stream->logger;
	m->logger.group = m->group;
	atomic_init(&m->lease_until, 0);
	seg_shortage_init(m);
	seg_refusal_init(m);
	write_start(m);
	int status = seg_waker_init(&m->waker);
	if (status)
		seg_fail(error, status, "no eventfd: %s%s", strerror(errno), seg_descriptors_advice(errno));
	if (status == 0 && (status = make_parts(m)))
		seg_fail(error, status, "out of memory");
	int failure = 0;
	if (status == 0 && (failure = seg_thread_start(&m->thread, "seg-io", seg_agent_run, m)))
		status = seg_fail(error, SEG_ESYSTEM, "cannot start a thread: %s%s", strerror(failure),
				  seg_thread_limit_advice(failure));
	if (status)
		seg_member_destroy(m);
	else
		*member = m;
	return status;
}

void seg_member_stop(seg_member *m, seg_stopping stop)
{
	int before = atomic_load(&m->stop);
	while (before < (int)stop && !atomic_compare_exchange_weak(&m->stop, &before, (int)stop))
		;
	seg_waker_kick(&m->waker);
}

void seg_member_pause(seg_member *m)
{
	atomic_store(&m->drained, false);
	atomic_store(&m->pause, SEG_PAUSE_DRAIN);
	seg_waker_kick(&m->waker);
}

bool seg_member_is_drained(const seg_member *m)
{
	return atomic_load(&m->drained);
}

void seg_member_end_pause(seg_member *m)
{
	atomic_store(&m->pause, SEG_PAUSE_END);
	seg_waker_kick(&m->waker);
}

void seg_member_nudge(seg_member *m)
{
	seg_waker_kick(&m->waker);
}

void seg_member_await_commits(seg_member *m)
{
	atomic_fetch_add(&m->awaiting, 1);
	seg_waker_kick(&m->waker);
}

void seg_member_awaited_commits(seg_member *m)
{
	atomic_fetch_sub(&m->awaiting, 1);
}

void seg_member_starve(seg_member *m)
{
	atomic_store(&m->starved, true);
	seg_waker_kick(&m->waker);
}

void seg_member_report(seg_member *m)
{
	atomic_store(&m->report, true);
	seg_waker_kick(&m->waker);
}

int seg_member_join(seg_member *m, int64_t timeout)
{
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	int64_t end = (int64_t)deadline.tv_sec * SEG_SECOND + deadline.tv_nsec + timeout;
	deadline = (struct timespec){.tv_sec = end / SEG_SECOND, .tv_nsec = end % SEG_SECOND};
	return pthread_timedjoin_np(m->thread, NULL, &deadline) ? SEG_ETIMEOUT : 0;
}

void seg_member_destroy(seg_member *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < SEG_LINKS; i++)
		seg_route_destroy(m->links[i].route);
	seg_poll_set_fini(&m->polled);
	seg_outputs_fini(m);
	for (uint32_t n = 0; n < m->partition_count; n++)
		seg_partition_fini(&m->partitions[n]);
	seg_stock_free(&m->stock);
	seg_blocking_read_fini(m);
	seg_doorbell_fini(m);
	seg_history_fini(m);
	seg_membership_fini(m);
	seg_roll_fini(m);
	seg_rest_fini(m);
	seg_brief_fini(m);
	seg_waker_fini(&m->waker);
	seg_shortage_fini(m);
	seg_refusal_fini(m);
	free(m->partitions);
	free(m->active);
	free(m->members_key);
	free(m->leases_key);
	free(m->partitions_key);
	free(m->control_key);
	free(m->groups_key);
	free(m->info_key);
	free(m);
}

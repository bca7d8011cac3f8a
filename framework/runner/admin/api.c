/* api.c - /api/v1, as JSON. Fields may be added; none is removed or changes its meaning. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "group/outputs.h"
#include "group/value_load.h"
#include "base/clock.h"
#include "admin/json.h"
#include "admin/view.h"
#include "config/options.h"
#include "look/totals.h"

#define SNAPSHOT_AGE (1 * SEG_SECOND) /* for the page */

enum { NOT_FOUND = 404, UNAVAILABLE = 503 };

enum { REASONS_SHOWN = 20 };

/* --- /api/v1/status ------------------------------------------------------------------------ */

static json_t *number(const atomic_ullong *counter)
{
	return json_integer((json_int_t)atomic_load_explicit(counter, memory_order_relaxed));
}

static json_t *durations(const seg_durations *d)
{
	json_t *counts = json_array();
	for (unsigned i = 0; i <= SEG_DURATIONS_BOUNDS; i++)
		json_array_append_new(counts, number(&d->buckets[i]));
	double sum = (double)atomic_load_explicit(&d->sum, memory_order_relaxed) / 1e9;
	return json_pack("{s:o, s:f}", "counts", counts, "sum_seconds", sum);
}

static json_t *duration_bounds(void)
{
	json_t *bounds = json_array();
	for (unsigned i = 0; i < SEG_DURATIONS_BOUNDS; i++)
		json_array_append_new(bounds, json_real((double)seg_durations_bounds[i] / 1e9));
	return bounds;
}

static json_t *counters(const seg_section *section)
{
	const seg_member_counters *m = &section->member->counters;
	const seg_section_counters *w = &section->counters;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "messages_fetched", number(&m->fetched), "messages_handled", number(&w->handled),
			 "messages_committed", number(&m->committed), "messages_lost", number(&m->lost),
			 "retries", number(&w->retries), "dead_letters", number(&m->dead_letters), "commits",
			 number(&m->commits), "commits_fenced", number(&m->fenced), "rebalances",
			 number(&m->rebalances), "heartbeats", number(&m->heartbeats), "claims",
			 number(&m->claims), "rewinds", number(&m->rewinds), "heartbeats_refused",
			 number(&m->refused[SEG_REFUSED_MEMBERSHIP]), "claims_refused",
			 number(&m->refused[SEG_REFUSED_CLAIM]), "reads_refused",
			 number(&m->refused[SEG_REFUSED_READ]), "commits_refused",
			 number(&m->refused[SEG_REFUSED_COMMIT]));
}

static json_t *plugin_counters(const seg_section *section)
{
	json_t *list = json_array();
	seg_plugin_counter counter;
	for (size_t i = 0; seg_plugin_instance_counter(section->instance, i, &counter); i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:I}", "name", counter.name, "help",
						      seg_json_foreign_text(counter.help), "value",
						      (json_int_t)counter.value));
	return list;
}

/* What was added, by output. */
static json_t *outputs(const seg_section *section)
{
	json_t *list = json_array();
	int64_t emitted;
	for (size_t i = 0; (emitted = seg_outputs_emitted(section->member, i)) >= 0; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:I}", "stream", section->config->output_names[i],
						"emitted", (json_int_t)emitted));
	return list;
}

/* Bytes of what the handlers keep for all partitions of this runner. */
static json_t *state_bytes(const seg_section *section)
{
	uint64_t sum = 0, bytes, count;
	for (uint32_t p = 0; p < section->stream->shape.partitions; p++)
		if (seg_value_load_look(section->member, p, &bytes, &count))
			sum += bytes;
	return json_integer((json_int_t)sum);
}

static json_t *consumer(const seg_config_consumer *config, const seg_section *section)
{
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", config->name, "stream", config->stream,
			  "group", config->group, "plugin", config->plugin, "started", section != NULL);
	if (!section)
		return json;
	int64_t lease = atomic_load_explicit(&section->member->lease_until, memory_order_acquire);
	json_object_set_new(json, "joined", json_boolean(lease > seg_now()));
	json_object_set_new(json, "partitions_owned", json_integer(atomic_load(&section->counters.owned)));
	json_object_set_new(json, "partitions_retrying",
			    json_integer(atomic_load(&section->counters.retrying)));
	json_object_set_new(json, "slots_waiting",
			    json_integer(atomic_load(&section->counters.slots_waiting)));
	json_object_set_new(json, "lanes_busy", json_integer(atomic_load(&section->counters.lanes_busy)));
	json_object_set_new(json, "outputs", outputs(section));
	json_object_set_new(json, "outputs_waiting",
			    json_integer((json_int_t)seg_outputs_waiting(section->member)));
	json_object_set_new(json, "state_bytes", state_bytes(section));
	json_object_set_new(json, "counters", counters(section));
	json_object_set_new(json, "handler_duration", durations(&section->counters.handling));
	json_object_set_new(json, "commit_duration", durations(&section->member->counters.committing));
	json_object_set_new(json, "plugin_counters", plugin_counters(section));
	return json;
}

static const char *const healths[] = {"ready", "degraded", "not ready"};

typedef struct {
	json_t *reasons, *causes;
} findings;

static void add_finding(void *arg, const seg_health_finding *finding)
{
	const findings *f = arg;
	json_array_append_new(f->reasons, seg_json_foreign_text(finding->reason));
	json_array_append_new(f->causes, json_pack("{s:s, s:o, s:o, s:s}", "kind", finding->kind, "consumer",
						   seg_json_optional_text(finding->consumer), "reason",
						   seg_json_foreign_text(finding->reason), "health",
						   healths[finding->health]));
}

void seg_api_status(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	struct seg_admin *admin = arg;
	findings found = {json_array(), json_array()};
	json_t *consumers = json_array();
	(void)request;
	pthread_mutex_lock(&admin->lock);
	seg_health health = seg_health_judge(admin, add_finding, &found);
	for (size_t i = 0; i < admin->config->consumer_count; i++)
		json_array_append_new(consumers, consumer(&admin->config->consumers[i], admin->sections[i]));
	pthread_mutex_unlock(&admin->lock);
	seg_json_answer(answer,
			json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "name", admin->name,
				  "version", seg_version(), "namespace", admin->config->runner.name_space,
				  "started_at", seg_json_time(admin->started_at), "now",
				  seg_json_time(seg_wall_clock()), "health", healths[health], "reasons",
				  found.reasons, "causes", found.causes, "duration_bounds", duration_bounds(),
				  "consumers", consumers));
}

/* --- /api/v1/groups/STREAM/GROUP --------------------------------------------------------------- */

static json_t *id_text(seg_id id)
{
	char text[SEG_ID_TEXT_MAX];
	return json_string(seg_id_format(id, text));
}

static json_t *retry(const seg_hindrance *h)
{
	int64_t left = h->at - seg_now();
	if (h->kind != SEG_HINDRANCE_RETRY)
		return json_null();
	return json_pack("{s:o, s:I, s:f, s:o}", "id", id_text(h->id), "attempt", (json_int_t)h->number,
			 "next_seconds", left > 0 ? (double)left / SEG_SECOND : 0.0, "reason",
			 seg_json_foreign_text(h->text));
}

/* kind: a name of seg_hindrance_names. */
static json_t *hindrance(const seg_hindrance *h)
{
	char sentence[SEG_HINDRANCE_SENTENCE_MAX];
	if (h->kind == SEG_HINDRANCE_NONE)
		return json_null();
	return json_pack("{s:s, s:o}", "kind", seg_hindrance_names[h->kind], "text",
			 seg_json_foreign_text(seg_hindrance_sentence(h, seg_now(), sentence)));
}

/* What is with the messages. */
static void add_state(json_t *json, const seg_partition_snapshot *partition)
{
	const seg_partition_info *p = &partition->info;
	json_object_set_new(json, "position", id_text(p->position));
	json_object_set_new(json, "last", id_text(p->last));
	json_object_set_new(json, "length", json_integer((json_int_t)p->length));
	json_object_set_new(json, "lag", p->lag < 0 ? json_null() : json_integer(p->lag));
	json_object_set_new(json, "lag_seconds", seg_json_known(partition->behind));
	json_object_set_new(json, "dead_letters", json_integer((json_int_t)p->dead_letters));
	json_object_set_new(json, "dropped", json_integer((json_int_t)p->dropped));
	json_object_set_new(json, "lost", json_integer((json_int_t)p->lost));
	json_object_set_new(json, "retry", retry(&partition->hindrance));
	json_object_set_new(json, "hindrance", hindrance(&partition->hindrance));
	json_object_set_new(json, "dead_letters_dropped",
			    json_integer((json_int_t)partition->letters_dropped));
	json_object_set_new(json, "beyond", json_integer((json_int_t)partition->beyond));
	json_object_set_new(json, "lanes_busy", json_integer(partition->lanes_busy));
	json_object_set_new(json, "slots_waiting", json_integer(partition->slots_waiting));
	json_object_set_new(json, "values", json_integer((json_int_t)partition->values));
	json_object_set_new(json, "committed_per_second", seg_json_known(partition->rate));
	json_object_set_new(json, "added_per_second", seg_json_known(partition->added));
}

/* The same fields, all null: the node that has the messages does not answer. */
static void add_no_state(json_t *json)
{
	static const seg_partition_snapshot nothing;
	const char *name;
	json_t *value;
	json_t *state = json_object();
	add_state(state, &nothing);
	json_object_foreach(state, name, value) json_object_set_new(json, name, json_null());
	json_decref(state);
}

/* "node" is null on a single server. Of an unreachable node's partition only the assignment is known. */
static json_t *partition(const seg_partition_snapshot *partition)
{
	const seg_partition_info *p = &partition->info;
	json_t *json = json_pack("{s:i, s:o, s:o, s:I}", "partition", (int)p->partition, "owner",
				 seg_json_optional_text(p->owner), "target",
				 seg_json_optional_text(p->target), "epoch", (json_int_t)p->epoch);
	if (partition->unreachable)
		add_no_state(json);
	else
		add_state(json, partition);
	/* An epoch is the time of its assignment in Redis's milliseconds, unless the clock was put back. */
	json_object_set_new(json, "assigned_at", seg_json_time_ms(p->epoch));
	json_object_set_new(json, "node",
			    partition->node[0] ? seg_json_foreign_text(partition->node) : json_null());
	json_object_set_new(json, "unreachable", json_boolean(partition->unreachable));
	return json;
}

/* Of each member of the roster. One pass, for there may be 1,000 members and 65,536 partitions. */
static void count_owned(const seg_group_snapshot *group, json_int_t *owned)
{
	for (uint32_t p = 0; p < group->partition_count; p++) {
		const char *owner = group->partitions[p].info.owner;
		const seg_roster_member *m = owner[0] ? seg_roster_find(&group->roster, owner) : NULL;
		if (m)
			owned[m - group->roster.members]++;
	}
}

static json_t *member_json(const seg_roster_member *m, json_int_t owned)
{
	return json_pack("{s:o, s:b, s:o, s:I, s:o, s:o, s:I, s:o}", "name", seg_json_foreign_text(m->name),
			 "live", m->lease_left > 0, "lease_seconds", seg_json_real(m->lease_left), "capacity",
			 (json_int_t)m->capacity, "limit",
			 m->limit < 0 ? json_null() : json_integer(m->limit), "short_of",
			 seg_json_optional_text(m->short_of), "partitions", owned, "page",
			 seg_json_optional_text(m->page));
}

/* All members that Redis lists, dead ones as long as no other member has noticed. NULL: no memory. */
static json_t *roster(const seg_group_snapshot *group)
{
	json_int_t *owned = calloc(group->roster.count + 1, sizeof(*owned));
	json_t *list = owned ? json_array() : NULL;
	if (owned)
		count_owned(group, owned);
	for (size_t i = 0; list && i < group->roster.count; i++)
		json_array_append_new(list, member_json(&group->roster.members[i], owned[i]));
	free(owned);
	return list;
}

/* The commonest ones. null: not read yet. */
static json_t *letters_json(const seg_letters *letters)
{
	if (!letters)
		return json_null();
	json_t *list = json_array();
	const seg_reasons *reasons = &letters->reasons;
	for (size_t i = 0; i < reasons->count && i < REASONS_SHOWN; i++) {
		const seg_reason *r = &reasons->list[i];
		json_array_append_new(list,
				      json_pack("{s:o, s:I, s:I, s:o, s:o, s:I, s:o}", "reason",
						seg_json_foreign_text(r->text), "letters",
						(json_int_t)r->letters, "partitions",
						(json_int_t)r->partitions, "first_at",
						seg_json_time_ms(r->first_ms), "last_at",
						seg_json_time_ms(r->last_ms), "partition",
						(json_int_t)r->partition, "letter", id_text(r->letter)));
	}
	return json_pack("{s:I, s:I, s:o, s:I, s:I}", "letters_read", (json_int_t)reasons->letters, "reasons",
			 (json_int_t)reasons->count, "commonest", list, "partitions",
			 (json_int_t)letters->partitions, "partitions_read",
			 (json_int_t)letters->partitions_read);
}

static json_t *group_json(const seg_config_consumer *config, const seg_observation *seen)
{
	json_t *list = json_array();
	const seg_group_snapshot *group = seen->group;
	seg_group_totals totals;
	seg_group_totals_of(group, &totals);
	for (uint32_t i = 0; i < group->partition_count; i++)
		json_array_append_new(list, partition(&group->partitions[i]));
	json_t *json = json_pack("{s:s, s:s, s:I, s:i, s:o, s:o, s:o}", "stream", config->stream, "group",
				 config->group, "generation", (json_int_t)group->generation, "members",
				 (int)group->roster.live, "read_at", seg_json_time(seen->taken_at), "error",
				 seg_json_optional_text(seen->error), "partitions", list);
	json_object_set_new(json, "lag", totals.lag < 0 ? json_null() : json_integer(totals.lag));
	json_object_set_new(json, "lag_seconds", seg_json_known(totals.behind));
	json_object_set_new(json, "committed_per_second", seg_json_known(totals.committed));
	json_object_set_new(json, "added_per_second", seg_json_known(totals.added));
	json_object_set_new(json, "roster", roster(group));
	json_object_set_new(json, "dead_letter_reasons", letters_json(seen->letters));
	return json;
}

void seg_api_group(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	struct seg_admin *admin = arg;
	seg_observer *observer = atomic_load(&admin->observer);
	const seg_config_consumer *found = seg_view_consumer(admin, request->tail);
	if (!found) {
		seg_json_refuse(answer, NOT_FOUND, SEG_VIEW_NO_CONSUMER);
		return;
	}
	seg_observer_refresh(observer, SNAPSHOT_AGE);
	seg_observation seen = seg_observer_hold(observer, (size_t)(found - admin->config->consumers));
	if (seen.group)
		seg_json_answer(answer, group_json(found, &seen));
	else
		seg_json_refuse(answer, UNAVAILABLE,
				seen.error[0] ? seen.error : "this group has not been read from Redis yet");
	seg_observer_let_go(observer);
}

/* --- /api/v1/events ------------------------------------------------------------------------------- */

static json_t *event_json(const seg_event *event)
{
	json_t *json = json_pack("{s:I, s:o, s:s, s:o}", "number", (json_int_t)event->number, "time",
				 seg_json_time(event->time), "level", seg_log_level_names[event->level & 3],
				 "text", seg_json_foreign_text(event->text));
	if (event->stream[0])
		json_object_set_new(json, "stream", json_string(event->stream));
	if (event->group[0])
		json_object_set_new(json, "group", json_string(event->group));
	if (event->partition >= 0)
		json_object_set_new(json, "partition", json_integer(event->partition));
	if (event->epoch > 0)
		json_object_set_new(json, "epoch", json_integer((json_int_t)event->epoch));
	return json;
}

/* The kept events with a number above ?after=, oldest first. */
void seg_api_events(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	struct seg_admin *admin = arg;
	uint64_t after;
	if (!seg_view_after(request, "that of the newest event that you have", &after, answer))
		return;
	json_t *list = json_array();
	uint64_t newest = seg_events_newest(admin->events);
	seg_event *events = malloc(SEG_EVENTS_MAX * sizeof(*events));
	size_t count = events ? seg_events_copy(admin->events, after, events) : 0;
	/* Events that came during the copying are for the next request. */
	for (size_t i = 0; i < count && events[i].number <= newest; i++)
		json_array_append_new(list, event_json(&events[i]));
	free(events);
	seg_json_answer(answer, json_pack("{s:I, s:o}", "newest", (json_int_t)newest, "events", list));
}

/* api.c - /api/v1, as JSON. Fields may be added; none is removed or changes its meaning. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "admin/view.h"
#include "config/options.h"

#define SNAPSHOT_AGE (1 * SEG_SECOND) /* for the page */

enum { NOT_FOUND = 404, NO_MEMORY = 500, UNAVAILABLE = 503 };

static void write_json(seg_http_answer *answer, json_t *json)
{
	answer->type = "application/json";
	if (!json || json_dumpf(json, answer->body, JSON_COMPACT | JSON_REAL_PRECISION(9)))
		answer->status = NO_MEMORY;
	fputc('\n', answer->body);
	json_decref(json);
}

static json_t *optional_text(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

/* RFC 3339, in UTC, of a seg_wall_clock(). */
static json_t *timestamp(int64_t wall)
{
	char text[40];
	struct tm tm;
	time_t seconds = (time_t)(wall / SEG_SECOND);
	if (wall == 0 || !gmtime_r(&seconds, &tm))
		return json_null();
	size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(wall % SEG_SECOND / SEG_MS));
	return json_string(text);
}

/* A plugin's text may not be UTF-8. Then '?' replaces each byte that is not ASCII. */
static json_t *foreign_text(const char *text)
{
	json_t *json = json_string(text);
	if (json)
		return json;
	char *ascii = strdup(text);
	for (char *c = ascii; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json = ascii ? json_string(ascii) : NULL;
	free(ascii);
	return json ? json : json_null();
}

static void refuse(seg_http_answer *answer, unsigned status, const char *why)
{
	answer->status = status;
	write_json(answer, json_pack("{s:o}", "error", foreign_text(why)));
}

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
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "messages_fetched",
			 number(&m->fetched), "messages_handled", number(&w->handled), "messages_committed",
			 number(&m->committed), "messages_lost", number(&m->lost), "retries",
			 number(&w->retries), "dead_letters", number(&m->dead_letters), "commits",
			 number(&m->commits), "commits_fenced", number(&m->fenced), "rebalances",
			 number(&m->rebalances), "heartbeats", number(&m->heartbeats), "claims",
			 number(&m->claims), "rewinds", number(&m->rewinds));
}

static json_t *plugin_counters(const seg_section *section)
{
	json_t *list = json_array();
	seg_plugin_counter counter;
	for (size_t i = 0; seg_plugin_instance_counter(section->instance, i, &counter); i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:I}", "name", counter.name, "help",
						      foreign_text(counter.help), "value",
						      (json_int_t)counter.value));
	return list;
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
	json_object_set_new(json, "counters", counters(section));
	json_object_set_new(json, "handler_duration", durations(&section->counters.handling));
	json_object_set_new(json, "commit_duration", durations(&section->member->counters.committing));
	json_object_set_new(json, "plugin_counters", plugin_counters(section));
	return json;
}

static void add_reason(void *arg, const char *reason)
{
	json_array_append_new(arg, foreign_text(reason));
}

void seg_api_status(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	static const char *const healths[] = {"ready", "degraded", "not ready"};
	struct seg_admin *admin = arg;
	json_t *reasons = json_array(), *consumers = json_array();
	(void)request;
	pthread_mutex_lock(&admin->lock);
	seg_health health = seg_health_judge(admin, add_reason, reasons);
	for (size_t i = 0; i < admin->config->consumer_count; i++)
		json_array_append_new(consumers, consumer(&admin->config->consumers[i], admin->sections[i]));
	pthread_mutex_unlock(&admin->lock);
	write_json(answer, json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o}", "name", admin->name,
				     "version", seg_version(), "namespace", admin->config->runner.name_space,
				     "started_at", timestamp(admin->started_at), "now",
				     timestamp(seg_wall_clock()), "health", healths[health], "reasons",
				     reasons, "duration_bounds", duration_bounds(), "consumers", consumers));
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
			 foreign_text(h->text));
}

/* kind: retry, hang or full. */
static json_t *hindrance(const seg_hindrance *h)
{
	char sentence[SEG_HINDRANCE_SENTENCE_MAX];
	if (h->kind == SEG_HINDRANCE_NONE)
		return json_null();
	return json_pack("{s:s, s:o}", "kind", seg_hindrance_names[h->kind], "text",
			 foreign_text(seg_hindrance_sentence(h, seg_now(), sentence)));
}

/* "node" is null on a single server. Of an unreachable node's partition only the assignment is known. */
static json_t *partition(const seg_partition_snapshot *partition)
{
	const seg_partition_info *p = &partition->info;
	json_t *json =
		json_pack("{s:i, s:o, s:o, s:I, s:o, s:o, s:I, s:o, s:o, s:I, s:I, s:I}", "partition",
			  (int)p->partition, "owner", optional_text(p->owner), "target",
			  optional_text(p->target), "epoch", (json_int_t)p->epoch, "position",
			  id_text(p->position), "last", id_text(p->last), "length", (json_int_t)p->length,
			  "lag", p->lag < 0 ? json_null() : json_integer(p->lag), "lag_seconds",
			  partition->unreachable ? json_null() : json_real(partition->behind), "dead_letters",
			  (json_int_t)p->dead_letters, "dropped", (json_int_t)p->dropped, "lost",
			  (json_int_t)p->lost);
	json_object_set_new(json, "retry", retry(&partition->hindrance));
	json_object_set_new(json, "hindrance", hindrance(&partition->hindrance));
	json_object_set_new(json, "dead_letters_dropped",
			    json_integer((json_int_t)partition->letters_dropped));
	json_object_set_new(json, "node", partition->node[0] ? foreign_text(partition->node) : json_null());
	json_object_set_new(json, "unreachable", json_boolean(partition->unreachable));
	return json;
}

static json_t *group_json(const seg_config_consumer *config, const seg_observation *seen)
{
	json_t *list = json_array();
	const seg_group_snapshot *group = seen->group;
	for (uint32_t i = 0; i < group->partition_count; i++)
		json_array_append_new(list, partition(&group->partitions[i]));
	return json_pack("{s:s, s:s, s:I, s:i, s:o, s:o, s:o}", "stream", config->stream, "group",
			 config->group, "generation", (json_int_t)group->generation, "members",
			 (int)group->roster.live, "read_at", timestamp(seen->taken_at), "error",
			 optional_text(seen->error), "partitions", list);
}

/* The consumer of "STREAM/GROUP", or NULL. */
static const seg_config_consumer *find_consumer(const seg_config *config, const char *tail)
{
	for (size_t i = 0; i < config->consumer_count; i++) {
		const seg_config_consumer *consumer = &config->consumers[i];
		size_t length = strlen(consumer->stream);
		if (strncmp(tail, consumer->stream, length) == 0 && tail[length] == '/' &&
		    strcmp(tail + length + 1, consumer->group) == 0)
			return consumer;
	}
	return NULL;
}

void seg_api_group(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	struct seg_admin *admin = arg;
	seg_observer *observer = atomic_load(&admin->observer);
	const seg_config_consumer *found = find_consumer(admin->config, request->tail);
	if (!found) {
		refuse(answer, NOT_FOUND,
		       "no [consumer] section of this runner has that stream and group; /api/v1/status lists the sections");
		return;
	}
	seg_observer_refresh(observer, SNAPSHOT_AGE);
	seg_observation seen = seg_observer_hold(observer, (size_t)(found - admin->config->consumers));
	if (seen.group)
		write_json(answer, group_json(found, &seen));
	else
		refuse(answer, UNAVAILABLE,
		       seen.error[0] ? seen.error : "this group has not been read from Redis yet");
	seg_observer_let_go(observer);
}

/* --- /api/v1/events ------------------------------------------------------------------------------- */

static json_t *event_json(const seg_event *event)
{
	json_t *json = json_pack("{s:I, s:o, s:s, s:o}", "number", (json_int_t)event->number, "time",
				 timestamp(event->time), "level", seg_log_level_names[event->level & 3],
				 "text", foreign_text(event->text));
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
	json_t *list = json_array();
	uint64_t newest = seg_events_newest(admin->events);
	uint64_t after = request->after ? strtoull(request->after, NULL, 10) : 0;
	seg_event *events = malloc(SEG_EVENTS_MAX * sizeof(*events));
	size_t count = events ? seg_events_copy(admin->events, after, events) : 0;
	/* Events that came during the copying are for the next request. */
	for (size_t i = 0; i < count && events[i].number <= newest; i++)
		json_array_append_new(list, event_json(&events[i]));
	free(events);
	write_json(answer, json_pack("{s:I, s:o}", "newest", (json_int_t)newest, "events", list));
}

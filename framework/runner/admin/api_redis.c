/*
 * api_redis.c - /api/v1/redis: how Redis is, one server or each master of a cluster. null: not known, because Redis lets
 * this user not ask. No server: it has not answered yet. Of a server that no longer answers, all but the round trip is as
 * it was.
 */
#include "admin/json.h"
#include "admin/view.h"
#include "base/clock.h"

#define SNAPSHOT_AGE (1 * SEG_SECOND)

static json_t *number(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

static json_t *truth(int64_t value)
{
	return value < 0 ? json_null() : json_boolean(value > 0);
}

static json_t *server_json(const seg_server_look *s)
{
	json_t *json = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o}", "node", seg_json_optional_text(s->node),
				 "answers", s->answers, "round_trip_seconds", seg_json_known(s->round_trip),
				 "refusal", s->refusal[0] ? seg_json_foreign_text(s->refusal) : json_null(),
				 "version", seg_json_optional_text(s->version), "role",
				 seg_json_optional_text(s->role));
	const struct {
		const char *name;
		json_t *value;
	} rest[] = {
		{"uptime_seconds", number(s->uptime)},
		{"loading", truth(s->loading)},
		{"used_memory", number(s->used_memory)},
		{"max_memory", number(s->max_memory)},
		{"evicted_keys", number(s->evicted)},
		{"clients", number(s->clients)},
		{"max_clients", number(s->max_clients)},
		{"replicas", number(s->replicas)},
		{"replicas_behind_bytes", number(s->replicas_behind)},
		{"append_only_file", truth(s->appends)},
		{"append_fails", truth(s->append_fails)},
		{"append_fsync_delays", number(s->append_fsync)},
		{"last_snapshot_at", s->saved_at > 0 && s->saved_at < INT64_MAX / SEG_SECOND
					     ? seg_json_time(s->saved_at * SEG_SECOND)
					     : json_null()},
		{"snapshot_since_start", truth(s->saved_at)},
		{"snapshots", truth(s->plans_snapshots)},
		{"snapshot_fails", truth(s->save_fails)},
		{"unsaved_changes", number(s->unsaved)},
	};
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		json_object_set_new(json, rest[i].name, rest[i].value);
	return json;
}

void seg_api_redis(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	struct seg_admin *admin = arg;
	seg_observer *observer = atomic_load(&admin->observer);
	json_t *list = json_array();
	(void)request;
	seg_observer_refresh(observer, SNAPSHOT_AGE);
	seg_observed_servers seen = seg_observer_hold_servers(observer);
	for (size_t i = 0; seen.servers && i < seen.servers->count; i++)
		json_array_append_new(list, server_json(&seen.servers->list[i]));
	json_t *json = json_pack("{s:o, s:b, s:o}", "read_at", seg_json_time(seen.taken_at), "cluster",
				 seen.servers && seen.servers->cluster, "servers", list);
	seg_observer_let_go(observer);
	seg_json_answer(answer, json);
}

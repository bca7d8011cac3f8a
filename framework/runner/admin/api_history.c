/*
 * api_history.c - /api/v1/history/STREAM/GROUP?after=N: the last hour as columns of equal length, oldest first. N: Unix
 * time in ms. null: not known.
 */
#include <stdlib.h>

#include "admin/json.h"
#include "admin/view.h"
#include "base/clock.h"

enum { NOT_FOUND = 404 };

typedef json_t *column_fn(const seg_history_sample *sample);

static json_t *time_ms(const seg_history_sample *s)
{
	return json_integer(s->at / SEG_MS);
}

static json_t *lag(const seg_history_sample *s)
{
	return s->lag < 0 ? json_null() : json_integer(s->lag);
}

#define REAL(field)                                        \
	static json_t *field(const seg_history_sample *s)  \
	{                                                  \
		return seg_json_known((double)(s)->field); \
	}

REAL(behind)
REAL(committed)
REAL(added)
REAL(handled)
REAL(handler_p50)
REAL(handler_p99)
REAL(commit_p50)
REAL(commit_p99)

static const struct {
	const char *name;
	column_fn *value;
} columns[] = {
	{"time_ms", time_ms},
	{"lag", lag},
	{"lag_seconds", behind},
	{"committed_per_second", committed},
	{"added_per_second", added},
	{"handled_here_per_second", handled},
	{"handler_p50_seconds", handler_p50},
	{"handler_p99_seconds", handler_p99},
	{"commit_p50_seconds", commit_p50},
	{"commit_p99_seconds", commit_p99},
};

void seg_api_history(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	struct seg_admin *admin = arg;
	uint64_t after;
	const seg_config_consumer *found = seg_view_consumer(admin, request->tail);
	if (!found) {
		seg_json_refuse(answer, NOT_FOUND, SEG_VIEW_NO_CONSUMER);
		return;
	}
	if (!seg_view_after(request, "a Unix time in ms", &after, answer))
		return;
	seg_history *history = admin->histories ? admin->histories[found - admin->config->consumers] : NULL;
	seg_history_sample *samples = malloc(SEG_HISTORY_SAMPLES * sizeof(*samples));
	bool fits = after < INT64_MAX / SEG_MS;
	size_t count = samples && history && fits
			       ? seg_history_copy(history, seg_wall_clock(),
						  /* Of that very ms: it was sent before. */
						  after ? (int64_t)after * SEG_MS + SEG_MS - 1 : 0, samples)
			       : 0;
	json_t *json = json_pack("{s:s, s:s, s:I}", "stream", found->stream, "group", found->group,
				 "interval_seconds", (json_int_t)(SEG_HISTORY_INTERVAL / SEG_SECOND));
	for (size_t c = 0; json && c < sizeof(columns) / sizeof(columns[0]); c++) {
		json_t *list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, columns[c].value(&samples[i]));
		json_object_set_new(json, columns[c].name, list);
	}
	free(samples);
	seg_json_answer(answer, json);
}

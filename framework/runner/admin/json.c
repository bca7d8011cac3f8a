#include "admin/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define TIME_MAX_MS ((uint64_t)(INT64_MAX / SEG_MS))

enum { NO_MEMORY = 500 };

void seg_json_answer(seg_http_answer *answer, json_t *json)
{
	answer->type = "application/json";
	if (!json || json_dumpf(json, answer->body, JSON_COMPACT | JSON_REAL_PRECISION(9)))
		answer->status = NO_MEMORY;
	fputc('\n', answer->body);
	json_decref(json);
}

void seg_json_refuse(seg_http_answer *answer, unsigned status, const char *why)
{
	answer->status = status;
	seg_json_answer(answer, json_pack("{s:o}", "error", seg_json_foreign_text(why)));
}

json_t *seg_json_optional_text(const char *text)
{
	return text && *text ? seg_json_foreign_text(text) : json_null();
}

json_t *seg_json_foreign_text(const char *text)
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

json_t *seg_json_time(int64_t wall)
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

json_t *seg_json_time_ms(uint64_t ms)
{
	return ms <= TIME_MAX_MS ? seg_json_time((int64_t)ms * SEG_MS) : json_null();
}

json_t *seg_json_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *seg_json_known(double value)
{
	return value < 0 ? json_null() : seg_json_real(value);
}

#include "admin/view.h"

#include <stdio.h>
#include <string.h>

#include "admin/json.h"
#include "base/whole_number.h"

enum { BAD_REQUEST = 400, WHY_MAX = 160 };

const seg_config_consumer *seg_view_consumer(const struct seg_admin *admin, const char *tail)
{
	for (size_t i = 0; i < admin->config->consumer_count; i++) {
		const seg_config_consumer *consumer = &admin->config->consumers[i];
		size_t length = strlen(consumer->stream);
		if (strncmp(tail, consumer->stream, length) == 0 && tail[length] == '/' &&
		    strcmp(tail + length + 1, consumer->group) == 0)
			return consumer;
	}
	return NULL;
}

bool seg_view_after(const seg_http_request *request, const char *is, uint64_t *after, seg_http_answer *answer)
{
	char why[WHY_MAX];
	*after = 0;
	if (!request->after || seg_whole_number_parse(request->after, after))
		return true;
	snprintf(why, sizeof(why), "after must be a whole number, such as after=0: %s", is);
	seg_json_refuse(answer, BAD_REQUEST, why);
	return false;
}

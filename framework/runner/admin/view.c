#include "admin/view.h"

#include <string.h>

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

#include "config/output_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"

int seg_config_output_list(const char *text, char **out, seg_error *error)
{
	size_t length = strlen(text), count = 0;
	char *list = malloc(2 * length + 2), *rest, *copy = strdup(text);
	if (!list || !copy) {
		free(list);
		free(copy);
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	char *end = list;
	int status = 0;
	*list = '\0';
	for (char *name = strtok_r(copy, ", \t", &rest); name && status == 0;
	     name = strtok_r(NULL, ", \t", &rest)) {
		status = seg_name_check("stream name", name, error);
		if (status == 0 && ++count > SEG_CONFIG_OUTPUTS_MAX)
			status = seg_fail(error, SEG_EINVAL, "more than %d streams", SEG_CONFIG_OUTPUTS_MAX);
		if (end > list)
			end = stpcpy(end, ", ");
		end = stpcpy(end, name);
	}
	if (status == 0 && count == 0)
		status = seg_fail(error, SEG_EINVAL, "no stream is named; write names, such as a, b");
	free(copy);
	if (status == 0)
		*out = list;
	else
		free(list);
	return status;
}

#include "config/output_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "stream/output_names.h"

int seg_config_output_list(const char *text, char **list, seg_error *error)
{
	char **names = NULL;
	int status = seg_output_names_read(text, &names, error);
	if (status)
		return status;
	size_t size = 1;
	for (size_t i = 0; names[i]; i++)
		size += strlen(names[i]) + 2;
	*list = malloc(size);
	if (*list) {
		char *end = *list;
		for (size_t i = 0; names[i]; i++)
			end = stpcpy(stpcpy(end, i ? ", " : ""), names[i]);
	} else {
		status = seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	free(names);
	return status;
}

#include "config/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *seg_config_path(const char *file, const char *text)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	if (!slash || text[0] == '/' || strcmp(text, "-") == 0)
		return strdup(text);
	char *path;
	if (asprintf(&path, "%.*s/%s", (int)(slash - file), file, text) < 0)
		return NULL;
	return path;
}

char *seg_config_path_absolute(const char *file)
{
	char *here = file[0] == '/' || !*file ? NULL : getcwd(NULL, 0), *path = NULL;
	if (!here)
		return strdup(file);
	if (asprintf(&path, "%s/%s", here, file) < 0)
		path = NULL;
	free(here);
	return path;
}

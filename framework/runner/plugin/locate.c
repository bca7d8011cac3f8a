#include "plugin/locate.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/units.h"

enum { LISTED_MAX = 64 };

static bool ends_with_so(const char *name)
{
	size_t length = strlen(name);
	return length > 3 && strcmp(name + length - 3, ".so") == 0;
}

/* Relative to this program, which may have been installed or moved elsewhere than planned. */
static const char *installed_directory(char directory[PATH_MAX])
{
	char self[PATH_MAX], *beside;
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length <= 0)
		return SEG_PLUGIN_DIRECTORY;
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	if (asprintf(&beside, "%s/%s", self, SEG_PLUGIN_FROM_PROGRAM) < 0)
		return SEG_PLUGIN_DIRECTORY;
	bool there = realpath(beside, directory) != NULL;
	free(beside);
	return there ? directory : SEG_PLUGIN_DIRECTORY;
}

char *seg_plugin_locate(const char *name, const char *directory)
{
	char installed[PATH_MAX], *path;
	if (strchr(name, '/'))
		return strdup(name);
	if (!directory)
		directory = installed_directory(installed);
	if (asprintf(&path, "%s/%s%s", directory, name, ends_with_so(name) ? "" : ".so") < 0)
		return NULL;
	return path;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of at most `size` plugins in the directory, without ".so", sorted. The caller frees them. */
static size_t list_plugins(DIR *directory, char **names, size_t size)
{
	size_t count = 0;
	struct dirent *entry;
	while (count < size && (entry = readdir(directory))) {
		/* segbench has files of its own there. */
		if (!ends_with_so(entry->d_name) || strncmp(entry->d_name, "segbench_", 9) == 0)
			continue;
		names[count] = strndup(entry->d_name, strlen(entry->d_name) - 3);
		if (!names[count])
			break;
		count++;
	}
	qsort(names, count, sizeof(*names), compare);
	return count;
}

int seg_plugin_names(const char *directory, char **names, size_t size, size_t *count, seg_error *error)
{
	char installed[PATH_MAX];
	if (!directory)
		directory = installed_directory(installed);
	DIR *opened = opendir(directory);
	*count = 0;
	if (!opened)
		return seg_fail(error, SEG_ENOTFOUND, "cannot read the directory of plugins %s: %s",
				directory, strerror(errno));
	*count = list_plugins(opened, names, size);
	closedir(opened);
	return 0;
}

static void join_names(char *const *names, size_t count, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
}

static int unknown_name(const char *name, const char *path, seg_error *error)
{
	int length = (int)(strrchr(path, '/') - path);
	char folder[PATH_MAX], all[200], *names[LISTED_MAX];
	snprintf(folder, sizeof(folder), "%.*s", length, path);
	DIR *directory = opendir(folder);
	if (!directory)
		return seg_fail(
			error, SEG_ENOTFOUND,
			"no plugin \"%s\": cannot read plugin_directory %s: %s; correct plugin_directory, or "
			"write the plugin's path",
			name, folder, strerror(errno));
	size_t count = list_plugins(directory, names, LISTED_MAX);
	closedir(directory);
	const char *close_one = seg_suggest(name, (const char *const *)names, count);
	join_names(names, count, all, sizeof(all));
	if (close_one)
		seg_fail(error, SEG_ENOTFOUND, "no plugin \"%s\" in %s; did you mean \"%s\"?", name, folder,
			 close_one);
	else if (count)
		seg_fail(error, SEG_ENOTFOUND,
			 "no plugin \"%s\" in %s; the plugins are: %s; to load another one, write its path",
			 name, folder, all);
	else
		seg_fail(error, SEG_ENOTFOUND,
			 "no plugin \"%s\" in %s, which contains no plugins; set plugin_directory, or write "
			 "the plugin's path",
			 name, folder);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	return SEG_ENOTFOUND;
}

int seg_plugin_not_found(const char *name, const char *path, seg_error *error)
{
	if (!strchr(name, '/'))
		return unknown_name(name, path, error);
	return seg_fail(error, SEG_ENOTFOUND,
			"no plugin at %s: there is no such file; correct the path, or build the plugin",
			path);
}

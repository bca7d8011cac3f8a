#include "plugin/plugin.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"
#include "plugin/option.h"
#include "plugin/image.h"
#include "base/units.h"

enum { LISTED_MAX = 64, OPTIONS_MAX = 256, OPTION_NAME_MAX = 63 };

struct seg_plugin {
	char *path;
	seg_plugin_image *image;
	seg_handler handler;
};

const char *seg_plugin_path(const seg_plugin *plugin)
{
	return plugin->path;
}

const seg_handler *seg_plugin_handler(const seg_plugin *plugin)
{
	return &plugin->handler;
}

/* --- finding the file --------------------------------------------------------- */

static bool ends_with_so(const char *name)
{
	size_t length = strlen(name);
	return length > 3 && strcmp(name + length - 3, ".so") == 0;
}

/* Beside this program: it may have been installed, or moved, elsewhere than was planned. */
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

/* The path of a plugin; of one without a path in the directory, or, where that is NULL, among the installed ones. */
static char *resolve(const char *name, const char *directory)
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

/* The names of the plugins in the directory, without ".so": at most `size`, which the caller frees. */
static size_t list_plugins(DIR *directory, char **names, size_t size)
{
	size_t count = 0;
	struct dirent *entry;
	while (count < size && (entry = readdir(directory))) {
		if (!ends_with_so(entry->d_name))
			continue;
		names[count] = strndup(entry->d_name, strlen(entry->d_name) - 3);
		if (!names[count])
			break;
		count++;
	}
	return count;
}

static void join_names(char *const *names, size_t count, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
}

static int fail_unknown_name(const char *name, const char *path, seg_error *error)
{
	int length = (int)(strrchr(path, '/') - path);
	char folder[PATH_MAX], all[200];
	snprintf(folder, sizeof(folder), "%.*s", length, path);
	DIR *directory = opendir(folder);
	if (!directory)
		return seg_fail(
			error, SEG_ENOTFOUND,
			"no plugin \"%s\": cannot read plugin_directory %s: %s; correct it, or name the plugin by "
			"its path",
			name, folder, strerror(errno));
	char *names[LISTED_MAX];
	size_t count = list_plugins(directory, names, LISTED_MAX);
	closedir(directory);
	const char *close_one = seg_suggest(name, (const char *const *)names, count);
	join_names(names, count, all, sizeof(all));
	if (close_one)
		seg_fail(error, SEG_ENOTFOUND, "no plugin \"%s\" in %s; did you mean \"%s\"?", name, folder,
			 close_one);
	else if (count)
		seg_fail(
			error, SEG_ENOTFOUND,
			"no plugin \"%s\" in %s; those there are: %s. To load one from elsewhere, write its path",
			name, folder, all);
	else
		seg_fail(
			error, SEG_ENOTFOUND,
			"no plugin \"%s\" in %s, which holds none; set plugin_directory, or write the plugin's path",
			name, folder);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	return SEG_ENOTFOUND;
}

static int fail_unopened(const char *name, const char *path, int reason, seg_error *error)
{
	if (reason == ENOENT && !strchr(name, '/'))
		return fail_unknown_name(name, path, error);
	if (reason == ENOENT)
		return seg_fail(error, SEG_ENOTFOUND,
				"no plugin at %s: there is no such file; correct the path, or build it",
				path);
	return seg_fail(error, SEG_EINVAL,
			"cannot read the plugin %s: %s; it must be readable by the user %u", path,
			strerror(reason), (unsigned)geteuid());
}

/* --- judging the file ----------------------------------------------------------- */

/* Whoever may write to the file decides what this process does. */
static int check_owner(const char *path, const struct stat *status, seg_error *error)
{
	bool trusted = status->st_uid == 0 || status->st_uid == geteuid();
	if (status->st_mode & S_IWOTH)
		return seg_fail(
			error, SEG_EINVAL,
			"every user of this machine may write to the plugin %s: run chmod o-w on it, and see that it is "
			"still yours",
			path);
	if ((status->st_mode & S_IWGRP) && !trusted)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s belongs to user %u, and its group may write to it too: run chmod g-w on it, or "
			"give it to root or to user %u",
			path, (unsigned)status->st_uid, (unsigned)geteuid());
	return 0;
}

/* This program's own header, made by the linker: what the plugin's must be like. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static int check_elf(const char *path, int fd, seg_error *error)
{
	ElfW(Ehdr) header = {0};
	ssize_t length = pread(fd, &header, sizeof(header), 0);
	if (length < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s is not a shared object: build one from its source with cc -shared -fPIC",
			path);
	if (length < (ssize_t)sizeof(header))
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s is only %zd bytes long, a part of a file: copy it again", path,
				length);
	if (header.e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
	    header.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
	    header.e_machine != __ehdr_start.e_machine)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s was built for another kind of machine than this segrunner: build it for this one",
			path);
	if (header.e_type != ET_DYN)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s is %s, not a shared object: link it with cc -shared", path,
				header.e_type == ET_REL ? "an object file" : "a program");
	return 0;
}

/* The file, open for reading, or what is wrong with it. */
static int open_file(const char *name, const char *path, seg_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_unopened(name, path, errno, error);
	struct stat status;
	int result;
	if (fstat(fd, &status))
		result = fail_unopened(name, path, errno, error);
	else if (!S_ISREG(status.st_mode))
		result = seg_fail(error, SEG_EINVAL,
				  "the plugin %s is %s, not a file: write the path of its shared object",
				  path, S_ISDIR(status.st_mode) ? "a directory" : "a device or a pipe");
	else if ((result = check_owner(path, &status, error)) == 0)
		result = check_elf(path, fd, error);
	if (result == 0)
		return fd;
	close(fd);
	return result;
}

/* --- loading it ------------------------------------------------------------------- */

static int check_struct(const char *path, const seg_handler *handler, seg_error *error)
{
	if (!handler)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s: " SEG_HANDLER_SYMBOL
				" returns NULL: export a static const seg_handler with "
				"SEG_HANDLER_EXPORT(handler)",
				path);
	if (handler->abi == 0)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s states no handler ABI: write .abi = SEG_HANDLER_ABI in its seg_handler",
			path);
	if (handler->abi != SEG_HANDLER_ABI)
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s was built for handler ABI %u, this segrunner speaks %u: rebuild it against this "
			"version's <segmenter/handler.h>",
			path, handler->abi, SEG_HANDLER_ABI);
	if (handler->size < offsetof(seg_handler, handle) + sizeof(handler->handle))
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s states that its seg_handler has %u bytes, too few to hold a handle function: "
			"write .size = sizeof(seg_handler)",
			path, handler->size);
	return 0;
}

static bool is_option_name(const char *name)
{
	size_t length = strnlen(name, OPTION_NAME_MAX + 1);
	if (length == 0 || length > OPTION_NAME_MAX)
		return false;
	for (const char *c = name; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			return false;
	return true;
}

static int check_option(const seg_plugin *plugin, const seg_option *option, seg_error *error)
{
	if (!is_option_name(option->name))
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s declares an option \"%.80s\"; a name is 1 to %d of a-z 0-9 _",
				plugin->path, option->name, OPTION_NAME_MAX);
	if (seg_option_find(plugin->handler.options, option->name) != option)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s declares the option \"%s\" twice; remove one", plugin->path,
				option->name);
	seg_error why;
	if (option->type > SEG_OPTION_PATH)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s declares the option \"%s\" with the unknown type %u; use one "
				"of SEG_OPTION_...",
				plugin->path, option->name, option->type);
	if (option->value && seg_option_check(option->type, option->value, &why) != 0)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s declares the option \"%s\" with a wrong default: %s",
				plugin->path, option->name, why.text);
	return 0;
}

static int check_handler(const seg_plugin *plugin, seg_error *error)
{
	const seg_handler *handler = &plugin->handler;
	seg_error why;
	if (!handler->handle)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s has no handle function: every handler needs one, set .handle",
				plugin->path);
	if (seg_name_check("name in its seg_handler", handler->name, &why) != 0)
		return seg_fail(error, SEG_EINVAL, "the plugin %s: %s", plugin->path, why.text);
	if (!handler->options)
		return 0;
	for (size_t i = 0; handler->options[i].name; i++) {
		if (i == OPTIONS_MAX)
			return seg_fail(
				error, SEG_EINVAL,
				"the plugin %s declares more than %d options: end the table with one whose name is NULL",
				plugin->path, OPTIONS_MAX);
		int result = check_option(plugin, &handler->options[i], error);
		if (result != 0)
			return result;
	}
	return 0;
}

/* Copies as much as the plugin has and we know. */
static void adopt(seg_plugin *plugin, const seg_handler *handler)
{
	seg_handler *own = &plugin->handler;
	memcpy(own, handler, handler->size < sizeof(*own) ? handler->size : sizeof(*own));
	if (!own->version)
		own->version = "";
	if (!own->help)
		own->help = "";
}

static int find_handler(seg_plugin *plugin, seg_error *error)
{
	void *symbol = seg_plugin_image_symbol(plugin->image, SEG_HANDLER_SYMBOL);
	if (!symbol)
		return seg_fail(error, SEG_EINVAL,
				"the plugin %s has no symbol " SEG_HANDLER_SYMBOL
				": export one with SEG_HANDLER_EXPORT(handler)",
				plugin->path);
	const seg_handler *(*entry)(void);
	memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast from void * to a function */
	const seg_handler *handler = entry();
	int result = check_struct(plugin->path, handler, error);
	if (result != 0)
		return result;
	adopt(plugin, handler);
	return check_handler(plugin, error);
}

static int load(seg_plugin *plugin, const char *name, seg_error *error)
{
	int fd = open_file(name, plugin->path, error);
	if (fd < 0)
		return fd;
	int result = seg_plugin_image_load(plugin->path, fd, &plugin->image, error);
	close(fd);
	return result ? result : find_handler(plugin, error);
}

int seg_plugin_load(const char *name, const char *directory, seg_plugin **out, seg_error *error)
{
	*out = NULL;
	seg_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin || !(plugin->path = resolve(name, directory))) {
		free(plugin);
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	int result = load(plugin, name, error);
	if (result != 0) {
		seg_plugin_unload(plugin);
		return result;
	}
	*out = plugin;
	return 0;
}

bool seg_plugin_is_of(const seg_plugin *plugin, const char *name, const char *directory)
{
	char *path = resolve(name, directory);
	bool same = path && seg_plugin_image_is_of(plugin->image, path);
	free(path);
	return same;
}

void seg_plugin_unload(seg_plugin *plugin)
{
	if (!plugin)
		return;
	seg_plugin_image_unload(plugin->image);
	free(plugin->path);
	free(plugin);
}

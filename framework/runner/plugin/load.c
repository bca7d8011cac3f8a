#include "plugin/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "plugin/check.h"
#include "plugin/file.h"
#include "plugin/image.h"
#include "plugin/locate.h"

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

/* Copies the fields that both the plugin's seg_handler and this segrunner's have. */
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
	int result = seg_plugin_check_struct(plugin->path, handler, error);
	if (result != 0)
		return result;
	adopt(plugin, handler);
	return seg_plugin_check_handler(plugin->path, &plugin->handler, error);
}

static int load(seg_plugin *plugin, const char *name, seg_error *error)
{
	int fd = seg_plugin_file_open(name, plugin->path, error);
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
	if (!plugin || !(plugin->path = seg_plugin_locate(name, directory))) {
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
	char *path = seg_plugin_locate(name, directory);
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

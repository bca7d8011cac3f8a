/*
 * plugin.h - a handler plugin, from the shared object on disk to what one [consumer] section uses of it.
 *
 * A seg_plugin is a loaded object whose handler was found to fit this segrunner. A seg_plugin_instance is
 * that handler as one section configures it: it is the seg_host that the plugin's init gets, holds the
 * checked values of the section's `option.NAME`, and the counters the plugin publishes. Several instances may
 * share a plugin.
 *
 *     seg_plugin_load -> seg_plugin_instance_create -> _init -> workers call the handler -> _fini
 *                     -> _destroy -> seg_plugin_unload
 *
 * All functions are the main thread's, except seg_plugin_instance_handler, _data and _counter (any thread).
 * What the host offers a plugin may be called from any thread, as handler.h promises.
 */
#ifndef SEG_PLUGIN_PLUGIN_H
#define SEG_PLUGIN_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

#include "base/log.h"
#include "config/config.h"

typedef struct seg_plugin seg_plugin;
typedef struct seg_plugin_instance seg_plugin_instance;

/*
 * Loads the plugin: a path if `name` holds a '/', else NAME.so in `directory` (NULL: where segrunner's own
 * plugins were installed). Loading the same file again gives another seg_plugin over the same code, mapped
 * once; one that has changed since is other code, and both may run side by side (plugin_image.h).
 *
 * The object is tried in a child process first (plugin_probe.h). Returns 0; SEG_ENOTFOUND where there is no
 * such file; SEG_EINVAL where it is none of ours, or is not safe to run: the text names the file, what is
 * wrong, and how to mend it; SEG_ESYSTEM or SEG_ENOMEM.
 */
int seg_plugin_load(const char *name, const char *directory, seg_plugin **plugin, seg_error *error);

/* Closes the object. All its instances must have been destroyed. NULL is allowed. */
void seg_plugin_unload(seg_plugin *plugin);

/* Whether `name`, as seg_plugin_load takes it, leads to the very file that this was loaded from, unchanged. */
bool seg_plugin_is_of(const seg_plugin *plugin, const char *name, const char *directory);

/* The file it was loaded from. The plugin's, like the handler below. */
const char *seg_plugin_path(const seg_plugin *plugin);

/*
 * What the plugin declares. A whole struct even if the plugin's own is older and shorter: what it lacks is
 * NULL. version and help are never NULL.
 */
const seg_handler *seg_plugin_handler(const seg_plugin *plugin);

/*
 * Makes the instance for a section. `runner` is this runner's name in its groups. plugin, consumer and what
 * logger.arg points to must outlive it; runner is copied. Options are checked against what the plugin
 * declares; every mistake is added to errors with its file and line. Calls nothing of the plugin. Returns 0,
 * SEG_EINVAL (errors has at least one more) or SEG_ENOMEM.
 */
int seg_plugin_instance_create(const seg_plugin *plugin, const seg_config_consumer *consumer,
			       const char *runner, seg_logger logger, seg_config_errors *errors,
			       seg_plugin_instance **instance);

/*
 * Calls the plugin's init, unless it was called and fini was not. Returns 0, or SEG_EINVAL with the plugin's reason, the section and the plugin in
 * error.
 */
int seg_plugin_instance_init(seg_plugin_instance *instance, seg_error *error);

/*
 * Calls the plugin's fini if init succeeded and fini was not called yet. No worker may be using the instance.
 */
void seg_plugin_instance_fini(seg_plugin_instance *instance);

/* Frees it; fini was called. NULL is allowed. */
void seg_plugin_instance_destroy(seg_plugin_instance *instance);

/* The callbacks for workers, and the `plugin` pointer to call them with. */
const seg_handler *seg_plugin_instance_handler(const seg_plugin_instance *instance);
void *seg_plugin_instance_data(const seg_plugin_instance *instance);

/* A counter as it stands. The texts live as long as the instance. */
typedef struct seg_plugin_counter {
	const char *name;
	const char *help;
	uint64_t value;
} seg_plugin_counter;

enum { SEG_PLUGIN_COUNTERS_MAX = 64 };

/*
 * Reads counter number `index`, in the order they were made; false if there are not so many. Going on from 0
 * until false sees every counter made before. Any thread, never blocks.
 */
bool seg_plugin_instance_counter(const seg_plugin_instance *instance, size_t index,
				 seg_plugin_counter *counter);

#endif

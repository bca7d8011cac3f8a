/*
 * instance.h - a plugin as one [consumer] section uses it: the checked values of the section's `option.NAME`,
 * the counters that the plugin publishes, and the seg_host that the plugin's init gets. Several instances may
 * share a plugin.
 *
 * All functions are the main thread's, except seg_plugin_instance_handler, _data and _counter (any thread).
 * Any thread may call the functions of the seg_host, as handler.h promises.
 */
#ifndef SEG_PLUGIN_INSTANCE_H
#define SEG_PLUGIN_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

#include "base/log.h"
#include "config/error.h"
#include "config/settings.h"
#include "plugin/counters.h"
#include "plugin/load.h"

typedef struct seg_plugin_instance seg_plugin_instance;

/*
 * Makes the instance for a section. `runner` is this runner's name in its groups. plugin, consumer and what
 * logger.arg points to must outlive the instance; runner is copied. Checks the section's options against
 * those that the plugin declares, and adds an error for each mistake. Calls no function of the plugin.
 * Returns 0, SEG_EINVAL (with at least one error added) or SEG_ENOMEM.
 */
int seg_plugin_instance_create(const seg_plugin *plugin, const seg_config_consumer *consumer,
			       const char *runner, seg_logger logger, seg_config_errors *errors,
			       seg_plugin_instance **instance);

/* Whether a file has changed whose content belongs to the options (SEG_OPTION_CONTENT), since the instance was made. */
bool seg_plugin_instance_changed(const seg_plugin_instance *instance);

/*
 * Calls the plugin's check, if it has one, and adds an error where it refuses, with the place of the option that the reason begins with.
 * Before init; any thread.
 */
void seg_plugin_instance_check(seg_plugin_instance *instance, const seg_config_consumer *consumer,
			       seg_config_errors *errors);

/*
 * Calls the plugin's init, unless init was called and fini was not. Returns 0, or SEG_EINVAL with the
 * section, the plugin and the plugin's reason in error.
 */
int seg_plugin_instance_init(seg_plugin_instance *instance, seg_error *error);

/*
 * Calls the plugin's fini if init succeeded and fini was not called yet. No worker may be using the instance.
 */
void seg_plugin_instance_fini(seg_plugin_instance *instance);

/* Frees the instance, after seg_plugin_instance_fini. NULL is allowed. */
void seg_plugin_instance_destroy(seg_plugin_instance *instance);

/* The callbacks for workers, and the `plugin` pointer to call them with. */
const seg_host *seg_plugin_instance_host(const seg_plugin_instance *instance);
const seg_handler *seg_plugin_instance_handler(const seg_plugin_instance *instance);
void *seg_plugin_instance_data(const seg_plugin_instance *instance);

/*
 * Reads counter number `index`, in the order they were made; false if there are not so many. A loop from 0
 * until false sees every counter made before it started. Never blocks.
 */
bool seg_plugin_instance_counter(const seg_plugin_instance *instance, size_t index,
				 seg_plugin_counter *counter);

#endif

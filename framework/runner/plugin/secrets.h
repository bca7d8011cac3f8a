/* secrets.h - which options of a plugin it declares as secret, for `segrunner --show`. Main thread. */
#ifndef SEG_PLUGIN_SECRETS_H
#define SEG_PLUGIN_SECRETS_H

#include "config/settings.h"
#include "plugin/load.h"

/* Zeroed, but for the directory. */
typedef struct seg_plugin_secrets {
	const char *directory;               /* as for seg_plugin_load; borrowed */
	const seg_config_consumer *consumer; /* whose plugin is loaded */
	seg_plugin *plugin;                  /* or NULL: it cannot be loaded */
} seg_plugin_secrets;

/*
 * A seg_config_hides; arg is a seg_plugin_secrets. Loads the plugin of the consumer. All options of a plugin that cannot be
 * loaded are secret, and standard error says why.
 */
bool seg_plugin_hides(void *arg, const seg_config_consumer *consumer, const char *option);

void seg_plugin_secrets_fini(seg_plugin_secrets *secrets);

#endif

#include "plugin/secrets.h"

#include <stdio.h>

#include "plugin/option.h"

static void load(seg_plugin_secrets *secrets, const seg_config_consumer *consumer)
{
	seg_error error;
	seg_plugin_unload(secrets->plugin);
	secrets->consumer = consumer;
	if (seg_plugin_load(consumer->plugin, secrets->directory, &secrets->plugin, &error))
		fprintf(stderr, "segrunner: the options of [consumer %s] are hidden: %s\n", consumer->name,
			error.text);
}

bool seg_plugin_hides(void *arg, const seg_config_consumer *consumer, const char *option)
{
	seg_plugin_secrets *secrets = arg;
	if (secrets->consumer != consumer)
		load(secrets, consumer);
	if (!secrets->plugin)
		return true;
	const seg_option *declared = seg_option_find(seg_plugin_handler(secrets->plugin)->options, option);
	return declared && seg_option_is_secret(declared);
}

void seg_plugin_secrets_fini(seg_plugin_secrets *secrets)
{
	seg_plugin_unload(secrets->plugin);
}

/* redis_options.h - the options of the client that a configuration asks for. Pure; any thread. */
#ifndef SEG_HOST_REDIS_OPTIONS_H
#define SEG_HOST_REDIS_OPTIONS_H

#include "config/settings.h"

/*
 * Sets all options but log and log_arg. embedded: the address of the embedded Redis, or NULL. The options borrow from
 * both.
 */
void seg_redis_options(const seg_config *config, const char *embedded, seg_client_options *options);

#endif

/* check_tls.h - whether TLS is configured as a whole: for Redis, and for admin. Main thread. */
#ifndef SEG_CONFIG_CHECK_TLS_H
#define SEG_CONFIG_CHECK_TLS_H

#include "config/loader.h"

/*
 * Add an error or a warning for each problem. They read the files: a certificate must belong to its key. The address
 * is valid, and config->redis.embedded is set.
 */
void seg_config_check_redis_tls(seg_config_loader *loader);
void seg_config_check_admin_tls(seg_config_loader *loader);

#endif

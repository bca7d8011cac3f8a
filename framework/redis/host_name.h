/*
 * host_name.h - whether what stands for a host may be a password. Pure; any thread.
 *
 * "redis://SECRET" lacks its "@host", and ":pa@ss" ends in a part of the password. The system is asked for such a host, but people
 * are not shown it: neither in a log nor in an error, a page or a configuration that is printed.
 */
#ifndef SEG_REDIS_HOST_NAME_H
#define SEG_REDIS_HOST_NAME_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the text reads as a host: an IP address, a name with dots in lower case, or one of lower-case words and numbers of which
 * one is redis, cache, node or the like (orders-redis-2). Anything else may be a password.
 */
bool seg_host_name_is_plain(const char *host);

/* Room for what seg_host_name_hide writes. */
#define SEG_HOST_NAME_HIDDEN_MAX 8

/* Writes what stands for a host that is not plain: its first two letters, if that is a small part, and ***. */
void seg_host_name_hide(const char *host, char text[SEG_HOST_NAME_HIDDEN_MAX]);

#endif

/* access.h - which requests may be answered. Pure; any thread. */
#ifndef SEG_ADMIN_ACCESS_H
#define SEG_ADMIN_ACCESS_H

#include <stdbool.h>

/*
 * Whether an Authorization header (NULL: the request has none) carries the token: "Bearer TOKEN", or "Basic ..." with
 * the token as the password of any user. The comparison takes the same time for a wrong token of the same length.
 */
bool seg_access_has_token(const char *authorization, const char *token);

/*
 * Whether a Host header (NULL: the request has none) is an IP address or localhost, not a DNS name that somebody else
 * may have pointed at this machine.
 */
bool seg_access_host_is_plain(const char *host);

#endif

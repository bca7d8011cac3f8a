/* access.h - who may ask. Pure; any thread. */
#ifndef SEG_ADMIN_ACCESS_H
#define SEG_ADMIN_ACCESS_H

#include <stdbool.h>

/*
 * Whether an Authorization header (NULL: none came) carries the token: "Bearer TOKEN", or "Basic ..." with
 * the token as the password of any user. Takes as long for a wrong token as for a right one.
 */
bool seg_access_has_token(const char *authorization, const char *token);

/* Whether a Host header (NULL: none came) is an address or localhost, which no foreign name can stand for. */
bool seg_access_host_is_plain(const char *host);

#endif

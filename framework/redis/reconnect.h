/* reconnect.h - when a connection that fails is made again, and for how long its login has been refused. Pure. */
#ifndef SEG_REDIS_RECONNECT_H
#define SEG_REDIS_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct seg_reconnect {
	unsigned failures;  /* in a row */
	int64_t at;         /* when to connect */
	int64_t refused_at; /* the first refusal of the login since an attempt ended otherwise; 0: none */
} seg_reconnect;

/*
 * An attempt or a link has ended with this status. lived: for how many ns the link was ready; 0: it never was. Whether
 * this deserves a warning: a link that was lost, then failure 8, 16, 32, ..., so that the log is not flooded.
 */
bool seg_reconnect_failed(seg_reconnect *reconnect, int status, int64_t lived, int64_t now);

/* Whether it has failed so often that this is no short break. */
bool seg_reconnect_is_long(const seg_reconnect *reconnect);

/* Whether every attempt of the last minute was refused for the login. */
bool seg_reconnect_login_is_lost(const seg_reconnect *reconnect, int64_t now);

#endif

/*
 * link.h - a connection for questions, one at a time. It logs in and does nothing else, so that it reaches servers that
 * the library cannot use. One thread.
 */
#ifndef SEG_DOCTOR_LINK_H
#define SEG_DOCTOR_LINK_H

#include <segmenter/segmenter.h>

#include "redis/connection.h"
#include "redis/sentinel.h"

typedef struct seg_link {
	seg_address address;
	seg_connection *connection;
	int64_t timeout;    /* ns, of each question */
	seg_master *master; /* these two: or NULL, without Sentinels */
	seg_sentinel *sentinel;
} seg_link;

/*
 * Connects and logs in: to one endpoint, borrowed, or, if it is NULL, to any of the address, or to the master that its
 * Sentinels name. 0, or a status with an error: SEG_EINVAL (the address or the login is malformed), SEG_EAUTH,
 * SEG_EUNREACHABLE, SEG_EPROTOCOL, SEG_ENOMEM. Close with seg_link_close in any case.
 */
int seg_link_open(seg_link *link, const seg_client_options *options, const seg_endpoint *endpoint,
		  seg_error *error);
void seg_link_close(seg_link *link);

/*
 * Asks, and waits. fn gets the reply, which may be an error or of any other type. 0; or a status with an error, and fn
 * was not called.
 */
int seg_link_ask(seg_link *link, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		 seg_error *error);

#endif

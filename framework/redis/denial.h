/*
 * denial.h - commands that a user may not run, or that a server does not offer: which of them the library can do
 * without, and the sentences about them. Any thread.
 */
#ifndef SEG_REDIS_DENIAL_H
#define SEG_REDIS_DENIAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/log.h"
#include "redis/address.h"
#include "redis/reply.h"

/* Commands that the library can do without. */
typedef enum seg_nicety {
	SEG_NICETY_SCRIPT_LOAD,
	SEG_NICETY_CLIENT_ID, /* and CLIENT SETNAME */
	SEG_NICETY_CLIENT_UNBLOCK,
	SEG_NICETY_CLIENT_TRACKING,
	SEG_NICETY_SUBSCRIBE, /* to __redis__:invalidate */
	SEG_NICETY_INFO,
	SEG_NICETY_CONFIG_GET
} seg_nicety;

/* Which of them were told. The connections of one client share it, so that each is told once. */
typedef struct seg_denials {
	atomic_uint told; /* a bit for each seg_nicety */
} seg_denials;

/*
 * Whether the reply denies a command: an error that neither passes by itself (seg_reply_is_transient) nor asks for
 * a login.
 */
bool seg_reply_is_denial(const seg_reply *reply);

/* Whether the server does not know the command, or one of the script that it runs: it was renamed, or the service does not offer it. */
bool seg_reply_is_unknown_command(const seg_reply *reply);

/*
 * Whether the command, or one of the script that it runs, is denied for every key: the server does not know it, the user may not run it, or
 * must log in first. False if the user may not touch a key.
 */
bool seg_reply_denies_command(const seg_reply *reply);

/*
 * Logs, once, that the command is denied, what follows, and the right to grant. reply: the denial. where: the
 * server, for the sentence.
 */
void seg_denials_tell(seg_denials *denials, seg_nicety nicety, const seg_reply *reply,
		      const seg_address *address, const char *where, const seg_logger *logger);

/* The user that the address logs in with, for sentences. */
const char *seg_denial_user(const seg_address *address);

enum { SEG_EXPLANATION_MAX = 512 };

/*
 * The text of an error, and which right to grant if one is missing, or what makes room in memory; "unknown answer" if the reply is no error.
 * Writes into `text`, and returns it.
 */
const char *seg_reply_explain(const seg_reply *reply, char text[SEG_EXPLANATION_MAX]);

#endif

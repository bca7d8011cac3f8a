#include "redis/reply.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool seg_reply_is(const seg_reply *reply, const char *text)
{
	size_t length = strlen(text);
	return reply && reply->type == SEG_REPLY_TEXT && reply->length == length &&
	       memcmp(reply->text, text, length) == 0;
}

const seg_reply *seg_reply_at(const seg_reply *reply, size_t i)
{
	if (!reply || reply->type != SEG_REPLY_ARRAY || i >= reply->count)
		return NULL;
	return reply->elements[i];
}

int64_t seg_reply_number(const seg_reply *reply, int64_t otherwise)
{
	if (!reply)
		return otherwise;
	if (reply->type == SEG_REPLY_INTEGER)
		return reply->integer;
	if (reply->type != SEG_REPLY_TEXT || reply->length == 0)
		return otherwise;
	/* strtoll skips blanks and a plus sign, stops at a NUL, and cuts what is too large. */
	if (reply->text[0] != '-' && !isdigit((unsigned char)reply->text[0]))
		return otherwise;
	char *end;
	errno = 0;
	long long value = strtoll(reply->text, &end, 10);
	return errno || end != reply->text + reply->length ? otherwise : value;
}

bool seg_reply_id(const seg_reply *reply, seg_id *id)
{
	return reply && reply->type == SEG_REPLY_TEXT && strlen(reply->text) == reply->length &&
	       seg_id_parse(reply->text, id) == 0;
}

/* A Redis error begins with its code. A script's error keeps the code of the command that failed. */
static bool has_code(const seg_reply *reply, const char *const *codes)
{
	if (!reply || reply->type != SEG_REPLY_ERROR)
		return false;
	size_t length = strcspn(reply->text, " ");
	for (; *codes; codes++)
		if (strlen(*codes) == length && memcmp(reply->text, *codes, length) == 0)
			return true;
	return false;
}

int seg_reply_status(const seg_reply *reply)
{
	static const char *const login[] = {"NOAUTH", "WRONGPASS", "NOPERM", NULL};
	static const char about_login[] = "ERR AUTH";
	/* Of a script's command, in Redis 7.0; later ones begin it with NOPERM. */
	static const char in_script[] = "ERR The user executing the script";
	if (!reply || reply->type != SEG_REPLY_ERROR)
		return SEG_EPROTOCOL;
	if (has_code(reply, login) || strncmp(reply->text, about_login, sizeof(about_login) - 1) == 0 ||
	    strncmp(reply->text, in_script, sizeof(in_script) - 1) == 0)
		return SEG_EAUTH;
	return SEG_ESERVER;
}

/* WAIT has no code of its own for it. */
static bool is_of_replica(const seg_reply *reply)
{
	static const char text[] = "ERR WAIT cannot be used with replica";
	return reply && reply->type == SEG_REPLY_ERROR && strncmp(reply->text, text, sizeof(text) - 1) == 0;
}

bool seg_reply_is_transient(const seg_reply *reply)
{
	static const char *const transient[] = {"NOSCRIPT",   "LOADING",    "BUSY",     "OOM",
						"MISCONF",    "READONLY",   "TRYAGAIN", "CLUSTERDOWN",
						"MASTERDOWN", "NOREPLICAS", "REDIRECT", "UNBLOCKED",
						"MOVED",      "ASK",        NULL};
	return has_code(reply, transient) || is_of_replica(reply);
}

bool seg_reply_is_of_no_master(const seg_reply *reply)
{
	static const char *const codes[] = {"READONLY", "MASTERDOWN", "REDIRECT", "UNBLOCKED", NULL};
	return has_code(reply, codes) || is_of_replica(reply);
}

#include "embedded/inspect.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"

#define PING_TIMEOUT (1 * SEG_SECOND)
#define CHECK_TIMEOUT (30 * SEG_SECOND)

/* The text of a reply, "" where it is none: only some types have one. */
static const char *text_of(const redisReply *reply)
{
	bool has_text = reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ||
				  reply->type == REDIS_REPLY_ERROR);
	return has_text && reply->str ? reply->str : "";
}

static void free_reply(redisReply *reply)
{
	if (reply)
		freeReplyObject(reply);
}

seg_embedded_state seg_embedded_ping(seg_embedded_link *link)
{
	redisReply *reply = seg_embedded_link_ask(link, "PING", seg_now() + PING_TIMEOUT);
	seg_embedded_state state = reply ? SEG_EMBEDDED_ANSWERING : SEG_EMBEDDED_SILENT;
	if (reply && reply->type == REDIS_REPLY_ERROR && strncmp(text_of(reply), "LOADING", 7) == 0)
		state = SEG_EMBEDDED_LOADING;
	free_reply(reply);
	return state;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The value in a reply to CONFIG GET; "" where there is none. */
static const char *setting(const redisReply *reply, const char *name)
{
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		return "";
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (strcmp(text_of(reply->element[i]), name) == 0)
			return text_of(reply->element[i + 1]);
	return "";
}

static int set_always(seg_embedded_link *link, const seg_embedded_paths *paths, int64_t deadline,
		      seg_error *error)
{
	redisReply *reply = seg_embedded_link_ask(link, "CONFIG SET appendfsync always", deadline);
	bool done = reply && reply->type == REDIS_REPLY_STATUS;
	free_reply(reply);
	return done ? 0
		    : seg_fail(error, SEG_ESERVER, "the embedded Redis on %s refuses appendfsync = always",
			       paths->directory);
}

int seg_embedded_check(seg_embedded_link *link, const seg_embedded_paths *paths, bool always,
		       seg_error *error)
{
	int64_t deadline = seg_now() + CHECK_TIMEOUT;
	redisReply *reply = seg_embedded_link_ask(link, "CONFIG GET dir appendfsync appendonly", deadline);
	bool ours = same_file(setting(reply, "dir"), paths->directory) &&
		    strcmp(setting(reply, "appendonly"), "yes") == 0;
	bool raise = always && strcmp(setting(reply, "appendfsync"), "always") != 0;
	free_reply(reply);
	if (!ours)
		return seg_fail(
			error, SEG_ESERVER,
			"the server that listens on %s (process %d) does not keep its data in %s; stop it, "
			"or choose another directory for the embedded Redis",
			paths->socket, (int)link->peer, paths->directory);
	return raise ? set_always(link, paths, deadline, error) : 0;
}

void seg_embedded_shut_down(const seg_embedded_paths *paths, int64_t timeout, char *refusal, size_t size)
{
	seg_embedded_link link;
	snprintf(refusal, size, "it does not answer");
	if (seg_embedded_link_open(&link, paths->socket))
		return;
	/* Redis first writes its append-only file to disk, then ends without a reply. */
	redisReply *reply = seg_embedded_link_ask(&link, "SHUTDOWN", seg_now() + timeout);
	if (reply)
		snprintf(refusal, size, "%s", *text_of(reply) ? text_of(reply) : "it refuses");
	free_reply(reply);
	seg_embedded_link_close(&link);
}

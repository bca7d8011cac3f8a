#include "measure/reply.h"

#include <err.h>
#include <sysexits.h>

static const char *type_name(int type)
{
	switch (type) {
	case REDIS_REPLY_STRING:
		return "a string";
	case REDIS_REPLY_ARRAY:
		return "an array";
	case REDIS_REPLY_INTEGER:
		return "an integer";
	case REDIS_REPLY_NIL:
		return "nil";
	case REDIS_REPLY_STATUS:
		return "a status";
	case REDIS_REPLY_ERROR:
		return "an error";
	default:
		return "a reply of another type";
	}
}

__attribute__((noreturn)) static void refuse(const redisReply *reply, const char *expected,
					     const char *command)
{
	errx(EX_PROTOCOL, "redis-server: unexpected reply to %s: expected %s, got %s", command, expected,
	     type_name(reply->type));
}

void bench_reply_check(const redisReply *reply, const char *command)
{
	if (reply->type == REDIS_REPLY_ERROR)
		errx(EX_SOFTWARE, "redis-server: %s: %s", command, reply->str);
}

const char *bench_reply_text(const redisReply *reply, const char *command)
{
	bench_reply_check(reply, command);
	if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
		refuse(reply, "a string", command);
	return reply->str;
}

const char *bench_reply_text_or_nil(const redisReply *reply, const char *command)
{
	return reply->type == REDIS_REPLY_NIL ? "" : bench_reply_text(reply, command);
}

const redisReply *bench_reply_array(const redisReply *reply, size_t least, const char *command)
{
	bench_reply_check(reply, command);
	if (reply->type != REDIS_REPLY_ARRAY)
		refuse(reply, "an array", command);
	if (reply->elements < least)
		errx(EX_PROTOCOL,
		     "redis-server: unexpected reply to %s: expected at least %zu elements, got %zu", command,
		     least, reply->elements);
	return reply;
}

#include <stdarg.h>
#include <stddef.h>

#include "redis/command_key.h"
#include "redis/route.h"
#include "redis/words.h"

int64_t seg_route_round_trip(seg_route *r, const char *key)
{
	const seg_connection *connection = seg_route_connection(r, key);
	return connection ? seg_connection_round_trip(connection) : 0;
}

bool seg_route_lacks_memory(seg_route *r, const char *key)
{
	const seg_connection *connection = seg_route_connection(r, key);
	return connection && seg_connection_error(connection)->status == SEG_ENOMEM;
}

void seg_route_expect(seg_route *r, const char *key, seg_script script)
{
	seg_connection *connection = seg_route_connection(r, key);
	if (connection)
		seg_connection_expect(connection, script);
}

void seg_route_flush(seg_route *r, const char *key)
{
	seg_connection *connection = seg_route_connection(r, key);
	if (connection)
		seg_connection_flush(connection);
}

bool seg_route_entries(seg_route *r, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
		       const char *const *argv, const size_t *lengths)
{
	seg_connection *connection = seg_route_connection(r, seg_command_key(argc, argv));
	if (!connection)
		return false;
	seg_connection_follow(connection, seg_route_is_cluster(r) ? SEG_FOLLOW_ALL : SEG_FOLLOW_NONE);
	bool issued = seg_connection_entries(connection, sink, fn, arg, argc, argv, lengths);
	seg_connection_follow(connection, SEG_FOLLOW_NONE);
	return issued;
}

bool seg_route_command(seg_route *r, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		       const size_t *lengths)
{
	return seg_route_entries(r, NULL, fn, arg, argc, argv, lengths);
}

bool seg_route_words(seg_route *r, seg_reply_fn fn, void *arg, ...)
{
	seg_words words;
	va_list args;
	va_start(args, arg);
	seg_words_take(&words, args);
	va_end(args);
	return seg_route_command(r, fn, arg, words.count, words.at, NULL);
}

static bool issue_script(seg_route *r, seg_follow follow, seg_script script, seg_reply_fn fn, void *arg,
			 int keys, int argc, const char *const *argv, const size_t *lengths)
{
	seg_connection *connection = seg_route_connection(r, argv[0]);
	if (!connection)
		return false;
	seg_connection_follow(connection, seg_route_is_cluster(r) ? follow : SEG_FOLLOW_NONE);
	bool issued = seg_connection_script(connection, script, fn, arg, keys, argc, argv, lengths);
	seg_connection_follow(connection, SEG_FOLLOW_NONE);
	return issued;
}

bool seg_route_script(seg_route *r, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
		      const char *const *argv, const size_t *lengths)
{
	return issue_script(r, SEG_FOLLOW_ALL, script, fn, arg, keys, argc, argv, lengths);
}

bool seg_route_staying_script(seg_route *r, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
			      const char *const *argv, const size_t *lengths)
{
	return issue_script(r, SEG_FOLLOW_ASK, script, fn, arg, keys, argc, argv, lengths);
}

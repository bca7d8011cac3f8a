#include <stdarg.h>
#include <stddef.h>

#include "redis/command_key.h"
#include "redis/route.h"

bool seg_route_entries(seg_route *r, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
		       const char *const *argv, const size_t *lengths)
{
	seg_connection *connection = seg_route_connection(r, seg_command_key(argc, argv));
	if (!connection)
		return false;
	seg_connection_movable(connection, seg_route_is_cluster(r));
	bool issued = seg_connection_entries(connection, sink, fn, arg, argc, argv, lengths);
	seg_connection_movable(connection, false);
	return issued;
}

bool seg_route_command(seg_route *r, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		       const size_t *lengths)
{
	return seg_route_entries(r, NULL, fn, arg, argc, argv, lengths);
}

enum { WORDS_MAX = 16 };

bool seg_route_words(seg_route *r, seg_reply_fn fn, void *arg, ...)
{
	const char *argv[WORDS_MAX];
	int argc = 0;
	va_list args;
	va_start(args, arg);
	for (const char *word; argc < WORDS_MAX && (word = va_arg(args, const char *));)
		argv[argc++] = word;
	va_end(args);
	return seg_route_command(r, fn, arg, argc, argv, NULL);
}

bool seg_route_script(seg_route *r, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
		      const char *const *argv, const size_t *lengths)
{
	seg_connection *connection = seg_route_connection(r, argv[0]);
	if (!connection)
		return false;
	seg_connection_movable(connection, seg_route_is_cluster(r));
	bool issued = seg_connection_script(connection, script, fn, arg, keys, argc, argv, lengths);
	seg_connection_movable(connection, false);
	return issued;
}

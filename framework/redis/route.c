#include "redis/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seg_route {
	seg_connection *connection;
	const seg_poll_set *set; /* of the newest seg_route_poll */
	nfds_t place;
	seg_poll_set waiting; /* of route_wait.c */
};

seg_route *seg_route_create(const seg_connection_options *options)
{
	seg_route *route = calloc(1, sizeof(*route));
	if (!route)
		return NULL;
	route->connection = seg_connection_create(options);
	if (route->connection)
		return route;
	seg_route_destroy(route);
	return NULL;
}

void seg_route_destroy(seg_route *route)
{
	if (!route)
		return;
	seg_connection_destroy(route->connection);
	seg_poll_set_fini(&route->waiting);
	free(route);
}

bool seg_route_ready_for(const seg_route *route, const char *key)
{
	(void)key;
	return seg_connection_ready(route->connection);
}

bool seg_route_ready(const seg_route *route)
{
	return seg_connection_ready(route->connection);
}

const seg_error *seg_route_error(const seg_route *route)
{
	return seg_connection_error(route->connection);
}

bool seg_route_is_refused(const seg_route *route)
{
	return seg_connection_is_refused(route->connection);
}

bool seg_route_login_is_lost(const seg_route *route, int64_t now)
{
	return seg_connection_login_is_lost(route->connection, now);
}

seg_connection *seg_route_connection(seg_route *route, const char *key)
{
	(void)key;
	return route->connection;
}

/* --- commands ------------------------------------------------------------------- */

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

const char *seg_command_key(int argc, const char *const *argv)
{
	static const char *const keyless[] = {"ACL",    "CLIENT", "CLUSTER", "COMMAND", "CONFIG",
					      "DBSIZE", "EXEC",   "HELLO", "INFO",    "MULTI",   "PING",
					      "ROLE",   "SCAN",   "TIME",    "WAIT",    NULL};
	static const char *const with_subcommand[] = {"XINFO", "XGROUP", NULL};
	if (argc < 2 || is_one_of(argv[0], keyless))
		return NULL;
	if (is_one_of(argv[0], with_subcommand))
		return argc > 2 ? argv[2] : NULL;
	if (strcmp(argv[0], "XREAD") != 0)
		return argv[1];
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "STREAMS") == 0)
			return argv[i + 1];
	return NULL;
}

bool seg_route_command(seg_route *route, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		       const size_t *lengths)
{
	return seg_connection_command(seg_route_connection(route, seg_command_key(argc, argv)), fn, arg, argc,
				      argv, lengths);
}

enum { WORDS_MAX = 16 };

bool seg_route_words(seg_route *route, seg_reply_fn fn, void *arg, ...)
{
	const char *argv[WORDS_MAX];
	int argc = 0;
	va_list args;
	va_start(args, arg);
	for (const char *word; argc < WORDS_MAX && (word = va_arg(args, const char *));)
		argv[argc++] = word;
	va_end(args);
	return seg_route_command(route, fn, arg, argc, argv, NULL);
}

bool seg_route_entries(seg_route *route, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
		       const char *const *argv, const size_t *lengths)
{
	return seg_connection_entries(seg_route_connection(route, seg_command_key(argc, argv)), sink, fn, arg,
				      argc, argv, lengths);
}

bool seg_route_script(seg_route *route, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
		      const char *const *argv, const size_t *lengths)
{
	return seg_connection_script(seg_route_connection(route, argv[0]), script, fn, arg, keys, argc, argv,
				     lengths);
}

void seg_route_break(seg_route *route, int status, const char *format, ...)
{
	char text[SEG_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	seg_connection_break(route->connection, status, "%s", text);
}

size_t seg_route_unsent(const seg_route *route)
{
	return seg_connection_unsent(route->connection);
}

/* --- the event loop --------------------------------------------------------------- */

seg_poll_set *seg_route_waiting_set(seg_route *route)
{
	return &route->waiting;
}

void seg_route_poll(seg_route *route, seg_poll_set *set)
{
	struct pollfd wanted = seg_connection_polled(route->connection);
	route->set = set;
	route->place = seg_poll_set_add(set, wanted.fd, wanted.events);
}

int64_t seg_route_tick(seg_route *route, int64_t now, bool polled)
{
	bool readable = polled && route->set && seg_poll_set_found(route->set, route->place);
	return seg_connection_tick(route->connection, now, readable);
}

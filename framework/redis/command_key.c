#include "redis/command_key.h"

#include <stdbool.h>
#include <string.h>

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

const char *seg_command_key(int argc, const char *const *argv)
{
	static const char *const keyless[] = {"ACL",  "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE",
					      "EXEC", "HELLO",  "INFO",    "MULTI",   "PING",   "ROLE",
					      "SCAN", "TIME",   "WAIT",    NULL};
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

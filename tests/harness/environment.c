#include "harness/environment.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether one of the changes is about this variable. */
static bool is_changed(const char *variable, const char *const *changes)
{
	size_t length = strcspn(variable, "=");
	for (; *changes; changes++)
		if (strcspn(*changes, "=") == length && strncmp(*changes, variable, length) == 0)
			return true;
	return false;
}

static size_t count(const char *const *list)
{
	size_t n = 0;
	while (list[n])
		n++;
	return n;
}

char **test_environment_with(const char *const *changes)
{
	size_t n = 0;
	char **environment =
		calloc(count((const char *const *)environ) + count(changes) + 1, sizeof(*environment));
	if (!environment)
		abort();
	for (char **variable = environ; *variable; variable++)
		if (!is_changed(*variable, changes))
			environment[n++] = *variable;
	for (; *changes; changes++)
		if (strchr(*changes, '='))
			environment[n++] = (char *)(uintptr_t)*changes;
	return environment;
}

#include "environment.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/list.h"

enum { OWN = 5 };

static const char always[] = "PATH, HOME, USER, LOGNAME, SHELL, LANG, LANGUAGE, LC_*, TZ, TMPDIR";

/* Moves *names to the next name of the list. Returns its length; 0 at the end. */
static size_t next_name(const char **names)
{
	*names += strspn(*names, ", \t");
	return strcspn(*names, ", \t");
}

/* Whether the variable "NAME=value" is in the list. */
static bool is_named(const char *variable, const char *names)
{
	size_t length = strcspn(variable, "="), n;
	for (; (n = next_name(&names)) > 0; names += n) {
		bool rest = names[n - 1] == '*';
		if (strncmp(variable, names, n - rest) == 0 && (rest ? length >= n - 1 : length == n))
			return true;
	}
	return false;
}

static bool is_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' &&
		    !(name[i] == '*' && i == length - 1))
			return false;
	return length > 0;
}

int environment_check(const char *more)
{
	for (const char *rest = list_is_empty(more) ? NULL : more; rest;) {
		size_t length;
		const char *name = list_next(&rest, ',', &length);
		if (!is_name(name, length))
			return -1;
	}
	return 0;
}

static bool add_own(char **list, const seg_host *host, uint32_t partition, uint64_t epoch)
{
	return asprintf(&list[0], "SEGMENTER_STREAM=%s", host->stream) > 0 &&
	       asprintf(&list[1], "SEGMENTER_GROUP=%s", host->group) > 0 &&
	       asprintf(&list[2], "SEGMENTER_CONSUMER=%s", host->consumer) > 0 &&
	       asprintf(&list[3], "SEGMENTER_PARTITION=%" PRIu32, partition) > 0 &&
	       asprintf(&list[4], "SEGMENTER_EPOCH=%" PRIu64, epoch) > 0;
}

char **environment_make(const seg_host *host, uint32_t partition, uint64_t epoch, const char *more)
{
	size_t count = 0, used = OWN;
	while (environ && environ[count])
		count++;
	char **list = calloc(count + OWN + 1, sizeof(*list));
	bool good = list && add_own(list, host, partition, epoch);
	for (size_t i = 0; good && i < count; i++) {
		if (!is_named(environ[i], always) && !(more && is_named(environ[i], more)))
			continue;
		list[used] = strdup(environ[i]);
		good = list[used++] != NULL;
	}
	if (good)
		return list;
	environment_free(list);
	return NULL;
}

void environment_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

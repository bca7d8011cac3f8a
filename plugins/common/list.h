/* list.h - an option that is a list, such as "a, b". Pure; any thread. */
#ifndef PLUGINS_LIST_H
#define PLUGINS_LIST_H

#include <stdbool.h>
#include <string.h>

#define LIST_BLANKS " \t"

static inline bool list_is_empty(const char *list)
{
	return !list[strspn(list, LIST_BLANKS)];
}

/*
 * The item at *rest, without the blanks around it, and its length: 0 where nothing is between two separators, or behind the last.
 * *rest moves to the next item; NULL after the last.
 */
static inline const char *list_next(const char **rest, char separator, size_t *length)
{
	const char *item = *rest + strspn(*rest, LIST_BLANKS), *end = strchr(item, separator);
	*rest = end ? end + 1 : NULL;
	*length = end ? (size_t)(end - item) : strlen(item);
	while (*length > 0 && strchr(LIST_BLANKS, item[*length - 1]))
		--*length;
	return item;
}

#endif

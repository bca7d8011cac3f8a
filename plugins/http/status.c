#include "status.h"

#include <string.h>

#include "../common/list.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Adds a status or a class; false if the text is neither. */
static bool add(status_set *set, const char *text)
{
	if (text[0] < '1' || text[0] > '5')
		return false;
	int first = (text[0] - '0') * 100;
	if (text[1] == 'x' && text[2] == 'x') {
		for (int i = 0; i < 100; i++)
			set->has[first + i] = true;
		return true;
	}
	if (!is_digit(text[1]) || !is_digit(text[2]))
		return false;
	set->has[first + (text[1] - '0') * 10 + (text[2] - '0')] = true;
	return true;
}

int status_set_parse(status_set *set, const char *list)
{
	memset(set, 0, sizeof(*set));
	for (const char *rest = list_is_empty(list) ? NULL : list; rest;) {
		size_t length;
		const char *item = list_next(&rest, ',', &length);
		if (length != 3 || !add(set, item))
			return -1;
	}
	return 0;
}

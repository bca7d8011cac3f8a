/* page_url.h - the URL of a member's page, as it stands among the members of a group. Pure; any thread. */
#ifndef SEG_BASE_PAGE_URL_H
#define SEG_BASE_PAGE_URL_H

#include <stdbool.h>
#include <string.h>

/* Room for a URL, its NUL included. */
#define SEG_PAGE_URL_MAX 256

/* Whether it is an http or https URL of printable ASCII without blanks, and short enough. */
static inline bool seg_page_url_is_good(const char *url)
{
	size_t length = strlen(url);
	if (length >= SEG_PAGE_URL_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (url[i] <= ' ' || url[i] > '~')
			return false;
	size_t scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
	return scheme > 0 && length > scheme && url[scheme] != '/';
}

#endif

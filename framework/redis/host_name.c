#include "redis/host_name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What machines are named by. */
static const char *const kinds[] = {
	"redis",   "valkey", "keydb", "localhost", "cache",   "sentinel", "server",
	"host",    "node",   "db",    "database",  "primary", "master",   "replica",
	"cluster", "shard",  "queue", "broker",    "stream",  "streams",  NULL,
};

static bool is_ip(const char *host)
{
	struct in6_addr address;
	return inet_pton(AF_INET, host, &address) == 1 || strchr(host, ':');
}

static bool is_one_of(const char *const *list, const char *word, size_t length)
{
	for (; *list; list++)
		if (strlen(*list) == length && memcmp(*list, word, length) == 0)
			return true;
	return false;
}

/* Whether one of its words, between which are numbers and hyphens, is one of those: orders-redis-2. */
static bool has_word_of_machines(const char *host)
{
	bool kind = false;
	while (*host) {
		size_t length = strspn(host, "abcdefghijklmnopqrstuvwxyz");
		if (length == 0 && !isdigit((unsigned char)*host) && *host != '-' && *host != '_')
			return false;
		kind |= is_one_of(kinds, host, length);
		host += length ? length : 1;
	}
	return kind;
}

/* One letter and a number, as h1: too short for a password. */
static bool is_short(const char *host)
{
	return islower((unsigned char)host[0]) && strspn(host + 1, "0123456789") == strlen(host + 1) &&
	       strlen(host) <= 3;
}

/* redis.example.org; the last part of such a name has letters only. */
static bool is_dotted_name(const char *host)
{
	const char *last = strrchr(host, '.');
	return last && last > host && strlen(last) > 2 &&
	       strspn(last + 1, "abcdefghijklmnopqrstuvwxyz") == strlen(last + 1) &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(host);
}

bool seg_host_name_is_plain(const char *host)
{
	return is_ip(host) || is_short(host) || is_dotted_name(host) || has_word_of_machines(host);
}

void seg_host_name_hide(const char *host, char text[SEG_HOST_NAME_HIDDEN_MAX])
{
	enum { SHOWN = 2, LENGTH_MIN = 8 };
	bool shows = strlen(host) >= LENGTH_MIN;
	snprintf(text, SEG_HOST_NAME_HIDDEN_MAX, "%.*s***", shows ? SHOWN : 0, host);
}

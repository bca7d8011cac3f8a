#include "redis/address.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"

/* HOST_MAX: the longest name in DNS, RFC 1035. DATABASE_MAX: far more than a server is configured with. */
enum { DEFAULT_PORT = 6379, PORT_MAX = 65535, HOST_MAX = 253, DATABASE_MAX = 1000000 };

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Copies with %xx decoded; NULL for an invalid escape, an escaped NUL, or if out of memory. */
static char *decode(const char *text, size_t length)
{
	char *copy = malloc(length + 1);
	if (!copy)
		return NULL;
	size_t n = 0;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (c == '%') {
			bool whole = length - i > 2;
			int high = whole ? hex(text[i + 1]) : -1;
			int low = whole ? hex(text[i + 2]) : -1;
			if (high < 0 || low < 0 || (high == 0 && low == 0)) {
				free(copy);
				return NULL;
			}
			c = (char)(high * 16 + low);
			i += 2;
		}
		copy[n++] = c;
	}
	copy[n] = '\0';
	return copy;
}

/* The whole text as a number, 0 to max; else -1. */
static long number(const char *text, size_t length, long max)
{
	if (length == 0 || length > 9)
		return -1;
	long value = 0;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value <= max ? value : -1;
}

/* Takes "[user][:password]@" off the front of *rest (up to `end`). */
static int parse_login(const char **rest, const char *end, seg_address *address, seg_error *error)
{
	const char *at = NULL;
	for (const char *c = *rest; c < end; c++)
		if (*c == '@')
			at = c;
	if (!at)
		return 0;
	const char *colon = memchr(*rest, ':', (size_t)(at - *rest));
	const char *user_end = colon ? colon : at;
	if (user_end > *rest) {
		address->user = decode(*rest, (size_t)(user_end - *rest));
		if (!address->user)
			goto bad;
	}
	if (colon) {
		address->password = decode(colon + 1, (size_t)(at - colon - 1));
		if (!address->password)
			goto bad;
	}
	if (address->user && !address->password)
		return seg_fail(
			error, SEG_EINVAL,
			"the Redis address names a user but no password; write redis://user:password@host");
	*rest = at + 1;
	return 0;
bad:
	/* The sentence does not repeat the text, which contains a password. */
	return seg_fail(
		error, SEG_EINVAL,
		"the user or password in the Redis address has an invalid %% escape; write %% itself as %%25");
}

static int parse_unix(const char *rest, seg_address *address, seg_error *error)
{
	const char *question = strchr(rest, '?');
	const char *end = question ? question : rest + strlen(rest);
	const char *slash = strchr(rest, '/');
	if (slash && slash > rest && slash <= end) {
		int status = parse_login(&rest, slash, address, error);
		if (status)
			return status;
	}
	if (*rest != '/')
		return seg_fail(error, SEG_EINVAL,
				"the Redis address needs an absolute path: unix:///run/redis/redis.sock");
	address->endpoints->path = decode(rest, (size_t)(end - rest));
	if (!address->endpoints->path)
		return seg_fail(error, SEG_EINVAL, "the path in the Redis address has an invalid %% escape");
	if (strlen(address->endpoints->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return seg_fail(error, SEG_EINVAL,
				"the socket path %s is longer than %zu bytes; use a shorter one",
				address->endpoints->path, sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	if (question) {
		long database = strncmp(question, "?db=", 4) == 0
					? number(question + 4, strlen(question + 4), DATABASE_MAX)
					: -1;
		if (database < 0)
			return seg_fail(
				error, SEG_EINVAL,
				"after the socket path, only ?db=NUMBER (0 to %d) may follow, not \"%.40s\"",
				DATABASE_MAX, question);
		address->database = (uint32_t)database;
	}
	return 0;
}

/*
 * A text that is not a number can be a password whose @host was forgotten: the sentence does not repeat it.
 */
static int bad_port(const char *port, size_t length, seg_error *error)
{
	if (length > 0 && strspn(port, "0123456789") >= length)
		return seg_fail(error, SEG_EINVAL,
				"the port in the Redis address must be 1 to 65535, not \"%.*s\"",
				(int)(length > 20 ? 20 : length), port);
	return seg_fail(
		error, SEG_EINVAL,
		"the port in the Redis address must be 1 to 65535, and an @ must follow a password; write "
		"redis://host:6379 or redis://user:password@host");
}

/* Splits "host", "host:port" or "[host]:port" of [rest, end): *host_end, and *port or NULL. */
static int split_authority(const char **rest, const char *end, const char **host_end, const char **port,
			   seg_error *error)
{
	*port = NULL;
	if (**rest != '[') {
		*host_end = memchr(*rest, ':', (size_t)(end - *rest));
		if (*host_end)
			*port = *host_end + 1;
		else
			*host_end = end;
		return 0;
	}
	(*rest)++;
	*host_end = memchr(*rest, ']', (size_t)(end - *rest));
	if (!*host_end)
		return seg_fail(error, SEG_EINVAL, "the Redis address has a [ without a ]");
	if (*host_end + 1 == end)
		return 0;
	if ((*host_end)[1] != ':')
		return seg_fail(error, SEG_EINVAL, "after the ] of the Redis address, only :port may follow");
	*port = *host_end + 2;
	return 0;
}

static int take_host(const char *host, const char *end, seg_address *address, seg_error *error)
{
	if (host == end)
		return seg_fail(
			error, SEG_EINVAL,
			"the Redis address has no host; write redis://host:6379, or unix:///path for a socket");
	for (const char *c = host; c < end; c++)
		if (!isgraph((unsigned char)*c) || strchr("?#%\\\"<>[]", *c))
			return seg_fail(error, SEG_EINVAL,
					"the host in the Redis address contains a forbidden character");
	if (end - host > HOST_MAX)
		return seg_fail(error, SEG_EINVAL,
				"the host in the Redis address is longer than %d characters", HOST_MAX);
	address->endpoints->host = strndup(host, (size_t)(end - host));
	return address->endpoints->host ? 0 : seg_fail(error, SEG_ENOMEM, "out of memory");
}

/* port NULL: the default. */
static int take_port(const char *port, const char *end, seg_address *address, seg_error *error)
{
	address->endpoints->port = DEFAULT_PORT;
	if (!port)
		return 0;
	size_t length = (size_t)(end - port);
	long value = number(port, length, PORT_MAX);
	if (value < 1)
		return bad_port(port, length, error);
	address->endpoints->port = (uint16_t)value;
	return 0;
}

static int parse_host(const char *rest, seg_address *address, seg_error *error)
{
	const char *slash = strchr(rest, '/'), *host_end, *port;
	const char *end = slash ? slash : rest + strlen(rest);
	/* Otherwise half a password would be taken for a port, and be repeated in an error. */
	if (strchr(end, '@'))
		return seg_fail(error, SEG_EINVAL,
				"the user or password in the Redis address contains a '/'; write it as %%2F");
	int status = parse_login(&rest, end, address, error);
	if (status == 0)
		status = split_authority(&rest, end, &host_end, &port, error);
	if (status == 0)
		status = take_host(rest, host_end, address, error);
	if (status == 0)
		status = take_port(port, end, address, error);
	if (status || !slash || !slash[1])
		return status;
	long database = number(slash + 1, strlen(slash + 1), DATABASE_MAX);
	if (database < 0)
		return seg_fail(
			error, SEG_EINVAL,
			"the database in the Redis address must be a number of 0 to %d, not \"%.40s\"",
			DATABASE_MAX, slash + 1);
	address->database = (uint32_t)database;
	return 0;
}

void seg_endpoint_print(const seg_endpoint *endpoint, char *text, size_t size)
{
	if (endpoint->path)
		snprintf(text, size, "%s", endpoint->path);
	else
		snprintf(text, size, strchr(endpoint->host, ':') ? "[%s]:%u" : "%s:%u", endpoint->host,
			 endpoint->port);
}

static int make_text(seg_address *address, seg_error *error)
{
	char place[HOST_MAX + 16], database[16] = "";
	int n;
	if (address->endpoints->path) {
		n = address->database ? asprintf(&address->text, "unix://%s?db=%u", address->endpoints->path,
						 address->database)
				      : asprintf(&address->text, "unix://%s", address->endpoints->path);
	} else {
		seg_endpoint_print(address->endpoints, place, sizeof(place));
		if (address->database)
			snprintf(database, sizeof(database), "/%u", address->database);
		n = asprintf(&address->text, "%s://%s%s", address->tls ? "rediss" : "redis", place, database);
	}
	if (n < 0) {
		address->text = NULL;
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	return 0;
}

static int parse(const char *text, seg_address *address, seg_error *error)
{
	if (!text || !*text)
		return seg_fail(error, SEG_EINVAL,
				"the Redis address is empty; write redis://host:6379 or unix:///path");
	if (strncmp(text, "unix://", 7) == 0)
		return parse_unix(text + 7, address, error);
	if (strncmp(text, "redis://", 8) == 0)
		return parse_host(text + 8, address, error);
	if (strncmp(text, "rediss://", 9) == 0) {
		address->tls = true;
		return parse_host(text + 9, address, error);
	}
	if (strstr(text, "://"))
		return seg_fail(error, SEG_EINVAL,
				"the Redis address must begin with redis://, rediss:// or unix://");
	return parse_host(text, address, error);
}

int seg_address_parse(const char *text, seg_address *address, seg_error *error)
{
	*address = (seg_address){.tls_settings.verify = true};
	address->endpoints = calloc(1, sizeof(*address->endpoints));
	if (!address->endpoints) {
		seg_address_fini(address);
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	address->endpoint_count = 1;
	int status = parse(text, address, error);
	if (status == 0)
		status = make_text(address, error);
	if (status)
		seg_address_fini(address);
	return status;
}

int seg_address_set_login(seg_address *address, const char *user, const char *password, seg_error *error)
{
	char *new_user = user ? strdup(user) : NULL;
	char *new_password = password ? strdup(password) : NULL;
	if (user && !password) {
		free(new_user);
		return seg_fail(error, SEG_EINVAL, "the Redis user has no password; set one");
	}
	if (!user != !new_user || !password != !new_password) {
		free(new_user);
		free(new_password);
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	if (address->password)
		explicit_bzero(address->password, strlen(address->password));
	free(address->user);
	free(address->password);
	address->user = new_user;
	address->password = new_password;
	return 0;
}

int seg_address_set_tls(seg_address *address, const seg_tls_settings *settings, seg_error *error)
{
	const char *first = seg_tls_settings_first(settings);
	seg_tls_settings copy;
	if (first && !address->tls)
		return seg_fail(error, SEG_EINVAL,
				"tls_%s is set, but the address is without TLS; write rediss://", first);
	if (!seg_tls_settings_copy(&copy, settings))
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	seg_tls_settings_fini(&address->tls_settings);
	address->tls_settings = copy;
	return 0;
}

static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static bool copy_endpoints(seg_address *to, const seg_address *from)
{
	to->endpoints = calloc(from->endpoint_count, sizeof(*to->endpoints));
	for (uint32_t i = 0; i < from->endpoint_count && to->endpoints; i++) {
		const seg_endpoint *endpoint = &from->endpoints[i];
		to->endpoint_count++;
		to->endpoints[i].port = endpoint->port;
		if (!copy_text(&to->endpoints[i].host, endpoint->host) ||
		    !copy_text(&to->endpoints[i].path, endpoint->path))
			return false;
	}
	return to->endpoints;
}

int seg_address_copy(seg_address *to, const seg_address *from)
{
	*to = (seg_address){.database = from->database, .tls = from->tls};
	if (seg_tls_settings_copy(&to->tls_settings, &from->tls_settings) && copy_endpoints(to, from) &&
	    copy_text(&to->user, from->user) && copy_text(&to->password, from->password) &&
	    copy_text(&to->text, from->text))
		return 0;
	seg_address_fini(to);
	return SEG_ENOMEM;
}

void seg_address_fini(seg_address *address)
{
	if (address->password)
		explicit_bzero(address->password, strlen(address->password));
	for (uint32_t i = 0; i < address->endpoint_count; i++) {
		free(address->endpoints[i].host);
		free(address->endpoints[i].path);
	}
	free(address->endpoints);
	free(address->user);
	free(address->password);
	free(address->text);
	seg_tls_settings_fini(&address->tls_settings);
	*address = (seg_address){0};
}

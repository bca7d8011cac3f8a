/* address_parse.c - seg_address_parse of address.h: the texts that seg_client_options.address documents. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/memstream.h"
#include "redis/address.h"
#include "redis/host_name.h"

/* HOST_MAX: the longest name in DNS, RFC 1035. DATABASE_MAX: far more than a server is configured with. */
enum {
	PORT_MAX = 65535,
	HOST_MAX = 253,
	MASTER_MAX = 128,
	DATABASE_MAX = 1000000,
};

typedef struct {
	const char *name;
	bool tls, sentinel;
	uint16_t port;
	const char *example;
} address_scheme;

/* The first one is that of an address without a scheme. */
static const address_scheme schemes[] = {
	{"redis", false, false, 6379, "redis://host:6379"},
	{"rediss", true, false, 6379, "rediss://host:6379"},
	{"redis+sentinel", false, true, 26379, "redis+sentinel://host:26379/mymaster"},
	{"rediss+sentinel", true, true, 26379, "rediss+sentinel://host:26379/mymaster"},
};

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

/* Takes "[user][:password]@" off the front of *rest (up to `end`). scheme NULL: unix. */
static int parse_login(const char **rest, const char *end, const address_scheme *scheme, seg_address *address,
		       seg_error *error)
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
		return seg_fail(error, SEG_EINVAL,
				"the Redis address names a user but no password; write %s://user:password@%s",
				scheme ? scheme->name : "unix",
				!scheme            ? "/path"
				: scheme->sentinel ? "host/mymaster"
						   : "host");
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
	address->endpoint_count = 1;
	const char *question = strchr(rest, '?');
	const char *end = question ? question : rest + strlen(rest);
	const char *slash = strchr(rest, '/');
	if (slash && slash > rest && slash <= end) {
		int status = parse_login(&rest, slash, NULL, address, error);
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
		/* No sentence repeats what may be a password in the wrong place. */
		if (database < 0)
			return seg_fail(error, SEG_EINVAL,
					"after the socket path, only ?db=NUMBER (0 to %d) may follow",
					DATABASE_MAX);
		address->database = (uint32_t)database;
	}
	return 0;
}

/* It can be a password whose @host was forgotten: the sentence does not repeat it. */
static int bad_port(const address_scheme *scheme, seg_error *error)
{
	return seg_fail(
		error, SEG_EINVAL,
		"the port in the Redis address must be 1 to 65535, and an @ must follow a password; write "
		"%s or %s://user:password@host%s",
		scheme->example, scheme->name, scheme->sentinel ? "/mymaster" : "");
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

static int take_host(const char *host, const char *end, const address_scheme *scheme, seg_endpoint *endpoint,
		     seg_error *error)
{
	if (host == end)
		return seg_fail(error, SEG_EINVAL, "the Redis address has no host; write %s%s",
				scheme->example, scheme->sentinel ? "" : ", or unix:///path for a socket");
	for (const char *c = host; c < end; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_:", *c))
			return seg_fail(error, SEG_EINVAL,
					"the host in the Redis address contains a forbidden character");
	if (end - host > HOST_MAX)
		return seg_fail(error, SEG_EINVAL,
				"the host in the Redis address is longer than %d characters", HOST_MAX);
	endpoint->host = strndup(host, (size_t)(end - host));
	if (!endpoint->host)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	endpoint->hidden = !seg_host_name_is_plain(endpoint->host);
	return 0;
}

/* port NULL: the scheme's. */
static int take_port(const char *port, const char *end, const address_scheme *scheme, seg_endpoint *endpoint,
		     seg_error *error)
{
	endpoint->port = scheme->port;
	if (!port)
		return 0;
	size_t length = (size_t)(end - port);
	long value = number(port, length, PORT_MAX);
	if (value < 1)
		return bad_port(scheme, error);
	endpoint->port = (uint16_t)value;
	return 0;
}

static int take_server(const char *item, const char *end, const address_scheme *scheme,
		       seg_endpoint *endpoint, seg_error *error)
{
	const char *host_end, *port;
	int status = split_authority(&item, end, &host_end, &port, error);
	if (status == 0)
		status = take_host(item, host_end, scheme, endpoint, error);
	if (status == 0)
		status = take_port(port, end, scheme, endpoint, error);
	return status;
}

/* Of a list, the reason says which server it is about. */
static int refuse_server(int status, uint32_t number, const seg_error *reason, seg_error *error)
{
	return seg_fail(error, status, "server %u of the list: %s", number, reason->text);
}

/* The servers of [rest, end), between commas. */
static int take_servers(const char *rest, const char *end, const address_scheme *scheme, seg_address *address,
			seg_error *error)
{
	const bool is_list = memchr(rest, ',', (size_t)(end - rest));
	for (const char *item = rest, *next; item; item = next) {
		const char *comma = memchr(item, ',', (size_t)(end - item));
		next = comma ? comma + 1 : NULL;
		seg_endpoint *endpoint = &address->endpoints[address->endpoint_count];
		seg_error reason;
		if (address->endpoint_count == SEG_ADDRESS_ENDPOINTS_MAX)
			return seg_fail(error, SEG_EINVAL, "the Redis address has more than %d servers",
					SEG_ADDRESS_ENDPOINTS_MAX);
		address->endpoint_count++;
		int status =
			take_server(item, comma ? comma : end, scheme, endpoint, is_list ? &reason : error);
		if (status)
			return is_list ? refuse_server(status, address->endpoint_count, &reason, error)
				       : status;
	}
	return 0;
}

static int take_database(const char *text, seg_address *address, seg_error *error)
{
	long database = *text ? number(text, strlen(text), DATABASE_MAX) : 0;
	if (database < 0)
		return seg_fail(error, SEG_EINVAL,
				"the database in the Redis address must be a number of 0 to %d",
				DATABASE_MAX);
	address->database = (uint32_t)database;
	return 0;
}

/* "mymaster" or "mymaster/DATABASE". The characters are those that Sentinel allows. */
static int take_master(const char *text, seg_address *address, seg_error *error)
{
	size_t length = strcspn(text, "/");
	if (length == 0)
		return seg_fail(error, SEG_EINVAL,
				"the Redis address does not name the master that the Sentinels watch; write "
				"redis+sentinel://host:26379/mymaster");
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(".-_", text[i]))
			return seg_fail(
				error, SEG_EINVAL,
				"the master's name in the Redis address may contain only letters, digits, "
				"'.', '-' and '_'");
	if (length > MASTER_MAX)
		return seg_fail(error, SEG_EINVAL,
				"the master's name in the Redis address is longer than %d characters",
				MASTER_MAX);
	address->master = strndup(text, length);
	if (!address->master)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	return take_database(text + length + (text[length] == '/'), address, error);
}

/* Whether a server after a comma has a scheme of its own. */
static bool repeats_scheme(const char *rest)
{
	for (const char *comma = strchr(rest, ','); comma; comma = strchr(comma + 1, ',')) {
		const char *end = comma + 1 + strspn(comma + 1, "redis+sentinel");
		if (end > comma + 1 && strncmp(end, "://", 3) == 0)
			return true;
	}
	return false;
}

static int parse_servers(const char *rest, const address_scheme *scheme, seg_address *address,
			 seg_error *error)
{
	const char *slash = strchr(rest, '/');
	const char *end = slash ? slash : rest + strlen(rest);
	address->tls = scheme->tls;
	if (repeats_scheme(rest))
		return seg_fail(error, SEG_EINVAL,
				"the Redis address repeats its scheme; write it once: %s://h1:%u,h2:%u%s",
				scheme->name, scheme->port, scheme->port,
				scheme->sentinel ? "/mymaster" : "");
	/* Otherwise half a password would be taken for a port, and be repeated in an error. */
	if (strchr(end, '@'))
		return seg_fail(error, SEG_EINVAL,
				"the user or password in the Redis address contains a '/'; write it as %%2F");
	int status = parse_login(&rest, end, scheme, address, error);
	if (status == 0)
		status = take_servers(rest, end, scheme, address, error);
	if (status)
		return status;
	const char *path = slash ? slash + 1 : "";
	return scheme->sentinel ? take_master(path, address, error) : take_database(path, address, error);
}

/* Whether the text begins as a scheme does, but lacks a part of its "://": "redis//host", "redis:/host". */
static bool misses_colon_or_slash(const char *text)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i].name);
		const char *rest = text + length;
		if (strncmp(text, schemes[i].name, length) == 0 &&
		    (strncmp(rest, "//", 2) == 0 || strncmp(rest, ":/", 2) == 0 ||
		     strncmp(rest, "/:", 2) == 0))
			return true;
	}
	return strncmp(text, "unix:/", 6) == 0 || strncmp(text, "unix//", 6) == 0;
}

/* The length of "scheme://" in *length. NULL: unknown. */
static const address_scheme *find_scheme(const char *text, size_t *length)
{
	const char *end = strstr(text, "://");
	*length = end ? (size_t)(end - text) + 3 : 0;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && end; i++)
		if (strlen(schemes[i].name) + 3 == *length && memcmp(text, schemes[i].name, *length - 3) == 0)
			return &schemes[i];
	return end ? NULL : &schemes[0];
}

static int parse(const char *text, seg_address *address, seg_error *error)
{
	if (!text || !*text)
		return seg_fail(error, SEG_EINVAL,
				"the Redis address is empty; write redis://host:6379 or unix:///path");
	if (strncmp(text, "unix://", 7) == 0)
		return parse_unix(text + 7, address, error);
	size_t length;
	const address_scheme *scheme = find_scheme(text, &length);
	if (!scheme || (length == 0 && misses_colon_or_slash(text)))
		return seg_fail(error, SEG_EINVAL,
				"the Redis address must begin with redis://, rediss://, redis+sentinel://, "
				"rediss+sentinel:// or unix://");
	return parse_servers(text + length, scheme, address, error);
}

static void write_text(const seg_address *address, FILE *out)
{
	char server[300];
	if (address->endpoints->path) {
		fprintf(out, address->database ? "unix://%s?db=%u" : "unix://%s", address->endpoints->path,
			address->database);
		return;
	}
	fprintf(out, "redis%s%s://", address->tls ? "s" : "", address->master ? "+sentinel" : "");
	for (uint32_t i = 0; i < address->endpoint_count; i++) {
		seg_endpoint_print(&address->endpoints[i], server, sizeof(server));
		fprintf(out, "%s%s", i ? "," : "", server);
	}
	if (address->master)
		fprintf(out, "/%s", address->master);
	if (address->database)
		fprintf(out, "/%u", address->database);
}

static int make_text(seg_address *address, seg_error *error)
{
	size_t size;
	FILE *out = open_memstream(&address->text, &size);
	if (out)
		write_text(address, out);
	return out && seg_memstream_close(out, &address->text) ? 0
							       : seg_fail(error, SEG_ENOMEM, "out of memory");
}

int seg_address_parse(const char *text, seg_address *address, seg_error *error)
{
	*address = (seg_address){.tls_settings.verify = true};
	address->endpoints = calloc(SEG_ADDRESS_ENDPOINTS_MAX, sizeof(*address->endpoints));
	if (!address->endpoints)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	int status = parse(text, address, error);
	if (status == 0)
		status = make_text(address, error);
	if (status)
		seg_address_fini(address);
	return status;
}

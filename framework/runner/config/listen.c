#include "config/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/whole_number.h"

static int not_an_address(const char *text, seg_error *error)
{
	return seg_fail(error, SEG_EINVAL,
			"\"%.60s\" is not an address and a port; write 127.0.0.1:9464, [::1]:9464 or off",
			text);
}

/* -1 if the text is not a port. */
static int parse_port(const char *text)
{
	uint64_t port;
	return seg_whole_number_parse(text, &port) && port <= 65535 ? (int)port : -1;
}

static bool parse_ipv4(const char *host, int port, seg_listen *listen)
{
	struct sockaddr_in *address = (struct sockaddr_in *)&listen->address;
	if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &address->sin_addr) != 1)
		return false;
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)port);
	listen->length = sizeof(*address);
	listen->loopback = ntohl(address->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return true;
}

static bool parse_ipv6(char *host, int port, seg_listen *listen)
{
	struct sockaddr_in6 *address = (struct sockaddr_in6 *)&listen->address;
	size_t length = strlen(host);
	if (length < 2 || host[0] != '[' || host[length - 1] != ']')
		return false;
	host[length - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &address->sin6_addr) != 1)
		return false;
	address->sin6_family = AF_INET6;
	address->sin6_port = htons((uint16_t)port);
	listen->length = sizeof(*address);
	listen->loopback = IN6_IS_ADDR_LOOPBACK(&address->sin6_addr);
	return true;
}

int seg_listen_parse(const char *text, seg_listen *listen, seg_error *error)
{
	char host[SEG_LISTEN_TEXT_MAX];
	const char *colon = strrchr(text, ':');
	*listen = (seg_listen){0};
	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return not_an_address(text, error);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	int port = parse_port(colon + 1);
	if (port < 0 || (!parse_ipv4(host, port, listen) && !parse_ipv6(host, port, listen)))
		return not_an_address(text, error);
	return 0;
}

char *seg_listen_format(const seg_listen *listen, char text[SEG_LISTEN_TEXT_MAX])
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&listen->address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&listen->address;
	char host[INET6_ADDRSTRLEN] = "?";
	bool is_v6 = listen->address.ss_family == AF_INET6;
	const void *address = is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr;
	inet_ntop(listen->address.ss_family, address, host, sizeof(host));
	snprintf(text, SEG_LISTEN_TEXT_MAX, is_v6 ? "[%s]:%u" : "%s:%u", host,
		 (unsigned)ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
	return text;
}

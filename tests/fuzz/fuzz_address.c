/*
 * fuzz_address.c - any text as an address. It must not crash, and: the result is an address or an error,
 * never both or neither; the printed form of an address reads back as the same place; and no login is ever
 * printed, whether the address was accepted or refused.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/require.h"
#include "redis/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_shown(const char *secret, const char *text)
{
	return secret && *secret && strstr(text, secret);
}

/* Characters that need escapes, and hosts that may be passwords, do not read back: the printed form is for people. */
static bool is_reversible(const seg_address *address)
{
	for (uint32_t i = 0; i < address->endpoint_count; i++)
		if (address->endpoints[i].hidden)
			return false;
	return !address->endpoints->path || !strpbrk(address->endpoints->path, "%?");
}

static void check_server(const seg_endpoint *endpoint)
{
	require(!endpoint->host != !endpoint->path, "an address with two places or none");
	require(endpoint->path ? endpoint->path[0] == '/' : endpoint->port > 0, "a place that is none");
}

static void require_same_servers(const seg_address *a, const seg_address *b)
{
	require(a->endpoint_count == b->endpoint_count, "what is shown is another number of servers");
	for (uint32_t i = 0; i < a->endpoint_count; i++)
		require(same(a->endpoints[i].host, b->endpoints[i].host) &&
				same(a->endpoints[i].path, b->endpoints[i].path) &&
				a->endpoints[i].port == b->endpoints[i].port,
			"what is shown is another place");
}

static void check_taken(const seg_address *address)
{
	require(address->endpoint_count > 0 && address->endpoint_count <= SEG_ADDRESS_ENDPOINTS_MAX,
		"a number of servers that is none");
	for (uint32_t i = 0; i < address->endpoint_count; i++)
		check_server(&address->endpoints[i]);
	require(!address->user || address->password, "a user without a password");
	seg_address copy, again;
	if (seg_address_copy(&copy, address))
		return;
	require(same(copy.text, address->text) && same(copy.password, address->password) &&
			copy.tls == address->tls && copy.tls_settings.verify,
		"a copy that differs");
	seg_address_fini(&copy);
	if (!is_reversible(address))
		return;
	require(seg_address_parse(address->text, &again, NULL) == 0, "what is shown is refused");
	require_same_servers(&again, address);
	require(again.database == address->database && again.tls == address->tls &&
			same(again.master, address->master),
		"what is shown is another Redis");
	require(!again.user && !again.password, "what is shown holds a login");
	seg_address_fini(&again);
}

static const char secret[] = "Zq9xQz7";

/* `before` up to `end`, the secret, `after`. */
static void check_shown(const char *before, const char *end, const char *colon, const char *after)
{
	char *text;
	seg_address address;
	seg_error error = {0};
	if (asprintf(&text, "%.*s%s%s%s", (int)(end - before), before, colon, secret, after) < 0)
		return;
	if (seg_address_parse(text, &address, &error) == 0) {
		require(!is_shown(secret, address.text), "the password is shown");
		seg_address_fini(&address);
	} else {
		require(!is_shown(secret, error.text), "the password is part of the refusal");
	}
	free(text);
}

/*
 * No other text contains the secret word, so no printed text may contain it: neither as the password, nor as the password
 * that stands in the place of the host.
 */
static void check_secret(const char *text)
{
	const char *at = strchr(text, '@');
	const char *scheme = strstr(text, "://");
	const char *begin = scheme ? scheme + 3 : text;
	if (strstr(text, secret) || strncmp(text, "unix:", 5) == 0)
		return;
	if (at && begin <= at)
		check_shown(text, begin, ":", at);
	check_shown(text, begin, "", begin + strcspn(begin, ":/,@"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(size + 1, 1);
	seg_address address;
	seg_error error = {0};
	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	int status = seg_address_parse(text, &address, &error);
	if (status == 0) {
		check_taken(&address);
		seg_address_fini(&address);
	} else {
		require(status == SEG_EINVAL && error.status == status,
			"a status that contradicts the error");
		require(error.text[0] && !strpbrk(error.text, "\n\r\033"),
			"an error of no line, or of several");
		require(!address.endpoints && !address.password && !address.text, "what was refused is kept");
	}
	check_secret(text);
	free(text);
	return 0;
}

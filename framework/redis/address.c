#include "redis/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "redis/host_name.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379 };

static void print_hidden(const seg_endpoint *endpoint, char *text, size_t size)
{
	char host[SEG_HOST_NAME_HIDDEN_MAX];
	bool shows_port = endpoint->port == REDIS_PORT || endpoint->port == SENTINEL_PORT;
	seg_host_name_hide(endpoint->host, host);
	snprintf(text, size, shows_port ? "%s:%u" : "%s", host, endpoint->port);
}

void seg_endpoint_print(const seg_endpoint *endpoint, char *text, size_t size)
{
	if (endpoint->path)
		snprintf(text, size, "%s", endpoint->path);
	else if (endpoint->hidden)
		print_hidden(endpoint, text, size);
	else
		snprintf(text, size, strchr(endpoint->host, ':') ? "[%s]:%u" : "%s:%u", endpoint->host,
			 endpoint->port);
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

static void forget_password(seg_address *address)
{
	if (address->password)
		explicit_bzero(address->password, strlen(address->password));
	free(address->password);
	free(address->password_file);
	address->password = address->password_file = NULL;
}

int seg_address_set_login(seg_address *address, const char *user, const char *password,
			  const char *password_file, seg_error *error)
{
	seg_address made = {0};
	if (password && password_file)
		return seg_fail(error, SEG_EINVAL,
				"password and password_file are both set; set one of them");
	if (user && !password && !password_file)
		return seg_fail(error, SEG_EINVAL, "the Redis user has no password; set one");
	if (!copy_text(&made.user, user) || !copy_text(&made.password, password) ||
	    !copy_text(&made.password_file, password_file)) {
		seg_address_fini(&made);
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	forget_password(address);
	free(address->user);
	address->user = made.user;
	address->password = made.password;
	address->password_file = made.password_file;
	return 0;
}

static bool copy_endpoints(seg_address *to, const seg_address *from)
{
	to->endpoints = calloc(from->endpoint_count, sizeof(*to->endpoints));
	for (uint32_t i = 0; i < from->endpoint_count && to->endpoints; i++) {
		const seg_endpoint *endpoint = &from->endpoints[i];
		to->endpoint_count++;
		to->endpoints[i].port = endpoint->port;
		to->endpoints[i].hidden = endpoint->hidden;
		if (!copy_text(&to->endpoints[i].host, endpoint->host) ||
		    !copy_text(&to->endpoints[i].path, endpoint->path))
			return false;
	}
	return to->endpoints;
}

int seg_address_copy(seg_address *to, const seg_address *from)
{
	*to = (seg_address){.tls = from->tls, .database = from->database};
	if (seg_tls_settings_copy(&to->tls_settings, &from->tls_settings) && copy_endpoints(to, from) &&
	    copy_text(&to->user, from->user) && copy_text(&to->password, from->password) &&
	    copy_text(&to->password_file, from->password_file) && copy_text(&to->master, from->master) &&
	    copy_text(&to->text, from->text))
		return 0;
	seg_address_fini(to);
	return SEG_ENOMEM;
}

void seg_address_fini(seg_address *address)
{
	forget_password(address);
	for (uint32_t i = 0; i < address->endpoint_count; i++) {
		free(address->endpoints[i].host);
		free(address->endpoints[i].path);
	}
	free(address->endpoints);
	free(address->user);
	free(address->master);
	free(address->text);
	seg_tls_settings_fini(&address->tls_settings);
	*address = (seg_address){0};
}

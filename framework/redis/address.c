#include "redis/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void seg_endpoint_print(const seg_endpoint *endpoint, char *text, size_t size)
{
	if (endpoint->path)
		snprintf(text, size, "%s", endpoint->path);
	else
		snprintf(text, size, strchr(endpoint->host, ':') ? "[%s]:%u" : "%s:%u", endpoint->host,
			 endpoint->port);
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
		if (!copy_text(&to->endpoints[i].host, endpoint->host) ||
		    !copy_text(&to->endpoints[i].path, endpoint->path))
			return false;
	}
	return to->endpoints;
}

int seg_address_copy(seg_address *to, const seg_address *from)
{
	*to = (seg_address){.tls = from->tls, .database = from->database};
	if (copy_endpoints(to, from) && copy_text(&to->user, from->user) &&
	    copy_text(&to->password, from->password) && copy_text(&to->password_file, from->password_file) &&
	    copy_text(&to->master, from->master) && copy_text(&to->text, from->text))
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
	*address = (seg_address){0};
}

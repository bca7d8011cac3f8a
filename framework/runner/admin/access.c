#include "admin/access.h"

#include <openssl/crypto.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"

enum { BASIC_MAX = 8192 }; /* characters */

static bool is_token(const char *text, size_t length, const char *token)
{
	return length == strlen(token) && CRYPTO_memcmp(text, token, length) == 0;
}

static bool basic_has_token(const char *text, const char *token)
{
	char bytes[BASIC_MAX];
	size_t length = strlen(text);
	if (length > BASIC_MAX)
		return false;
	size_t count = seg_base64_decode(text, length, bytes);
	const char *colon = count == (size_t)-1 ? NULL : memchr(bytes, ':', count);
	if (!colon)
		return false;
	return is_token(colon + 1, count - (size_t)(colon + 1 - bytes), token);
}

bool seg_access_has_token(const char *authorization, const char *token)
{
	if (!authorization)
		return false;
	if (strncasecmp(authorization, "Bearer ", 7) == 0)
		return is_token(authorization + 7, strlen(authorization + 7), token);
	if (strncasecmp(authorization, "Basic ", 6) == 0)
		return basic_has_token(authorization + 6, token);
	return false;
}

bool seg_access_host_is_plain(const char *host)
{
	if (!host || host[0] == '[')
		return true;
	size_t length = strcspn(host, ":");
	if (length == strlen("localhost") && strncasecmp(host, "localhost", length) == 0)
		return true;
	return strspn(host, "0123456789.") == length;
}

#include "base/redact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char hidden[] = "***";

/* What a name ends with whose value is a secret; in the query of a URL, the shorter ones, too. */
static const char *const endings[] = {"password",   "passwd",      "passphrase",  "pwd",        "secret",
				      "token",      "credential",  "credentials", "api_key",    "apikey",
				      "api-key",    "private_key", "access_key",  "secret_key", "signature",
				      "accountkey", NULL};
static const char *const query_endings[] = {"key", "sig", "auth", "pass", NULL};
static const char *const headers[] = {"authorization", "cookie", NULL};

static bool is_name_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool ends_with(const char *name, size_t length, const char *const *list)
{
	for (; *list; list++) {
		size_t n = strlen(*list);
		if (n <= length && strncasecmp(name + length - n, *list, n) == 0)
			return true;
	}
	return false;
}

/* Puts *** in the place of text[from, to). Returns the index after it. */
static size_t hide(char *text, size_t size, size_t from, size_t to)
{
	size_t word = sizeof(hidden) - 1, tail = strlen(text + to);
	if (from + word + 1 > size)
		word = size - from - 1;
	if (from + word + tail + 1 > size)
		tail = size - from - word - 1;
	memmove(text + from + word, text + to, tail);
	memcpy(text + from, hidden, word);
	text[from + word + tail] = '\0';
	return from + word;
}

/* --- the login of a URL --------------------------------------------------------------- */

/*
 * The length of "user:password" at `authority`, which follows "://"; 0 if there is none. A password may hold a raw / or ?,
 * though it should be escaped: then what seems to be a port is no number.
 */
static size_t find_login(const char *authority)
{
	size_t whole = strcspn(authority, " \t\r\n\"<>"), length = 0, part = 0;
	size_t host = strcspn(authority, "/?# \t\r\n\"<>");
	for (size_t i = 0; i < host; i++)
		if (authority[i] == '@')
			length = i;
	if (length || host == whole || authority[0] == '[')
		return length;
	const char *colon = memrchr(authority, ':', host);
	if (!colon)
		return 0;
	part = (size_t)(colon - authority) + 1;
	if (part < host && strspn(authority + part, "0123456789") >= host - part)
		return 0;
	for (size_t i = host; i < whole; i++)
		if (authority[i] == '@')
			length = i;
	return length;
}

/* As advice has it: "write redis://user:password@host", or ":password@". */
static bool is_placeholder(const char *login, size_t length)
{
	static const char words[] = "user:password";
	size_t user = length > 0 && login[0] == ':' ? sizeof("user") - 1 : 0;
	return length == sizeof(words) - 1 - user && strncasecmp(login, words + user, length) == 0;
}

/* --- named values ------------------------------------------------------------------------ */

/* The length of a value that begins with a quote, the quotes included; \ escapes. */
static size_t quoted_length(const char *value)
{
	size_t i = 1;
	while (value[i] && value[i] != value[0])
		i += value[i] == '\\' && value[i + 1] ? 2 : 1;
	return value[i] ? i + 1 : i;
}

static size_t value_length(const char *value, bool query)
{
	if (*value == '\'' || (*value == '"' && !query))
		return quoted_length(value);
	if (query)
		return strcspn(value, "&# \t\r\n\"'");
	size_t i = 0;
	while (value[i] && !strchr(" \t\r\n\"", value[i]))
		i += value[i] == '\\' && value[i + 1] ? 2 : 1;
	return i;
}

/* A header's value goes to the end of the line, or of the header in a list of several. */
static size_t header_length(const char *value)
{
	size_t length = strcspn(value, "|\"\r\n");
	while (length > 0 && value[length - 1] == ' ')
		length--;
	return length;
}

/* The place of a secret's value in the text. */
typedef struct place {
	size_t from, length;
} place;

/* The value that belongs to the name text[start, end), if the name is that of a secret. */
static place find_value(const char *text, size_t start, size_t end)
{
	const char *name = text + start;
	size_t length = end - start, i = end;
	bool query = start > 0 && (text[start - 1] == '?' || text[start - 1] == '&');
	bool header = ends_with(name, length, headers);
	bool named = ends_with(name, length, endings) || (query && ends_with(name, length, query_endings));
	place none = {0, 0};
	if (!named && !header)
		return none;
	bool json = text[i] == '"';
	i += json;
	i += strspn(text + i, " \t");
	/* In prose, a colon follows many a word. */
	bool colon = text[i] == ':' && (json || header || memchr(name, '-', length));
	if (text[i] != '=' && !colon)
		return none;
	i++;
	i += query ? 0 : strspn(text + i, " \t");
	bool to_end = colon && !json;
	size_t n = to_end ? header_length(text + i) : value_length(text + i, query);
	return (place){i, n};
}

/* What follows the word Bearer, wherever it stands. */
static place find_bearer(const char *text, size_t start, size_t end)
{
	static const char alphabet[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";
	size_t blanks = strspn(text + end, " "), length = strspn(text + end + blanks, alphabet);
	if (end - start != 6 || strncasecmp(text + start, "bearer", 6) != 0 || !blanks || length < 8)
		return (place){0, 0};
	return (place){end + blanks, length};
}

void seg_redact(char *text, size_t size)
{
	for (size_t i = 0; text[i];) {
		if (strncmp(text + i, "://", 3) == 0) {
			size_t login = find_login(text + i + 3);
			i += 3;
			if (login && !is_placeholder(text + i, login))
				i = hide(text, size, i, i + login);
			continue;
		}
		if (!is_name_character(text[i])) {
			i++;
			continue;
		}
		size_t end = i;
		while (is_name_character(text[end]))
			end++;
		place secret = find_value(text, i, end);
		if (!secret.length)
			secret = find_bearer(text, i, end);
		i = secret.length ? hide(text, size, secret.from, secret.from + secret.length) : end;
	}
}

char *seg_redact_copy(const char *text)
{
	/* Each secret has at least one byte, and a byte before it. */
	size_t length = strlen(text), size = 2 * length + sizeof(hidden);
	char *copy = malloc(size);
	if (copy) {
		memcpy(copy, text, length + 1);
		seg_redact(copy, size);
	}
	return copy;
}

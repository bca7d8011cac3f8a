#include "post.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/list.h"

/* --- headers ------------------------------------------------------------------------------------ */

/* Adds a header. If out of memory, frees the list and returns NULL. */
static struct curl_slist *add(struct curl_slist *list, const char *name, size_t length, const char *value)
{
	char *header = NULL;
	struct curl_slist *longer = NULL;
	if (list &&
	    asprintf(&header, "%.*s%s%s", (int)length, name, value ? ": " : "", value ? value : "") > 0)
		longer = curl_slist_append(list, header);
	free(header);
	if (!longer)
		curl_slist_free_all(list);
	return longer;
}

/* Moves *headers to the next header of "Name: value | Name: value". Returns its length without blanks; 0 at the end. */
static size_t next_header(const char **headers)
{
	*headers += strspn(*headers, " |");
	size_t length = strcspn(*headers, "|");
	while (length > 0 && (*headers)[length - 1] == ' ')
		length--;
	return length;
}

int post_check_headers(const char *headers)
{
	for (const char *rest = list_is_empty(headers) ? NULL : headers; rest;) {
		size_t length;
		const char *header = list_next(&rest, '|', &length), *colon = memchr(header, ':', length);
		if (!colon || colon == header)
			return -1;
	}
	return 0;
}

static struct curl_slist *make_headers(const post_settings *settings, const char *key)
{
	/* An empty Expect avoids curl's wait for "100 Continue" before large bodies. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	const char *header = settings->headers ? settings->headers : "";
	list = add(list, "Content-Type", strlen("Content-Type"), settings->content_type);
	for (size_t length; (length = next_header(&header)) > 0; header += length)
		list = add(list, header, length, NULL);
	if (settings->token) {
		char *bearer = NULL;
		if (asprintf(&bearer, "Bearer %s", settings->token) > 0)
			list = add(list, "Authorization", strlen("Authorization"), bearer);
		free(bearer);
	}
	if (*settings->key_header)
		list = add(list, settings->key_header, strlen(settings->key_header), key);
	return list;
}

/* --- a request ------------------------------------------------------------------------------------- */

/* Keeps the beginning of the body as one line. Reads the whole body, so that the connection can be used again. */
static size_t take_body(char *bytes, size_t size, size_t count, void *reply_)
{
	post_reply *reply = reply_;
	size_t length = strlen(reply->text);
	for (size_t i = 0; i < size * count && length < POST_TEXT_MAX; i++)
		reply->text[length++] = (unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f ? ' ' : bytes[i];
	reply->text[length] = '\0';
	return size * count;
}

CURL *post_open(const post_settings *settings)
{
	CURL *curl = curl_easy_init();
	if (!curl)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_URL, settings->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "segrunner/" SEG_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(settings->connect_timeout / 1000000));
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(settings->timeout / 1000000));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	if (settings->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file);
	return curl;
}

void post_send(CURL *curl, const post_settings *settings, const char *body, size_t length, const char *key,
	       post_reply *reply)
{
	char error[CURL_ERROR_SIZE] = "";
	curl_off_t retry_after = 0;
	*reply = (post_reply){0};
	struct curl_slist *headers = make_headers(settings, key);
	if (!headers) {
		snprintf(reply->text, sizeof(reply->text), "out of memory");
		return;
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (code != CURLE_OK) {
		snprintf(reply->text, sizeof(reply->text), "%s", *error ? error : curl_easy_strerror(code));
		return;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
	reply->retry_after = retry_after;
}

void post_close(CURL *curl)
{
	curl_easy_cleanup(curl);
}

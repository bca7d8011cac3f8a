/*
 * http - posts messages to a web service.
 *
 *     [consumer orders]
 *     plugin = http
 *     max_attempts = 0
 *     option.url = https://shop.example/orders
 *     option.token_variable = SHOP_TOKEN
 *
 * Options
 *
 *     url              required    http:// or https://
 *     body             batch       batch: requests with a JSON array of messages. message: a request for each
 *                                  message, a JSON object (see ../common/message_json.h). data: a request for
 *                                  each message, with its raw data
 *     content_type                 default: application/json, or application/octet-stream with body = data
 *     headers                      further headers: Name: value | Name: value
 *     token_variable               the environment variable with a bearer token, sent as Authorization
 *     idempotency_header    Idempotency-Key    the header that names the messages: STREAM/PARTITION/ID, or
 *                                  STREAM/PARTITION/FIRST/LAST for several messages. Empty: none
 *     retry_statuses   408, 425, 429, 5xx      statuses after which the request is tried again
 *     retry_after_max  30s         the longest wait for a Retry-After of the service
 *     connect_timeout  5s          how long connecting may take
 *     timeout          30s         how long a whole request may take
 *     ca_file                      certificates to trust instead of the system's
 *
 * What the service's answer means. 2xx: done, whatever its body says: a service that takes only a part of a batch must say so by
 * its status. A status of retry_statuses, a redirection, or no answer: the messages are sent again after a pause, at least as
 * long as Retry-After says. Any other 4xx: the message becomes a dead letter, with the beginning of the answer as its reason; a
 * refused batch is sent again in halves until the refused message is found. After a failure the first message is sent alone, then batches that grow. Attempts also count while the service is down:
 * with max_attempts = 0 the partition waits until the service is back.
 *
 * Each partition keeps one connection open. Proxies are taken from the environment (https_proxy, no_proxy).
 *
 * Delivery: at least once, in order. With body = message or data, a repeated request has the same idempotency key. With
 * body = batch, a repeated batch may be split differently, so the receiver must check the id of each message.
 */
#include <inttypes.h>
#include <time.h>

#include "../common/message_json.h"
#include "post.h"
#include "status.h"

typedef enum http_body { BODY_BATCH, BODY_MESSAGE, BODY_DATA, BODY_NONE } http_body;

typedef struct http_plugin {
	const seg_host *host;
	post_settings post;
	http_body body;
	status_set retry;
	int64_t retry_after_max; /* ns */
	seg_counter *messages;
	seg_counter *requests;
	seg_counter *failures;
} http_plugin;

typedef struct http_partition {
	CURL *curl;
	buffer body;
	int64_t not_before; /* ns, monotonic: the service asked for no request before */
	char reason[1024];
} http_partition;

/* --- Retry-After --------------------------------------------------------------------------------- */

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void note_retry_after(const http_plugin *plugin, http_partition *partition, const post_reply *reply)
{
	int64_t most = plugin->retry_after_max, pause = most;
	if (reply->retry_after < most / 1000000000)
		pause = reply->retry_after * 1000000000;
	partition->not_before = now() + pause;
}

/* Waits here, because another "retry" would count as an attempt. */
static void wait_until(int64_t time)
{
	struct timespec t = {.tv_sec = time / 1000000000, .tv_nsec = time % 1000000000};
	while (now() < time)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* --- requests -------------------------------------------------------------------------------------- */

static void make_body(const http_plugin *plugin, buffer *b, const seg_batch *batch, size_t from, size_t count)
{
	buffer_reset(b);
	if (plugin->body == BODY_DATA) {
		buffer_add(b, batch->messages[from].data, batch->messages[from].data_length);
		return;
	}
	for (size_t i = from; i < from + count; i++) {
		if (plugin->body == BODY_BATCH)
			buffer_text(b, i == from ? "[" : ",");
		message_json(b, plugin->host, batch, i, i == 0 ? batch->attempt : 1, true);
	}
	if (plugin->body == BODY_BATCH)
		buffer_text(b, "]");
}

/* Writes STREAM/PARTITION/ID, or STREAM/PARTITION/FIRST/LAST. */
static void make_key(const http_plugin *plugin, char key[256], const seg_batch *batch, size_t from,
		     size_t count)
{
	seg_id first = batch->messages[from].id, last = batch->messages[from + count - 1].id;
	int n = snprintf(key, 256, "%s/%" PRIu32 "/%" PRIu64 "-%" PRIu64, plugin->host->stream,
			 batch->partition, first.ms, first.seq);
	if (count > 1)
		snprintf(key + n, 256 - (size_t)n, "/%" PRIu64 "-%" PRIu64, last.ms, last.seq);
}

/* Sends the `count` messages from index `from` on in one request. */
static void request(http_plugin *plugin, http_partition *partition, const seg_batch *batch, size_t from,
		    size_t count, post_reply *reply)
{
	char key[256];
	make_key(plugin, key, batch, from, count);
	make_body(plugin, &partition->body, batch, from, count);
	if (partition->body.failed) {
		*reply = (post_reply){.text = "out of memory"};
		return;
	}
	const char *bytes = partition->body.length ? partition->body.bytes : "";
	post_send(partition->curl, &plugin->post, bytes, partition->body.length, key, reply);
	seg_counter_add(plugin->requests, 1);
}

static const char *explain(http_partition *partition, const post_reply *reply)
{
	const char *advice = reply->status >= 300 && reply->status < 400
				     ? "; redirections are not followed: set option.url to the final address"
				     : "";
	if (reply->status == 0)
		snprintf(partition->reason, sizeof(partition->reason), "no answer: %s", reply->text);
	else
		snprintf(partition->reason, sizeof(partition->reason), "answered %ld%s%s%s", reply->status,
			 advice, *reply->text ? ": " : "", reply->text);
	return partition->reason;
}

static bool is_refusal(const http_plugin *plugin, long status)
{
	return status >= 400 && status < 500 && !status_set_has(&plugin->retry, status);
}

/* --- callbacks --------------------------------------------------------------------------------------- */

static seg_answer http_handle(void *plugin_, void *state, const seg_batch *batch)
{
	http_plugin *plugin = plugin_;
	http_partition *partition = state;
	size_t done = 0, most = plugin->body == BODY_BATCH ? batch->count : 1;
	/* After a failure the first message is sent alone, so that it is not blamed for another. */
	size_t size = batch->attempt > 1 ? 1 : most;
	wait_until(partition->not_before);
	while (done < batch->count) {
		post_reply reply;
		if (size > batch->count - done)
			size = batch->count - done;
		request(plugin, partition, batch, done, size, &reply);
		if (reply.status >= 200 && reply.status < 300) {
			seg_counter_add(plugin->messages, size);
			done += size;
			size = size * 2 < most ? size * 2 : most;
			continue;
		}
		seg_counter_add(plugin->failures, 1);
		if (!is_refusal(plugin, reply.status)) {
			note_retry_after(plugin, partition, &reply);
			return seg_retry(done, explain(partition, &reply));
		}
		/* A message of several is refused: sends the first half alone, until the message is found. */
		if (size == 1)
			return seg_dead_letter(done, explain(partition, &reply));
		size /= 2;
	}
	return seg_done();
}

static void http_partition_close(void *plugin, void *state, seg_close_reason reason)
{
	http_partition *partition = state;
	(void)plugin, (void)reason;
	post_close(partition->curl);
	buffer_fini(&partition->body);
	free(partition);
}

static int http_partition_open(void *plugin_, uint32_t number, uint64_t epoch, void **state, char *error,
			       size_t error_size)
{
	http_plugin *plugin = plugin_;
	http_partition *partition = calloc(1, sizeof(*partition));
	(void)number, (void)epoch;
	if (partition)
		partition->curl = post_open(&plugin->post);
	if (partition && partition->curl) {
		*state = partition;
		return 0;
	}
	free(partition);
	snprintf(error, error_size, "out of memory");
	return -1;
}

/* --- options ------------------------------------------------------------------------------------ */

static http_body parse_body(const char *name)
{
	static const char *const names[] = {"batch", "message", "data"};
	for (int i = BODY_BATCH; i < BODY_NONE; i++)
		if (strcmp(name, names[i]) == 0)
			return (http_body)i;
	return BODY_NONE;
}

static int read_options(http_plugin *plugin, const seg_host *host, char *error, size_t error_size)
{
	const char *content_type = host->option(host, "content_type");
	const char *variable = host->option(host, "token_variable");
	plugin->host = host;
	plugin->body = parse_body(host->option(host, "body"));
	plugin->retry_after_max = host->option_duration(host, "retry_after_max");
	plugin->post = (post_settings){
		.url = host->option(host, "url"),
		.headers = host->option(host, "headers"),
		.token = variable ? getenv(variable) : NULL,
		.key_header = host->option(host, "idempotency_header"),
		.ca_file = host->option(host, "ca_file"),
		.connect_timeout = host->option_duration(host, "connect_timeout"),
		.timeout = host->option_duration(host, "timeout"),
	};
	plugin->post.content_type = content_type                ? content_type
				    : plugin->body == BODY_DATA ? "application/octet-stream"
								: "application/json";
	const char *wrong = NULL;
	if (strncmp(plugin->post.url, "http://", 7) != 0 && strncmp(plugin->post.url, "https://", 8) != 0)
		wrong = "option.url must start with http:// or https://";
	else if (plugin->body == BODY_NONE)
		wrong = "option.body must be batch, message or data";
	else if (plugin->post.headers && post_check_headers(plugin->post.headers) != 0)
		wrong = "option.headers must be \"Name: value | Name: value\"";
	else if (status_set_parse(&plugin->retry, host->option(host, "retry_statuses")) != 0)
		wrong = "option.retry_statuses must be a list such as 408, 429, 5xx";
	else if (plugin->post.connect_timeout < 1000000 || plugin->post.timeout < 1000000)
		wrong = "option.connect_timeout and option.timeout must be at least 1ms";
	else if (variable && (!plugin->post.token || !*plugin->post.token))
		wrong = "option.token_variable names an environment variable that is not set; put the token into it";
	if (wrong)
		snprintf(error, error_size, "%s", wrong);
	return wrong ? -1 : 0;
}

static int http_check(const seg_host *host, char *error, size_t error_size)
{
	http_plugin trial = {0};
	return read_options(&trial, host, error, error_size);
}

static int http_init(const seg_host *host, void **out, char *error, size_t error_size)
{
	http_plugin *plugin = calloc(1, sizeof(*plugin));
	if (!plugin || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		free(plugin);
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	if (read_options(plugin, host, error, error_size) != 0) {
		curl_global_cleanup();
		free(plugin);
		return -1;
	}
	plugin->messages = host->counter(host, "messages_total", "Messages that the service accepted.");
	plugin->requests = host->counter(host, "requests_total", "Requests sent.");
	plugin->failures = host->counter(host, "request_failures_total",
					 "Requests without an answer, or with a status other than 2xx.");
	*out = plugin;
	return 0;
}

static void http_fini(void *plugin)
{
	curl_global_cleanup();
	free(plugin);
}

static const seg_option options[] = {
	{"url", SEG_OPTION_TEXT, 1, NULL, "Address that messages are posted to: http:// or https://."},
	{"body", SEG_OPTION_TEXT, 0, "batch",
	 "batch: a JSON array of messages. message: a JSON object for each message. data: each message's raw data."},
	{"content_type", SEG_OPTION_TEXT, 0, NULL,
	 "Content-Type; default: application/json, or application/octet-stream with body = data."},
	{"headers", SEG_OPTION_TEXT | SEG_OPTION_SECRET, 0, NULL,
	 "Further headers: Name: value | Name: value."},
	{"token_variable", SEG_OPTION_TEXT, 0, NULL, "Environment variable that holds a bearer token."},
	{"idempotency_header", SEG_OPTION_TEXT, 0, "Idempotency-Key",
	 "Header that names the messages of a request; empty: none."},
	{"retry_statuses", SEG_OPTION_TEXT, 0, "408, 425, 429, 5xx",
	 "Statuses after which a request is tried again; after any other 4xx the message becomes a dead letter."},
	{"retry_after_max", SEG_OPTION_DURATION, 0, "30s", "Longest wait for a Retry-After of the service."},
	{"connect_timeout", SEG_OPTION_DURATION, 0, "5s", "How long connecting may take."},
	{"timeout", SEG_OPTION_DURATION, 0, "30s", "How long a whole request may take."},
	{"ca_file", SEG_OPTION_PATH, 0, NULL, "Certificates to trust instead of the system's."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "http",
	.version = "1.0.0",
	.help = "Posts messages to a web service, one by one or in batches.",
	.options = options,
	.init = http_init,
	.check = http_check,
	.partition_open = http_partition_open,
	.handle = http_handle,
	.partition_close = http_partition_close,
	.fini = http_fini,
	.flags = SEG_HANDLER_PARALLEL | SEG_HANDLER_LATE,
};

SEG_HANDLER_EXPORT(handler);

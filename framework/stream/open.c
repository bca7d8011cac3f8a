/* open.c - opening and closing a client: options, the connection, and whether the server can be relied on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/random.h"
#include "base/range.h"
#include "redis/server_check.h"
#include "redis/tls_files.h"
#include "stream/client.h"
#include "stream/compression.h"
#include "stream/exchange.h"

enum {
	DEFAULT_CONNECT_TIMEOUT_MS = 5000,
	CONNECT_TIMEOUT_MAX_MS = 600 * 1000,
	DEFAULT_TIMEOUT_MS = 10000,
	TIMEOUT_MAX_MS = 3600 * 1000,
	ACK_REPLICAS_MAX = 16,
};

#define DEFAULT_MESSAGE_BYTES ((uint64_t)16 << 20)
#define MESSAGE_BYTES_MAX ((uint64_t)512 << 20)

void seg_client_options_init(seg_client_options *options)
{
	*options = (seg_client_options){
		.address = "redis://127.0.0.1:6379",
		.name_space = "default",
		.connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS,
		.timeout_ms = DEFAULT_TIMEOUT_MS,
		.max_message_bytes = DEFAULT_MESSAGE_BYTES,
		.tls_verify = 1,
	};
}

static int check_options(const seg_client_options *options, seg_error *error)
{
	int status = seg_name_check("namespace", options->name_space, error);
	if (status == 0)
		status = seg_range_check("connect_timeout_ms", options->connect_timeout_ms, 1,
					 CONNECT_TIMEOUT_MAX_MS, error);
	if (status == 0)
		status = seg_range_check("timeout_ms", options->timeout_ms, 1, TIMEOUT_MAX_MS, error);
	if (status == 0)
		status = seg_range_check("max_message_bytes", options->max_message_bytes, 1,
					 MESSAGE_BYTES_MAX, error);
	if (status == 0)
		status = seg_range_check("allow_eviction", options->allow_eviction, 0, 1, error);
	if (status == 0)
		status = seg_range_check("ack_replicas", options->ack_replicas, 0, ACK_REPLICAS_MAX, error);
	if (status == 0)
		status = seg_range_check("packing_level", options->packing_level, 0, SEG_LEVEL_MAX, error);
	if (status == 0)
		status = seg_range_check("tls_verify", options->tls_verify, 0, 1, error);
	return status;
}

/* --- whether the server can be relied on ------------------------------------- */

typedef struct {
	seg_exchange exchange;
	seg_client *client;
	seg_server_facts facts;
	bool info_denied;
} server_question;

static void tell_denial(const server_question *question, seg_nicety nicety, const seg_reply *reply)
{
	seg_client *client = question->client;
	seg_denials_tell(&client->denials, nicety, reply, &client->address, client->address.text,
			 &client->logger);
}

static void got_info(void *arg, const seg_reply *reply)
{
	server_question *question = arg;
	if (seg_reply_is_denial(reply)) {
		seg_exchange_counted(&question->exchange);
		question->info_denied = true;
		tell_denial(question, SEG_NICETY_INFO, reply);
	} else if (seg_exchange_answer(&question->exchange, reply) && reply &&
		   reply->type == SEG_REPLY_TEXT) {
		/* A reply of another type names no version, and is refused for that. */
		seg_server_facts_read(&question->facts, reply->text, reply->length);
	}
}

/* CONFIG only leads to warnings. */
static void got_config(void *arg, const seg_reply *reply)
{
	server_question *question = arg;
	seg_exchange_counted(&question->exchange);
	if (seg_reply_is_denial(reply))
		tell_denial(question, SEG_NICETY_CONFIG_GET, reply);
	if (reply && reply->type == SEG_REPLY_ARRAY)
		seg_server_facts_read_config(&question->facts, reply);
}

static bool issue_questions(seg_exchange *exchange, seg_route *route)
{
	server_question *question = (server_question *)exchange;
	if (!seg_route_words(route, got_info, question, "INFO", (char *)NULL))
		return false;
	exchange->waiting++;
	if (!seg_route_words(route, got_config, question, "CONFIG", "GET", "save", (char *)NULL))
		return false;
	exchange->waiting++;
	if (!seg_route_words(route, got_config, question, "CONFIG", "GET", "appendfsync", (char *)NULL))
		return false;
	exchange->waiting++;
	return true;
}

static void got_hello(void *arg, const seg_reply *reply)
{
	server_question *question = arg;
	if (seg_reply_is_denial(reply))
		seg_exchange_counted(&question->exchange);
	else if (seg_exchange_answer(&question->exchange, reply))
		seg_server_facts_read_hello(&question->facts, reply);
}

static bool issue_hello(seg_exchange *exchange, seg_route *route)
{
	bool issued = seg_route_words(route, got_hello, exchange, "HELLO", "2", (char *)NULL);
	exchange->waiting += issued;
	return issued;
}

/* Where even HELLO is denied, nothing is known, and the server is taken as it is. */
static int check_by_hello(server_question *question, bool allow_eviction, seg_error *error)
{
	seg_client *client = question->client;
	seg_error reason;
	question->exchange.issue = issue_hello;
	int status = seg_exchange_run(&question->exchange, client, &reason);
	if (status)
		return seg_fail(error, status, "%s", reason.text);
	if (!question->facts.version[0])
		return 0;
	return seg_server_check(&question->facts, allow_eviction, client->address.text, NULL, error);
}

static int check_server(seg_client *client, bool allow_eviction, seg_error *error)
{
	server_question question = {.exchange.issue = issue_questions, .client = client};
	seg_error reason;
	int status = seg_exchange_run(&question.exchange, client, &reason);
	if (status)
		return seg_fail(error, status, "%s", reason.text);
	if (question.info_denied)
		return check_by_hello(&question, allow_eviction, error);
	/* In a cluster, this node may just have lost its slots; commands go where the slots are. */
	if (seg_route_is_cluster(client->route))
		question.facts.role[0] = '\0';
	return seg_server_check(&question.facts, allow_eviction, client->address.text, &client->logger,
				error);
}

/* --- opening and closing ------------------------------------------------------ */

static seg_route *make_route(seg_client *client)
{
	seg_connection_options options = seg_client_connection_options(client);
	/* Half the timeout, so that a silent link leaves time for a second try. */
	options.answer_timeout = client->timeout / 2 > SEG_SECOND ? client->timeout / 2 : SEG_SECOND;
	options.client_name = "segmenter-client";
	return seg_route_create(&options, NULL);
}

static void init_lock(seg_client *client)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&client->idle, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&client->lock, NULL);
}

/* The given options, with defaults for NULL. */
static seg_client_options options_of(const seg_client_options *given)
{
	seg_client_options defaults;
	seg_client_options_init(&defaults);
	seg_client_options options = given ? *given : defaults;
	if (!options.address)
		options.address = defaults.address;
	if (!options.name_space)
		options.name_space = defaults.name_space;
	return options;
}

static seg_client *create(const seg_client_options *options)
{
	seg_client *client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;
	init_lock(client);
	snprintf(client->name_space, sizeof(client->name_space), "%s", options->name_space);
	client->forks = seg_fork_count();
	client->connect_timeout = options->connect_timeout_ms * SEG_MS;
	client->timeout = options->timeout_ms * SEG_MS;
	client->max_message_bytes = options->max_message_bytes;
	client->ack_replicas = options->ack_replicas;
	client->packing_level = options->packing_level;
	client->logger = seg_logger_make(options->log, options->log_arg);
	seg_random_hex(client->producer_id, SEG_PRODUCER_ID_BYTES);
	return client;
}

/* A file that cannot be used is a mistake now; at a later connect, it may be about to be exchanged. */
static int set_tls(seg_address *address, const seg_client_options *options, seg_error *error)
{
	seg_tls_settings settings = {
		.ca_file = options->tls_ca_file,
		.ca_directory = options->tls_ca_directory,
		.cert_file = options->tls_cert_file,
		.key_file = options->tls_key_file,
		.server_name = options->tls_server_name,
		.verify = options->tls_verify != 0,
	};
	const char *option;
	seg_error why;
	int status = seg_address_set_tls(address, &settings, error);
	if (status || !address->tls)
		return status;
	status = seg_tls_files_check(&settings, &option, &why);
	return status ? seg_fail(error, status, "tls_%s: %s", option ? option : "files", why.text) : 0;
}

int seg_client_address(const seg_client_options *options, seg_address *address, seg_error *error)
{
	int status = seg_address_parse(options->address, address, error);
	if (status == 0 && (options->user || options->password || options->password_file))
		status = seg_address_set_login(address, options->user, options->password,
					       options->password_file, error);
	return status ? status : set_tls(address, options, error);
}

int seg_client_ask_sentinels(const seg_client_options *options, const seg_address *address,
			     const seg_logger *logger, seg_master **master, seg_sentinel **sentinel,
			     seg_error *error)
{
	int status = seg_master_create(master, error);
	if (status)
		return status;
	const seg_sentinel_options asking = {
		.address = address,
		.user = options->sentinel_user,
		.password_file = options->sentinel_password_file,
		.connect_timeout = options->connect_timeout_ms * SEG_MS,
		.master = *master,
		.logger = *logger,
	};
	return seg_sentinel_start(&asking, sentinel, error);
}

static void ignore_reply(void *arg, const seg_reply *reply)
{
	(void)arg;
	(void)reply;
}

/* A Redis that refuses WAIT could confirm nothing. */
static int check_wait(seg_client *client, seg_error *error)
{
	const char *const words[] = {"WAIT", "0", "1"};
	if (client->ack_replicas == 0)
		return 0;
	return seg_client_command(
		client, ignore_reply, NULL, 3, words, NULL,
		"ack_replicas needs the command WAIT (grant +wait, or set ack_replicas to 0)", error);
}

static int connect_client(seg_client *client, const seg_client_options *options, seg_error *error)
{
	int status = seg_client_address(options, &client->address, error);
	if (status == 0 && client->address.master)
		status = seg_client_ask_sentinels(options, &client->address, &client->logger, &client->master,
						  &client->sentinel, error);
	if (status)
		return status;
	client->route = make_route(client);
	if (!client->route)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a connection");
	status = check_server(client, options->allow_eviction != 0, error);
	return status ? status : check_wait(client, error);
}

int seg_client_open(const seg_client_options *given, seg_client **result, seg_error *error)
{
	if (!result)
		return seg_fail(error, SEG_EINVAL, "the pointer for the new client is NULL");
	*result = NULL;
	seg_client_options options = options_of(given);
	int status = check_options(&options, error);
	if (status)
		return status;
	seg_client *client = seg_fork_watch() ? NULL : create(&options);
	if (!client)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a client");
	status = connect_client(client, &options, error);
	if (status)
		seg_client_close(client);
	else
		*result = client;
	return status;
}

void seg_client_close(seg_client *client)
{
	if (!client || seg_fork_is_parents(client->forks))
		return;
	seg_route_destroy(client->route);
	seg_sentinel_stop(client->sentinel);
	if (atomic_load(&client->kept))
		return;
	seg_master_destroy(client->master);
	seg_address_fini(&client->address);
	pthread_cond_destroy(&client->idle);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

#include "doctor/link.h"

#include "base/clock.h"
#include "base/error.h"
#include "stream/client.h"

int seg_link_open(seg_link *link, const seg_client_options *options, const seg_endpoint *endpoint,
		  seg_error *error)
{
	*link = (seg_link){.timeout = options->timeout_ms * SEG_MS};
	const seg_logger silent = seg_logger_make(NULL, NULL);
	int status = seg_client_address(options, &link->address, error);
	if (status == 0 && link->address.master && !endpoint)
		status = seg_client_ask_sentinels(options, &link->address, &silent, &link->master,
						  &link->sentinel, error);
	if (status)
		return status;
	link->connection = seg_connection_create(&(seg_connection_options){
		.address = &link->address,
		.endpoint = endpoint,
		.master = link->master,
		.connect_timeout = options->connect_timeout_ms * SEG_MS,
		.answer_timeout = link->timeout,
		.login_only = true,
		.logger = silent,
	});
	if (!link->connection)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a connection");
	status = seg_connection_wait_ready(link->connection, seg_now() + link->timeout);
	if (status == 0)
		return 0;
	const seg_error *why = seg_connection_error(link->connection);
	if (why->status)
		return seg_fail(error, why->status, "%s", why->text);
	return seg_fail(error, SEG_EUNREACHABLE, "no answer from %s within %lld ms", link->address.text,
			(long long)(link->timeout / SEG_MS));
}

void seg_link_close(seg_link *link)
{
	seg_connection_destroy(link->connection);
	seg_sentinel_stop(link->sentinel);
	seg_master_destroy(link->master);
	seg_address_fini(&link->address);
	*link = (seg_link){0};
}

typedef struct {
	seg_reply_fn fn;
	void *arg;
	bool done, lost;
} question;

static void got_answer(void *arg, const seg_reply *reply)
{
	question *q = arg;
	q->done = true;
	q->lost = !reply;
	if (reply)
		q->fn(q->arg, reply);
}

static int fail_lost(const seg_link *link, const char *command, seg_error *error)
{
	const seg_error *why = seg_connection_error(link->connection);
	int status = why->status ? why->status : SEG_EUNREACHABLE;
	return seg_fail(error, status, "%s got no answer: %s", command,
			why->status ? why->text : "the time was up");
}

int seg_link_ask(seg_link *link, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		 seg_error *error)
{
	question q = {fn, arg, false, false};
	seg_connection *c = link->connection;
	int64_t deadline = seg_now() + link->timeout;
	if (seg_connection_wait_ready(c, deadline) ||
	    !seg_connection_command(c, got_answer, &q, argc, argv, NULL))
		return fail_lost(link, argv[0], error);
	if (seg_connection_wait(c, &q.done, deadline) && !q.done)
		seg_connection_break(c, SEG_EUNREACHABLE, "Redis at %s did not answer within %lld ms",
				     link->address.text, (long long)(link->timeout / SEG_MS));
	return q.lost ? fail_lost(link, argv[0], error) : 0;
}

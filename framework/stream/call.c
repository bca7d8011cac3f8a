/*
 * One script or one command on a client's connection: seg_client_script and seg_client_command of client.h,
 * as an exchange of one question.
 */
#include "base/error.h"
#include "stream/client.h"
#include "stream/exchange.h"
#include "stream/misfit.h"

typedef struct {
	seg_exchange exchange; /* first: the callback gets its address */
	bool is_script;
	seg_script script;
	int keys;
	int argc;
	const char *const *argv;
	const size_t *lengths;
	seg_reply_fn fn;
	void *arg;
} single_call;

static void got_single(void *arg, const seg_reply *reply)
{
	single_call *call = arg;
	if (seg_exchange_answer(&call->exchange, reply))
		call->fn(call->arg, reply);
}

static bool issue_single(seg_exchange *exchange, seg_route *route)
{
	single_call *call = (single_call *)exchange;
	bool issued = call->is_script ? seg_route_script(route, call->script, got_single, call, call->keys,
							 call->argc, call->argv, call->lengths)
				      : seg_route_command(route, got_single, call, call->argc, call->argv,
							  call->lengths);
	exchange->waiting += issued;
	return issued;
}

static int run_single(seg_client *client, single_call *call, const char *what, seg_error *error)
{
	seg_error reason;
	int status = seg_exchange_run(&call->exchange, client, &reason);
	if (status && !call->is_script) {
		seg_misfit_name_key(call->argc, call->argv, &reason);
		status = reason.status;
	}
	return status ? seg_fail(error, status, "%s: %s", what, reason.text) : 0;
}

int seg_client_script(seg_client *client, seg_script script, seg_reply_fn fn, void *arg, int keys, int argc,
		      const char *const *argv, const size_t *lengths, const char *what, seg_error *error)
{
	single_call call = {.exchange.issue = issue_single,
			    .is_script = true,
			    .script = script,
			    .keys = keys,
			    .argc = argc,
			    .argv = argv,
			    .lengths = lengths,
			    .fn = fn,
			    .arg = arg};
	return run_single(client, &call, what, error);
}

int seg_client_command(seg_client *client, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
		       const size_t *lengths, const char *what, seg_error *error)
{
	single_call call = {.exchange.issue = issue_single,
			    .argc = argc,
			    .argv = argv,
			    .lengths = lengths,
			    .fn = fn,
			    .arg = arg};
	return run_single(client, &call, what, error);
}

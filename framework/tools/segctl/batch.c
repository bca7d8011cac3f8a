#include "batch.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "memory.h"
#include "stream/misfit.h"

enum { WORDS_MAX = 64, AT_ONCE = 4096 };

typedef struct {
	ctl_batch *batch;
	ctl_answer_fn fn;
	void *arg;
	size_t number;
	seg_node node; /* 0: the one that has the key */
	int script;    /* a seg_script; -1: a command */
	int keys;
	int argc;
	char **argv;
	bool answered;
} command;

struct ctl_batch {
	seg_exchange exchange; /* first: issue casts it to the batch */
	bool absent_too;
	seg_node node; /* of the next commands */
	command **commands;
	size_t count, room;
	size_t first, end; /* the commands of this round */
	command *failed;   /* the newest that Redis answered with an error, or NULL */
	bool lacks_node;
};

ctl_batch *ctl_batch_create(bool absent_too)
{
	ctl_batch *batch = ctl_allocate(1, sizeof(*batch));
	batch->absent_too = absent_too;
	return batch;
}

static void clear(ctl_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		command *c = batch->commands[i];
		for (int w = 0; w < c->argc; w++)
			free(c->argv[w]);
		free(c->argv);
		free(c);
	}
	batch->count = 0;
}

void ctl_batch_destroy(ctl_batch *batch)
{
	clear(batch);
	free(batch->commands);
	free(batch);
}

static void add(ctl_batch *batch, const command *from, const char *const *argv)
{
	if (batch->count == batch->room) {
		batch->room = batch->room ? batch->room * 2 : 64;
		batch->commands = ctl_reallocate(batch->commands, batch->room, sizeof(command *));
	}
	command *c = ctl_allocate(1, sizeof(*c));
	*c = *from;
	c->batch = batch;
	c->node = batch->node;
	c->argv = ctl_allocate((size_t)c->argc, sizeof(*c->argv));
	for (int w = 0; w < c->argc; w++)
		c->argv[w] = ctl_copy(argv[w], strlen(argv[w]));
	batch->commands[batch->count++] = c;
}

void ctl_batch_command(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, int argc,
		       const char *const *argv)
{
	add(batch, &(command){.fn = fn, .arg = arg, .number = number, .script = -1, .argc = argc}, argv);
}

void ctl_batch_script(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, seg_script script,
		      int keys, int argc, const char *const *argv)
{
	command c =
		{.fn = fn, .arg = arg, .number = number, .script = (int)script, .keys = keys, .argc = argc};
	add(batch, &c, argv);
}

void ctl_batch_words(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, ...)
{
	const char *argv[WORDS_MAX];
	int argc = 0;
	va_list args;
	va_start(args, number);
	for (const char *word; argc < WORDS_MAX && (word = va_arg(args, const char *)); argc++)
		argv[argc] = word;
	va_end(args);
	ctl_batch_command(batch, fn, arg, number, argc, argv);
}

void ctl_batch_on_node(ctl_batch *batch, seg_node node)
{
	batch->node = node;
}

bool ctl_batch_lacks_node(const ctl_batch *batch)
{
	return batch->lacks_node;
}

/* The errors of XINFO and XGROUP for a key that does not exist. */
static bool says_absent(const seg_reply *reply)
{
	return strstr(reply->text, "no such key") || strstr(reply->text, "requires the key to exist");
}

static void got_answer(void *arg, const seg_reply *reply)
{
	command *c = arg;
	seg_exchange *exchange = &c->batch->exchange;
	bool for_them = c->batch->absent_too && reply && reply->type == SEG_REPLY_ERROR && says_absent(reply);
	if (for_them)
		seg_exchange_counted(exchange);
	else if (!seg_exchange_answer(exchange, reply)) {
		c->batch->failed = reply ? c : c->batch->failed;
		return;
	}
	c->answered = true;
	if (c->fn)
		c->fn(c->arg, c->number, reply);
}

static bool issue_one(command *c, seg_route *route)
{
	const char *const *argv = (const char *const *)c->argv;
	if (c->script >= 0)
		return seg_route_script(route, (seg_script)c->script, got_answer, c, c->keys, c->argc, argv,
					NULL);
	if (c->node == 0)
		return seg_route_command(route, got_answer, c, c->argc, argv, NULL);
	seg_connection *connection = seg_route_node_connection(route, c->node);
	return connection && seg_connection_command(connection, got_answer, c, c->argc, argv, NULL);
}

static bool issue(seg_exchange *exchange, seg_route *route)
{
	ctl_batch *batch = (ctl_batch *)exchange;
	for (size_t i = batch->first; i < batch->end; i++) {
		command *c = batch->commands[i];
		if (!c->answered && c->node > 0 && !seg_route_has_slots(route, c->node))
			c->answered = batch->lacks_node = true;
		if (c->answered)
			continue;
		if (!issue_one(c, route))
			return false;
		exchange->waiting++;
	}
	return true;
}

/* The error is that of the newest command that failed. */
static void name_key(const ctl_batch *batch, seg_error *error)
{
	const command *c = batch->failed;
	if (c && c->script < 0)
		seg_misfit_name_key(c->argc, (const char *const *)c->argv, error);
}

int ctl_batch_try(ctl_batch *batch, seg_client *client, seg_error *error)
{
	int status = 0;
	batch->exchange.issue = issue;
	batch->failed = NULL;
	batch->lacks_node = false;
	for (batch->first = 0; status == 0 && batch->first < batch->count; batch->first = batch->end) {
		batch->end = batch->count - batch->first > AT_ONCE ? batch->first + AT_ONCE : batch->count;
		status = seg_exchange_run(&batch->exchange, client, error);
	}
	if (status)
		name_key(batch, error);
	clear(batch);
	return status ? error->status : 0;
}

int ctl_batch_run(ctl_batch *batch, seg_client *client, const char *what)
{
	seg_error error;
	int status = ctl_batch_try(batch, client, &error);
	return status ? ctl_complain(ctl_exit_code(status), "cannot %s: %s", what, error.text) : 0;
}

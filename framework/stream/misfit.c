#include "stream/misfit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "stream/client.h"
#include "stream/exchange.h"

enum { PARTITIONS_AT_ONCE = 64 };

/* With the key's name, or "the key" where that is named already. */
#define MEND "find the program that writes to %.300s, then rename or delete the key"

/* With what cannot be used, the key's name after a blank or "", and what the key should hold. */
#define UNUSABLE "%s cannot be used, because its key%s%s holds no %s"

/*
 * A kind of key: what its name ends with, a command that reads little of it, and what it holds. An operator has the right to each of
 * these commands anyway; TYPE would be one more right to grant.
 */
typedef struct {
	const char *name, *command, *wanted;
} kind;

/* clang-format off */
static const kind of_stream[] = {
	{"info", "HLEN", "hash"},
	{"groups", "SISMEMBER", "set"},
	{"sources", "SISMEMBER", "set"},
};
static const kind of_group[] = {
	{"members", "HLEN", "hash"},
	{"leases", "ZRANGE", "sorted set"},
	{"partitions", "HLEN", "hash"},
	{"control", "XLEN", "stream"},
	{"outputs", "HLEN", "hash"},
};
static const kind of_partition[] = {
	{NULL, "XLEN", "stream"}, /* the log */
	{"counters", "HLEN", "hash"},
	{"from", "HLEN", "hash"},
};
static const kind of_both[] = {
	{"dead", "XLEN", "stream"},
	{"state", "HLEN", "hash"},
	{"values", "HLEN", "hash"},
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct reading;

typedef struct {
	struct reading *reading;
	const kind *kind;
	const char *group; /* or NULL */
	int64_t partition; /* or -1 */
	bool is_misfit;
} question;

typedef struct reading {
	seg_exchange exchange; /* first: issue gets its address */
	const seg_stream *stream;
	const char *const *groups;
	size_t group_count;
	question *questions; /* of the round */
	size_t count;
} reading;

/* --- errors ------------------------------------------------------------------------------------------ */

bool seg_misfit_is_reason(const seg_error *error)
{
	return error->status && strstr(error->text, "WRONGTYPE");
}

/* By the letter that the commands of a type begin with. */
static const char *wanted_by(const char *command)
{
	switch (command[0]) {
	case 'H':
		return "hash";
	case 'S':
		return "set";
	case 'X':
		return "stream";
	case 'Z':
		return "sorted set";
	default:
		return "value of the type that is expected";
	}
}

void seg_misfit_name_key(int argc, const char *const *argv, seg_error *error)
{
	/* XINFO STREAM key, XGROUP CREATE key */
	int at = argc > 2 && (strcmp(argv[0], "XINFO") == 0 || strcmp(argv[0], "XGROUP") == 0) ? 2 : 1;
	if (argc > at && seg_misfit_is_reason(error))
		seg_fail(error, SEG_EPROTOCOL, "the key %s holds no %s (WRONGTYPE); " MEND, argv[at],
			 wanted_by(argv[0]), "the key");
}

/* --- questions --------------------------------------------------------------------------------------- */

static void write_key(const question *q, char key[SEG_KEY_MAX])
{
	const seg_stream *stream = q->reading->stream;
	const char *name_space = stream->client->name_space, *name = q->kind->name;
	const char *first = q->group ? q->group : name, *second = q->group ? name : NULL;
	if (q->partition < 0)
		seg_key_of_stream(key, name_space, stream->name, first, second);
	else if (!name)
		seg_key_log(key, name_space, stream->name, (uint32_t)q->partition);
	else
		seg_key_beside_log(key, name_space, stream->name, (uint32_t)q->partition, first, second);
}

/* What this user may not read is no misfit, as far as anybody knows. */
static void got_little(void *arg, const seg_reply *reply)
{
	question *q = arg;
	bool refused = reply && reply->type == SEG_REPLY_ERROR && !seg_reply_is_transient(reply);
	q->is_misfit = refused && strncmp(reply->text, "WRONGTYPE", 9) == 0;
	if (refused)
		seg_exchange_counted(&q->reading->exchange);
	else
		(void)seg_exchange_answer(&q->reading->exchange, reply);
}

/* SISMEMBER key 1; ZRANGE key 1 0, which is empty. */
static int words_of(const char *command)
{
	return strcmp(command, "SISMEMBER") == 0 ? 3 : strcmp(command, "ZRANGE") == 0 ? 4 : 2;
}

static bool issue(seg_exchange *exchange, seg_route *route)
{
	reading *r = (reading *)exchange;
	for (size_t i = 0; i < r->count; i++) {
		question *q = &r->questions[i];
		char key[SEG_KEY_MAX];
		write_key(q, key);
		const char *argv[] = {q->kind->command, key, "1", "0"};
		if (!seg_route_command(route, got_little, q, words_of(q->kind->command), argv, NULL))
			return false;
		exchange->waiting++;
	}
	return true;
}

static void ask(reading *r, const kind *kinds, size_t count, const char *group, int64_t partition)
{
	for (size_t i = 0; i < count; i++)
		r->questions[r->count++] = (question){r, &kinds[i], group, partition, false};
}

/* A name that no group can have makes no key of the library. */
static void ask_of_groups(reading *r, const kind *kinds, size_t count, int64_t partition)
{
	for (size_t i = 0; i < r->group_count; i++)
		if (seg_name_check("group", r->groups[i], NULL) == 0)
			ask(r, kinds, count, r->groups[i], partition);
}

/* --- rounds ------------------------------------------------------------------------------------------ */

static int run(reading *r, seg_misfit_fn *fn, void *arg, seg_error *error)
{
	int status = seg_exchange_run(&r->exchange, r->stream->client, error);
	for (size_t i = 0; status == 0 && i < r->count; i++) {
		const question *q = &r->questions[i];
		seg_misfit misfit = {.wanted = q->kind->wanted,
				     .group = q->group,
				     .partition = q->partition,
				     .is_log = !q->kind->name};
		if (!q->is_misfit)
			continue;
		write_key(q, misfit.key);
		fn(arg, &misfit);
	}
	r->count = 0;
	return status;
}

static int run_all(reading *r, seg_misfit_fn *fn, void *arg, seg_error *error)
{
	ask(r, of_stream, COUNT(of_stream), NULL, -1);
	ask_of_groups(r, of_group, COUNT(of_group), -1);
	int status = run(r, fn, arg, error);
	for (uint32_t p = 0; status == 0 && p < r->stream->shape.partitions;) {
		for (int i = 0; i < PARTITIONS_AT_ONCE && p < r->stream->shape.partitions; i++, p++) {
			ask(r, of_partition, COUNT(of_partition), NULL, p);
			ask_of_groups(r, of_both, COUNT(of_both), p);
		}
		status = run(r, fn, arg, error);
	}
	return status;
}

int seg_misfits_find(const seg_stream *stream, const char *const *groups, size_t count, seg_misfit_fn *fn,
		     void *arg, seg_error *error)
{
	size_t once = COUNT(of_stream) + count * COUNT(of_group);
	size_t each = COUNT(of_partition) + count * COUNT(of_both);
	reading r = {.exchange.issue = issue, .stream = stream, .groups = groups, .group_count = count};
	r.questions = calloc(once + PARTITIONS_AT_ONCE * each, sizeof(*r.questions));
	if (!r.questions)
		return seg_fail(error, SEG_ENOMEM, "out of memory for a look at the stream's keys");
	int status = run_all(&r, fn, arg, error);
	free(r.questions);
	return status;
}

/* --- sentences --------------------------------------------------------------------------------------- */

char *seg_misfit_describe_as(const char *what, const char *wanted, char text[SEG_MISFIT_TEXT_MAX])
{
	snprintf(text, SEG_MISFIT_TEXT_MAX, UNUSABLE, what, "", "", wanted);
	return text;
}

char *seg_misfit_describe(const seg_misfit *misfit, char text[SEG_MISFIT_TEXT_MAX])
{
	char what[SEG_NAME_MAX + 48] = "it";
	if (misfit->partition >= 0)
		snprintf(what, sizeof(what), "partition %" PRId64 "%s%s", misfit->partition,
			 misfit->group ? " of group " : "", misfit->group ? misfit->group : "");
	else if (misfit->group)
		snprintf(what, sizeof(what), "group %s", misfit->group);
	return seg_misfit_describe_as(what, misfit->wanted, text);
}

char *seg_misfit_advise(const char *key, char text[SEG_MISFIT_TEXT_MAX])
{
	snprintf(text, SEG_MISFIT_TEXT_MAX, MEND, key);
	return text;
}

/* Keeps the first error. */
static void keep_first(void *arg, const seg_misfit *misfit)
{
	seg_error *first = arg;
	char what[32] = "the stream";
	if (first->status)
		return;
	if (misfit->partition >= 0)
		snprintf(what, sizeof(what), "partition %" PRId64, misfit->partition);
	else if (misfit->group)
		snprintf(what, sizeof(what), "the group");
	seg_fail(first, SEG_EPROTOCOL, UNUSABLE "; " MEND, what, " ", misfit->key, misfit->wanted, "the key");
}

void seg_misfit_explain(const seg_stream *stream, const char *group, seg_error *reason)
{
	seg_error first = {0}, unsaid;
	if (!seg_misfit_is_reason(reason))
		return;
	(void)seg_misfits_find(stream, &group, 1, keep_first, &first, &unsaid);
	if (first.status)
		*reason = first;
}

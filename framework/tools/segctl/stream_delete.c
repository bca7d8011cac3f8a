/* stream_delete.c - `segctl stream delete`. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ask.h"
#include "base/plural.h"
#include "command.h"
#include "directory.h"
#include "emitting.h"
#include "roster.h"
#include "stream/client.h"
#include "stream_facts.h"
#include "stream_keys.h"
#include "stream_spoilt.h"
#include "text.h"

static struct {
	bool yes, force;
} given;

static const ctl_option options[] = {
	{"yes", 'y', NULL, CTL_FLAG, &given.yes, 0, 0, NULL, "do not ask"},
	{"force", 0, NULL, CTL_FLAG, &given.force, 0, 0, NULL,
	 "delete even if a group has live members, or nobody can tell"},
	CTL_OPTIONS_END,
};

/* What a stream has left whose registration was deleted by hand, or is lost. It has no shape, and no groups to ask for. */
static int delete_rest(ctl_context *context, const char *name)
{
	ctl_keys keys = {0};
	char meant[SEG_NAME_MAX + 1];
	int exit_code = ctl_stream_keys_find(context, name, &keys);
	if (exit_code == EX_OK && keys.count == 0) {
		bool similar = ctl_directory_suggest(context, name, meant);
		exit_code = ctl_complain(
			EX_NOINPUT,
			"stream \"%s\" does not exist in namespace \"%s\", and has left nothing; %s%s%s`segctl "
			"stream list` lists the streams",
			name, context->client->name_space, similar ? "did you mean \"" : "",
			similar ? meant : "", similar ? "\"? " : "");
	}
	if (exit_code == EX_OK)
		exit_code = ctl_ask(
			given.yes,
			"Stream \"%s\" in namespace \"%s\" is not registered. Delete the %zu key%s that it has left",
			name, context->client->name_space, keys.count, seg_plural(keys.count));
	if (exit_code == EX_OK)
		exit_code = ctl_keys_unlink(context, &keys);
	ctl_keys_free(&keys);
	return exit_code;
}

enum { EMITTERS_NAMED = 3, EMITTERS_MAX = 1024 };

/*
 * "group g of in, group h of in (...)": the groups of other streams that emit to this one, or "". They are no groups of the
 * stream, and one that lives registers it anew. Returns text.
 */
static char *emitters_text(const char *name, const ctl_keys *sources, char text[EMITTERS_MAX])
{
	size_t length = 0, count = 0;
	*text = '\0';
	for (size_t i = 0; i < sources->count; i++) {
		const char *source = sources->list[i], *colon = strchr(source, ':');
		if (!colon || strcmp(colon + 1, name) == 0 || count++ >= EMITTERS_NAMED)
			continue;
		char *group = ctl_printable(source, (size_t)(colon - source));
		char *from = ctl_printable(colon + 1, strlen(colon + 1));
		length += (size_t)snprintf(text + length, EMITTERS_MAX - length, "%sgroup %.120s of %.120s",
					   length ? ", " : "", group, from);
		free(group);
		free(from);
	}
	if (count > EMITTERS_NAMED)
		length += (size_t)snprintf(text + length, EMITTERS_MAX - length, " and %zu more",
					   count - EMITTERS_NAMED);
	if (count > 0)
		snprintf(text + length, EMITTERS_MAX - length, " (a live one registers it anew)");
	return text;
}

static int ask(const ctl_context *context, const char *name, const ctl_stream_facts *facts,
	       const char *emitters)
{
	char count[CTL_TEXT_MAX];
	return ctl_ask(
		given.yes,
		"Delete stream \"%s\" in namespace \"%s\" with its %s message%s, %zu group%s and their "
		"dead letters%s%s",
		name, context->client->name_space, ctl_count_text(facts->messages, count),
		seg_plural(facts->messages), facts->groups.count, seg_plural(facts->groups.count),
		*emitters ? ", although it gets messages from " : "", emitters);
}

enum { WHY_MAX = 1024 };

/* What stands against it is kept in `why`: a stream that cannot be read is deleted in another way. */
static int read_facts(ctl_context *context, const seg_stream *stream, ctl_stream_facts *facts,
		      char why[WHY_MAX])
{
	*why = '\0';
	ctl_complaints_to(why, WHY_MAX);
	int exit_code = ctl_stream_facts_read(context, stream, facts);
	if (exit_code == EX_OK && !given.force)
		exit_code = ctl_roster_refuse_any_live(context, stream->name, &facts->groups, false);
	ctl_complaints_to(NULL, 0);
	return exit_code;
}

static int ask_and_delete(ctl_context *context, const seg_stream *stream, const ctl_stream_facts *facts,
			  const char *emitters)
{
	int exit_code = ask(context, stream->name, facts, emitters);
	if (exit_code == EX_OK)
		exit_code = ctl_stream_forget_groups(context, stream, &facts->groups);
	return exit_code ? exit_code : ctl_stream_keys_delete(context, stream->name);
}

static int delete_stream(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	ctl_stream_facts facts;
	char emitters[EMITTERS_MAX], why[WHY_MAX];
	(void)argc;
	seg_error error;
	bool unusable;
	int status = seg_stream_try(context->client, argv[0], &stream, &unusable, &error);
	if (status == SEG_ENOTFOUND)
		return delete_rest(context, argv[0]);
	if (status == SEG_EPROTOCOL)
		return ctl_stream_delete_spoilt(context, argv[0], error.text, given.yes, given.force);
	/* Of a newer format, nobody here knows which keys belong to it. */
	if (status)
		return ctl_complain(unusable ? EX_PROTOCOL : ctl_exit_code(status), "%s", error.text);
	int exit_code = read_facts(context, stream, &facts, why);
	emitters_text(argv[0], &facts.sources, emitters);
	if (exit_code == EX_PROTOCOL)
		exit_code = ctl_stream_delete_spoilt(context, argv[0], why, given.yes, given.force);
	else if (exit_code)
		ctl_complain(exit_code, "%s", why);
	else
		exit_code = ask_and_delete(context, stream, &facts, emitters);
	/* Who was asked has read it. */
	if (exit_code == EX_OK && given.yes && *emitters)
		exit_code = ctl_complain(EX_OK, "stream \"%s\" is deleted; it got messages from %s", argv[0],
					 emitters);
	ctl_stream_facts_free(&facts);
	seg_stream_close(stream);
	return exit_code;
}

const ctl_command ctl_stream_delete = {
	"stream",
	"delete",
	"STREAM",
	1,
	1,
	"Deletes a stream, its messages, groups and dead letters",
	"Stop the stream's producers and runners first: a running one creates some of the deleted keys again, and "
	"within seconds the registration; and they end when the stream is made anew with another shape. A running group that emits "
	"to the stream is such a producer: the question names them, and with --yes a line on standard error. Of a stream whose registration "
	"is gone, deletes what is left. A stream that cannot be read, because another program wrote over one of its keys, is "
	"deleted by the names of its keys.",
	options,
	delete_stream,
};

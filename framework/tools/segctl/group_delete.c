/* group_delete.c - `segctl group delete`. */
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "ask.h"
#include "base/plural.h"
#include "batch.h"
#include "command.h"
#include "directory.h"
#include "emitting.h"
#include "group_spoilt.h"
#include "snapshot.h"
#include "stream/client.h"
#include "stream_spoilt.h"
#include "text.h"

static struct {
	bool yes, force;
} given;

static const ctl_option options[] = {
	{"yes", 'y', NULL, CTL_FLAG, &given.yes, 0, 0, NULL, "do not ask"},
	{"force", 0, NULL, CTL_FLAG, &given.force, 0, 0, NULL,
	 "delete even if members are alive, which create the group again, or nobody can tell"},
	CTL_OPTIONS_END,
};

/*
 * While members live, the state keeps the position, and the values that belong to it stay, too: they create the group again
 * there. Without the fence, no owner commits any more.
 */
static void delete_state(ctl_batch *batch, const char *state, bool is_live)
{
	if (is_live)
		ctl_batch_words(batch, NULL, NULL, 0, "HDEL", state, "epoch", "nonce", "owner", "claimed",
				"clean", "released", "crashes", "suspect", "attempts", "begun", "done",
				"beyond", "lettered", "reading", "read_deaths", "reader", "hindrance",
				"lanes", "lost_upto", "lost", "gap", "gap_id", "gap_open", "gap_before",
				"letters_dropped", "letters_full", "remark", "retry", (char *)NULL);
	else
		ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", state, (char *)NULL);
}

/* What is deleted, and what was found out about it. */
typedef struct {
	ctl_context *context;
	seg_stream *stream;
	const char *group;
	bool is_live;
	bool is_spoilt;          /* it cannot be read */
	ctl_group_spoilt spoilt; /* then: why */
} deletion;

static void delete_of_partition(ctl_batch *batch, const deletion *d, uint32_t p)
{
	const char *name_space = d->context->client->name_space, *stream = d->stream->name;
	char key[SEG_KEY_MAX];
	seg_key_beside_log(key, name_space, stream, p, d->group, "state");
	delete_state(batch, key, d->is_live);
	seg_key_log(key, name_space, stream, p);
	if (!d->spoilt.logs || !d->spoilt.logs[p])
		ctl_batch_words(batch, NULL, NULL, 0, "XGROUP", "DESTROY", key, d->group, (char *)NULL);
	seg_key_beside_log(key, name_space, stream, p, d->group, "values");
	if (!d->is_live)
		ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", key, (char *)NULL);
	seg_key_beside_log(key, name_space, stream, p, d->group, "dead");
	ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", key, (char *)NULL);
}

/* While members live, the outputs stay known as well. */
static void delete_of_stream(ctl_batch *batch, const deletion *d)
{
	static const char *const names[] = {"members", "leases", "partitions", "control", "outputs"};
	char key[SEG_KEY_MAX];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) - d->is_live; i++) {
		seg_key_of_stream(key, d->context->client->name_space, d->stream->name, d->group, names[i]);
		ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", key, (char *)NULL);
	}
}

/* Deletes the name last: until then the command can be repeated. */
static int delete_all(const deletion *d)
{
	char key[SEG_KEY_MAX];
	/* XGROUP fails where the partition has no log yet. */
	ctl_batch *batch = ctl_batch_create(true);
	for (uint32_t p = 0; p < d->stream->shape.partitions; p++)
		delete_of_partition(batch, d, p);
	delete_of_stream(batch, d);
	int exit_code = ctl_batch_run(batch, d->context->client,
				      "delete the whole group (a part may be gone; repeat the command)");
	seg_key_of_stream(key, d->context->client->name_space, d->stream->name, "groups", NULL);
	if (exit_code == EX_OK && (!d->is_spoilt || d->spoilt.is_listed)) {
		ctl_batch_words(batch, NULL, NULL, 0, "SREM", key, d->group, (char *)NULL);
		exit_code = ctl_batch_run(batch, d->context->client, "delete the group");
	}
	ctl_batch_destroy(batch);
	return exit_code;
}

/* --- questions ------------------------------------------------------------------------------------ */

static int check_and_ask(deletion *d, const ctl_snapshot *snapshot)
{
	char count[CTL_TEXT_MAX];
	const char *name = d->stream->name;
	uint64_t letters = ctl_snapshot_sum(snapshot).dead_letters;
	const ctl_partition *unknown = ctl_snapshot_first_unreachable(snapshot);
	int exit_code = EX_OK;
	/* Half of a group would be left, whose members begin anew where it is gone. */
	if (unknown)
		return ctl_complain(
			EX_UNAVAILABLE,
			"cannot delete group \"%s\" of stream \"%s\": %s, which has partition %" PRIu32
			", does not answer; nothing is deleted",
			d->group, name, unknown->node, unknown->info.partition);
	d->is_live = snapshot->roster.live > 0;
	if (!given.force)
		exit_code = ctl_roster_refuse_live(&snapshot->roster, name, d->group);
	if (exit_code == EX_OK)
		exit_code = ctl_ask(
			given.yes,
			"Delete group \"%s\" of stream \"%s\" with its position, its state and %s dead letter%s",
			d->group, name, ctl_count_text(letters, count), seg_plural(letters));
	return exit_code;
}

static int check_and_ask_spoilt(deletion *d, const char *why)
{
	size_t live;
	d->is_spoilt = true;
	int exit_code = ctl_group_spoilt_find(d->context, d->stream, d->group, &d->spoilt);
	if (exit_code == EX_OK)
		exit_code =
			ctl_group_spoilt_refuse(d->context, d->stream->name, d->group, given.force, &live);
	d->is_live = exit_code == EX_OK && live > 0;
	if (exit_code == EX_OK)
		exit_code = ctl_ask(given.yes,
				    "Delete group \"%s\" of stream \"%s\" with its position, its state and "
				    "its dead letters, although it cannot be read (%.400s)",
				    d->group, d->stream->name, why);
	return exit_code;
}

static int look_and_ask(deletion *d)
{
	seg_error error;
	ctl_snapshot snapshot;
	int status = seg_group_snapshot_take(d->stream, d->group, &(seg_look){0}, &snapshot, &error);
	if (status == SEG_EPROTOCOL)
		return check_and_ask_spoilt(d, error.text);
	if (status)
		return ctl_snapshot_fail(&error, d->stream->name);
	int exit_code = check_and_ask(d, &snapshot);
	ctl_snapshot_free(&snapshot);
	return exit_code;
}

/* --- the command --------------------------------------------------------------------------------- */

static int forget_outputs(const deletion *d)
{
	ctl_keys group = {0};
	ctl_keys_add(&group, d->group, strlen(d->group));
	int exit_code = ctl_stream_forget_groups(d->context, d->stream, &group);
	ctl_keys_free(&group);
	return exit_code;
}

static int delete_group(ctl_context *context, int argc, char **argv)
{
	deletion d = {.context = context, .group = argv[1]};
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &d.stream);
	if (exit_code)
		return exit_code;
	exit_code = look_and_ask(&d);
	/* While members live, the position stays, and what comes again must not be added again. */
	if (exit_code == EX_OK && !d.is_live)
		exit_code = forget_outputs(&d);
	/* First: the other commands need the types that they know. */
	if (exit_code == EX_OK && d.is_spoilt)
		exit_code = ctl_keys_unlink(context, &d.spoilt.keys);
	if (exit_code == EX_OK)
		exit_code = delete_all(&d);
	ctl_group_spoilt_free(&d.spoilt);
	seg_stream_close(d.stream);
	return exit_code;
}

const ctl_command ctl_group_delete = {
	"group",
	"delete",
	"STREAM GROUP",
	2,
	2,
	"Deletes a group: its position, what its handlers keep in state, and its dead letters",
	"The messages stay. While members are running (--force), position and state stay, too: they create the group again where it "
	"was, and handle again at most what was in flight. Without them, a member that joins later begins at its option `start`.",
	options,
	delete_group,
};

/* group_delete.c - `segctl group delete`. */
#include <sysexits.h>

#include "ask.h"
#include "base/plural.h"
#include "batch.h"
#include "command.h"
#include "directory.h"
#include "emitting.h"
#include "snapshot.h"
#include "stream/client.h"
#include "text.h"

static struct {
	bool yes, force;
} given;

static const ctl_option options[] = {
	{"yes", 'y', NULL, CTL_FLAG, &given.yes, 0, 0, NULL, "do not ask"},
	{"force", 0, NULL, CTL_FLAG, &given.force, 0, 0, NULL,
	 "delete even if members are alive; they create the group again"},
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

static void delete_of_partition(ctl_batch *batch, const ctl_context *context, const seg_stream *stream,
				const char *group, uint32_t p, bool is_live)
{
	const char *name_space = context->client->name_space;
	char key[SEG_KEY_MAX];
	seg_key_beside_log(key, name_space, stream->name, p, group, "state");
	delete_state(batch, key, is_live);
	seg_key_log(key, name_space, stream->name, p);
	ctl_batch_words(batch, NULL, NULL, 0, "XGROUP", "DESTROY", key, group, (char *)NULL);
	seg_key_beside_log(key, name_space, stream->name, p, group, "values");
	if (!is_live)
		ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", key, (char *)NULL);
	seg_key_beside_log(key, name_space, stream->name, p, group, "dead");
	ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", key, (char *)NULL);
}

/* Deletes the name last: until then the command can be repeated. */
static int delete_all(ctl_context *context, const seg_stream *stream, const char *group, bool is_live)
{
	static const char *const of_stream[] = {"members", "leases", "partitions", "control"};
	char key[SEG_KEY_MAX];
	/* XGROUP fails where the partition has no log yet. */
	ctl_batch *batch = ctl_batch_create(true);
	for (uint32_t p = 0; p < stream->shape.partitions; p++)
		delete_of_partition(batch, context, stream, group, p, is_live);
	for (size_t i = 0; i < sizeof(of_stream) / sizeof(of_stream[0]); i++) {
		seg_key_of_stream(key, context->client->name_space, stream->name, group, of_stream[i]);
		ctl_batch_words(batch, NULL, NULL, 0, "UNLINK", key, (char *)NULL);
	}
	int exit_code = ctl_batch_run(batch, context->client, "delete the group");
	seg_key_of_stream(key, context->client->name_space, stream->name, "groups", NULL);
	if (exit_code == EX_OK) {
		ctl_batch_words(batch, NULL, NULL, 0, "SREM", key, group, (char *)NULL);
		exit_code = ctl_batch_run(batch, context->client, "delete the group");
	}
	ctl_batch_destroy(batch);
	return exit_code;
}

static int check_and_ask(seg_stream *stream, const char *group, bool *is_live)
{
	ctl_snapshot snapshot;
	char count[CTL_TEXT_MAX];
	const char *name = seg_stream_name(stream);
	int exit_code = ctl_snapshot_take(stream, group, false, &snapshot);
	if (exit_code)
		return exit_code;
	uint64_t letters = ctl_snapshot_sum(&snapshot).dead_letters;
	*is_live = snapshot.roster.live > 0;
	if (!given.force)
		exit_code = ctl_roster_refuse_live(&snapshot.roster, name, group);
	if (exit_code == EX_OK)
		exit_code = ctl_ask(
			given.yes,
			"Delete group \"%s\" of stream \"%s\" with its position, its state and %s dead letter%s",
			group, name, ctl_count_text(letters, count), seg_plural(letters));
	ctl_snapshot_free(&snapshot);
	return exit_code;
}

static int delete_group(ctl_context *context, int argc, char **argv)
{
	seg_stream *stream;
	bool is_live = false;
	(void)argc;
	int exit_code = ctl_open_stream(context, argv[0], &stream);
	if (exit_code)
		return exit_code;
	exit_code = check_and_ask(stream, argv[1], &is_live);
	/* While members live, the position stays, and what comes again must not be added again. */
	if (exit_code == EX_OK && !is_live)
		exit_code = ctl_emitting_forget(context, stream, argv[1]);
	if (exit_code == EX_OK)
		exit_code = delete_all(context, stream, argv[1], is_live);
	seg_stream_close(stream);
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

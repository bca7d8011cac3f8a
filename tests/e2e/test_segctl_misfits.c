/*
 * test_segctl_misfits.c - what segctl says where another program has written over a key of a stream: which key it is, and how to
 * mend it. The other streams and groups are shown all the same, and `stream delete` and `group delete` delete what is spoilt.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/rig.h"
#include "harness/segctl.h"

#define MEND "find the program that writes to the key, then rename or delete the key"

/* A stream with two groups. */
static void make(const char *stream)
{
	char command[128];
	test_segctl_good(rig.server->address, "stream create %s -p 2", stream);
	snprintf(command, sizeof(command), "SADD {__default:%s}:groups g h", stream);
	test_rig_tell(command);
}

static void overwrite(const char *key)
{
	char command[256];
	snprintf(command, sizeof(command), "SET %s junk", key);
	test_rig_tell(command);
}

static int set_up(void **state)
{
	test_rig_set_up_directory(state);
	test_rig_start("--appendonly yes");
	make("good");
	make("spoilt");
	return 0;
}

static size_t occurrences(const char *text, const char *part)
{
	size_t found = 0;
	for (; (text = strstr(text, part)); text += strlen(part))
		found++;
	return found;
}

/* The command shows what it can, complains once, and exits with EX_PROTOCOL. */
static void shows_others(const char *command, const char *shown, const char *complaint)
{
	const test_segctl *answer = test_segctl_do(rig.server->address, "%s", command);
	if (answer->exit_code != EX_PROTOCOL)
		fail_msg("%s: exit code %d\n%s%s", command, answer->exit_code, answer->output,
			 answer->errors);
	if (shown)
		test_expect_text(answer->output, shown);
	test_expect_text(answer->errors, complaint);
	assert_int_equal(occurrences(answer->errors, complaint), 1);
}

/* --- listings ------------------------------------------------------------------------------------------- */

static void every_listing_goes_on_without(const char *complaint)
{
	shows_others("lag", "h of good", complaint);
	shows_others("lag --sample 0 -o csv", "good,g,0,", complaint);
	shows_others("stream list", "good ", complaint);
	if (test_segctl_do(rig.server->address, "top --help")->exit_code == 0)
		shows_others("top", "h of good", complaint);
}

static void a_stream_whose_shape_is_junk_does_not_hide_the_others(void **state)
{
	(void)state;
	test_rig_tell("HSET {__default:spoilt}:info partitions many");
	every_listing_goes_on_without(
		"the key {__default:spoilt}:info of stream \"spoilt\" does not hold a shape (a hash with "
		"partitions, partition_size, overflow and version); ");
}

static void a_stream_whose_shape_has_another_type_does_not_hide_the_others(void **state)
{
	(void)state;
	overwrite("{__default:spoilt}:info");
	every_listing_goes_on_without(
		"the key {__default:spoilt}:info of stream \"spoilt\" does not hold a shape (a hash with "
		"partitions, partition_size, overflow and version); ");
	shows_others("stream create spoilt -p 2", NULL, "{__default:spoilt}:info");
}

static void a_shape_without_any_of_its_fields_does_not_hide_the_others(void **state)
{
	(void)state;
	const char *complaint =
		"the key {__default:spoilt}:info of stream \"spoilt\" does not hold a shape (a hash "
		"with partitions, partition_size, overflow and version); ";
	test_rig_tell("DEL {__default:spoilt}:info");
	test_rig_tell("HSET {__default:spoilt}:info theirs 1");
	every_listing_goes_on_without(complaint);
	shows_others("stream describe spoilt", NULL, complaint);
	shows_others("stream create spoilt -p 2", NULL, complaint);
	/* One of them alone, and not the first. */
	test_rig_tell("HSET {__default:spoilt}:info overflow reject");
	every_listing_goes_on_without(complaint);
	const test_segctl *answer = test_segctl_do(rig.server->address, "doctor");
	assert_int_equal(answer->exit_code, EX_CONFIG);
	test_expect_text(answer->output, complaint);
	test_segctl_good(rig.server->address, "stream delete spoilt -y");
	test_segctl_good(rig.server->address, "stream list");
}

static void a_stream_of_a_newer_format_does_not_hide_the_others(void **state)
{
	(void)state;
	const char *complaint =
		"stream \"spoilt\" was registered by a newer version of this library (format 99; this "
		"version knows formats up to 3); upgrade this program";
	test_rig_tell("HSET {__default:spoilt}:info version 99 packing braided");
	every_listing_goes_on_without(complaint);
	shows_others("lag spoilt", NULL, complaint);
	shows_others("group list spoilt", NULL, complaint);
	shows_others("stream create spoilt --partitions 2", NULL, complaint);
	/* What belongs to it, only a newer segctl knows. */
	shows_others("stream delete spoilt -y --force", NULL, complaint);
	const test_segctl *answer = test_segctl_do(rig.server->address, "doctor");
	assert_int_equal(answer->exit_code, EX_CONFIG);
	test_expect_text(answer->output, complaint);
	test_expect_text(answer->output, "ok   stream       good: 2 partitions");
}

static void a_stream_without_groups_has_its_line_too(void **state)
{
	(void)state;
	test_rig_tell("DEL {__default:spoilt}:groups");
	overwrite("{__default:spoilt}:info");
	every_listing_goes_on_without(
		"the key {__default:spoilt}:info of stream \"spoilt\" does not hold a shape (a hash with "
		"partitions, partition_size, overflow and version); ");
}

static void groups_of_another_type_do_not_hide_the_other_streams(void **state)
{
	(void)state;
	overwrite("{__default:spoilt}:groups");
	every_listing_goes_on_without("the key {__default:spoilt}:groups holds no set (WRONGTYPE); " MEND);
}

static void a_group_that_cannot_be_read_does_not_hide_the_others(void **state)
{
	(void)state;
	const char *complaint =
		"cannot describe group \"h\" of stream \"spoilt\": partition 1 cannot be used, because its key "
		"{__default:spoilt:partition_1}:h:values holds no hash; " MEND;
	overwrite("{__default:spoilt:partition_1}:h:values");
	shows_others("lag", "g of spoilt", complaint);
	shows_others("lag spoilt", "g of spoilt", complaint);
	shows_others("group list spoilt", "g  ", complaint);
	test_segctl_good(rig.server->address, "lag spoilt g");
	test_segctl_good(rig.server->address, "lag good");
}

/* A monitor must not take silence for health, and a wait must not end well. */
static void a_check_of_all_groups_is_not_passed(void **state)
{
	(void)state;
	overwrite("{__default:spoilt:partition_0}:h:state");
	shows_others("lag --max-lag 5", NULL, "{__default:spoilt:partition_0}:h:state");
	shows_others("lag --wait 60s", NULL, "{__default:spoilt:partition_0}:h:state");
	assert_string_equal(test_segctl_do(rig.server->address, "lag --max-lag 5")->output, "");
}

static void top_shows_a_row_that_leads_to_the_reason(void **state)
{
	(void)state;
	int terminal, status;
	if (test_segctl_do(rig.server->address, "top --help")->exit_code != 0)
		skip();
	overwrite("{__default:spoilt}:info");
	test_rig_tell("DEL {__default:good}:groups");
	pid_t top = test_segctl_start_on_terminal(rig.server->address, "top -i 200ms", &terminal);
	test_terminal_shows(terminal, "spoilt          ?");
	assert_int_equal(write(terminal, "\n", 1), 1);
	test_terminal_shows(terminal, "the key {__default:spoilt}:info of stream");
	assert_int_equal(write(terminal, "q", 1), 1);
	assert_int_equal(waitpid(top, &status, 0), top);
	close(terminal);
	assert_int_equal(status, 0);
}

/* --- one group: each key is named ------------------------------------------------------------------------- */

typedef struct {
	const char *key, *what, *wanted;
} misfit;

/* Without those that only `doctor`, `stream describe` or `group describe` read. */
static const misfit of_group[] = {
	{"{__default:spoilt}:groups", "the stream", "set"},
	{"{__default:spoilt}:g:members", "the group", "hash"},
	{"{__default:spoilt}:g:leases", "the group", "sorted set"},
	{"{__default:spoilt}:g:partitions", "the group", "hash"},
	{"__default:spoilt:partition_1", "partition 1", "stream"},
	{"{__default:spoilt:partition_1}:counters", "partition 1", "hash"},
	{"{__default:spoilt:partition_1}:g:dead", "partition 1", "stream"},
	{"{__default:spoilt:partition_1}:g:state", "partition 1", "hash"},
	{"{__default:spoilt:partition_1}:g:values", "partition 1", "hash"},
};

static void each_key_of_a_group_is_named_by_each_command(void **state)
{
	(void)state;
	static const char *const commands[] = {"why spoilt g 0", "lag spoilt g", "state list spoilt g",
					       "dlq list spoilt g", "group describe spoilt g"};
	for (size_t i = 0; i < sizeof(of_group) / sizeof(of_group[0]); i++) {
		char complaint[512];
		const misfit *m = &of_group[i];
		overwrite(m->key);
		snprintf(complaint, sizeof(complaint),
			 "%s cannot be used, because its key %s holds no %s; " MEND, m->what, m->key,
			 m->wanted);
		for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++)
			shows_others(commands[c], NULL, complaint);
		snprintf(complaint, sizeof(complaint), "DEL %s", m->key);
		test_rig_tell(complaint);
		test_rig_tell("SADD {__default:spoilt}:groups g h");
	}
}

static void a_key_of_one_command_is_named_by_it(void **state)
{
	(void)state;
	overwrite("{__default:spoilt}:g:control");
	shows_others("why spoilt g 0", NULL,
		     "the key {__default:spoilt}:g:control holds no stream (WRONGTYPE); " MEND);
	overwrite("{__default:spoilt}:g:outputs");
	shows_others("group describe spoilt g", NULL, "the key {__default:spoilt}:g:outputs holds no hash");
	overwrite("{__default:spoilt}:sources");
	shows_others("stream describe spoilt", NULL, "the key {__default:spoilt}:sources holds no set");
	overwrite("__default:spoilt:partition_0");
	shows_others("stream describe spoilt", NULL,
		     "cannot read stream \"spoilt\": the key __default:spoilt:partition_0 holds no stream");
}

/* --- doctor ------------------------------------------------------------------------------------------------ */

static void doctor_finds(const char *key, const char *found)
{
	char advice[256];
	overwrite(key);
	const test_segctl *answer = test_segctl_do(rig.server->address, "doctor");
	assert_int_equal(answer->exit_code, EX_CONFIG);
	test_expect_text(answer->output, found);
	snprintf(advice, sizeof(advice),
		 ": find the program that writes to %s, then rename or delete the key", key);
	test_expect_text(answer->output, advice);
	assert_int_equal(occurrences(answer->output, "find the program"), 1);
	assert_null(strstr(answer->output, "WRONGTYPE"));
	test_expect_text(answer->output, "ok   stream       good: 2 partitions");
	snprintf(advice, sizeof(advice), "DEL %s", key);
	test_rig_tell(advice);
	test_rig_tell("SADD {__default:spoilt}:groups g h");
}

static void doctor_names_each_key(void **state)
{
	(void)state;
	assert_int_equal(test_segctl_do(rig.server->address, "doctor")->exit_code, EX_OK);
	doctor_finds("{__default:spoilt}:groups", "spoilt: it cannot be used, because its key holds no set");
	doctor_finds("{__default:spoilt}:sources", "spoilt: it cannot be used, because its key holds no set");
	doctor_finds("{__default:spoilt}:g:members",
		     "spoilt: group g cannot be used, because its key holds no hash");
	doctor_finds("{__default:spoilt}:g:leases", "because its key holds no sorted set");
	doctor_finds("{__default:spoilt}:g:partitions", "because its key holds no hash");
	doctor_finds("{__default:spoilt}:g:control", "because its key holds no stream");
	doctor_finds("{__default:spoilt}:g:outputs", "because its key holds no hash");
	doctor_finds("__default:spoilt:partition_1",
		     "spoilt: partition 1 cannot be used, because its key holds no stream");
	doctor_finds("{__default:spoilt:partition_1}:counters",
		     "spoilt: partition 1 cannot be used, because its key holds no hash");
	doctor_finds("{__default:spoilt:partition_1}:from", "spoilt: partition 1 cannot be used");
	doctor_finds("{__default:spoilt:partition_1}:h:dead",
		     "spoilt: partition 1 of group h cannot be used");
	doctor_finds("{__default:spoilt:partition_1}:h:state",
		     "spoilt: partition 1 of group h cannot be used");
	doctor_finds("{__default:spoilt:partition_1}:h:values",
		     "spoilt: partition 1 of group h cannot be used");
	assert_int_equal(test_segctl_do(rig.server->address, "doctor")->exit_code, EX_OK);
}

static void doctor_does_not_flood_the_terminal(void **state)
{
	(void)state;
	test_segctl_good(rig.server->address, "stream create many -p 100");
	for (int p = 0; p < 100; p++) {
		char key[64];
		snprintf(key, sizeof(key), "{__default:many:partition_%d}:counters", p);
		overwrite(key);
	}
	const test_segctl *answer = test_segctl_do(rig.server->address, "doctor");
	assert_int_equal(answer->exit_code, EX_CONFIG);
	assert_int_equal(occurrences(answer->output, "find the program"), 20);
	test_expect_text(answer->output, "many: 80 more keys hold another type than they should");
}

/* --- stream delete ---------------------------------------------------------------------------------------- */

static long long keys_left(void)
{
	redisReply *reply = test_server_command(rig.redis, "KEYS *spoilt*");
	long long count = (long long)reply->elements;
	freeReplyObject(reply);
	return count;
}

static void a_stream_can_be_deleted_whatever_its_keys_hold(void **state)
{
	(void)state;
	static const char *const others[] = {"{__default:spoilt}:info", "{__default:spoilt}:sources",
					     "{__default:spoilt}:g:control", "{__default:spoilt}:g:outputs",
					     "{__default:spoilt:partition_1}:from"};
	const char *keys[32];
	size_t count = 0;
	for (size_t i = 0; i < sizeof(of_group) / sizeof(of_group[0]); i++)
		keys[count++] = of_group[i].key;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		keys[count++] = others[i];
	for (size_t i = 0; i < count; i++) {
		overwrite(keys[i]);
		/* Nobody can tell then whether the group has members. */
		const char *force = strstr(keys[i], ":leases") ? "--force" : "";
		test_segctl_good(rig.server->address, "stream delete spoilt -y %s", force);
		assert_int_equal(keys_left(), 0);
		make("spoilt");
	}
	test_expect_text(test_segctl_good(rig.server->address, "stream list"), "good ");
}

static void live_members_stand_against_it(const char *errors)
{
	const test_segctl *answer = test_segctl_do(rig.server->address, "stream delete spoilt -y");
	assert_int_equal(answer->exit_code, 1);
	test_expect_text(answer->errors, errors);
	assert_true(keys_left() > 0);
}

static void a_key_that_only_looks_like_a_partition_of_a_spoilt_stream_is_left_alone(void **state)
{
	(void)state;
	static const char *const theirs[] = {"__default:spoilt:partition_10x",
					     "__default:spoilt:partition_01",
					     "__default:spoilt:partition_65536",
					     "__default:spoilt:partition_",
					     "{__default:spoilt:partition_1x}:from"};
	const size_t count = sizeof(theirs) / sizeof(theirs[0]);
	overwrite("{__default:spoilt}:info");
	for (size_t i = 0; i < count; i++)
		test_rig_tell("SET %s theirs", theirs[i]);
	test_segctl_good(rig.server->address, "stream delete spoilt -y");
	assert_int_equal(keys_left(), count);
	const test_segctl *answer = test_segctl_do(rig.server->address, "stream delete spoilt -y");
	assert_int_equal(answer->exit_code, EX_NOINPUT);
	test_expect_text(answer->errors, "has left nothing");
}

static void live_members_keep_a_spoilt_stream_from_being_deleted(void **state)
{
	(void)state;
	const char *live = "group \"x\" of stream \"spoilt\" has live members (m1)";
	test_rig_tell("ZADD {__default:spoilt}:x:leases 99999999999999 m1");
	test_rig_tell("HSET {__default:spoilt}:x:members m1 1");
	/* The group is known by the names of its keys alone. */
	overwrite("{__default:spoilt}:groups");
	live_members_stand_against_it(live);
	overwrite("{__default:spoilt}:info");
	live_members_stand_against_it(live);
	overwrite("{__default:spoilt}:x:leases");
	live_members_stand_against_it(
		"nobody can tell whether group \"x\" of stream \"spoilt\" has live members: ");
	test_segctl_good(rig.server->address, "stream delete spoilt -y --force");
	assert_int_equal(keys_left(), 0);
}

static void leases_that_alone_cannot_be_read_keep_a_stream_from_being_deleted(void **state)
{
	(void)state;
	overwrite("{__default:spoilt}:g:leases");
	live_members_stand_against_it(
		"nobody can tell whether group \"g\" of stream \"spoilt\" has live members: "
		"cannot read the members of the group: the key {__default:spoilt}:g:leases holds no sorted set");
}

static void the_question_says_what_is_wrong(void **state)
{
	(void)state;
	overwrite("{__default:spoilt}:info");
	const test_segctl *answer = test_segctl_do(rig.server->address, "stream delete spoilt");
	assert_int_equal(answer->exit_code, EX_USAGE);
	test_expect_text(answer->errors, "Stream \"spoilt\" in namespace \"default\" cannot be read: the key "
					 "{__default:spoilt}:info of stream");
	test_expect_text(answer->errors, "Delete all its 2 keys?");
	assert_int_equal(keys_left(), 2);
}

/* The partitions of a stream without a shape are counted by its keys. */
static void what_its_outputs_know_of_it_is_deleted_too(void **state)
{
	(void)state;
	test_rig_tell("HSET {__default:spoilt}:g:outputs good 1");
	test_rig_tell("SADD {__default:good}:sources g:spoilt");
	test_rig_tell("XADD __default:spoilt:partition_1 * partitionKey k data d");
	test_rig_tell("HSET {__default:good:partition_0}:from g:spoilt:1 x g:other:1 y");
	overwrite("{__default:spoilt}:info");
	test_segctl_good(rig.server->address, "stream delete spoilt -y");
	redisReply *reply = test_server_command(rig.redis, "HKEYS {__default:good:partition_0}:from");
	assert_int_equal(reply->elements, 1);
	assert_string_equal(reply->element[0]->str, "g:other:1");
	freeReplyObject(reply);
	reply = test_server_command(rig.redis, "EXISTS {__default:good}:sources");
	assert_int_equal(reply->integer, 0);
	freeReplyObject(reply);
}

static void two_streams_that_emit_to_each_other_can_both_be_deleted(void **state)
{
	(void)state;
	make("spoilt2");
	test_rig_tell("HSET {__default:spoilt}:g:outputs spoilt2 1 spoilt 1");
	test_rig_tell("HSET {__default:spoilt2}:g:outputs spoilt 1");
	overwrite("{__default:spoilt}:info");
	overwrite("{__default:spoilt2}:info");
	const test_segctl *answer = test_segctl_do(rig.server->address, "stream delete spoilt -y");
	assert_int_equal(answer->exit_code, EX_OK);
	test_expect_text(answer->errors, "what stream \"spoilt2\" knows of group \"g\" stays there: ");
	test_segctl_good(rig.server->address, "stream delete spoilt2 -y");
	assert_int_equal(keys_left(), 0);
}

/* --- group delete ------------------------------------------------------------------------------------------ */

static long long keys_of_group(void)
{
	redisReply *reply = test_server_command(rig.redis, "KEYS *spoilt*:g:*");
	long long count = (long long)reply->elements;
	freeReplyObject(reply);
	return count;
}

static bool is_listed(const char *group)
{
	redisReply *reply = test_server_command(rig.redis, "SISMEMBER {__default:spoilt}:groups %s", group);
	bool listed = reply->integer == 1;
	freeReplyObject(reply);
	return listed;
}

/* Some of what a group has. */
static void fill_group(void)
{
	test_rig_tell("SADD {__default:spoilt}:groups g h");
	test_rig_tell("HSET {__default:spoilt:partition_0}:g:state epoch 1");
	test_rig_tell("HSET {__default:spoilt:partition_0}:g:values a 1");
	test_rig_tell("HSET {__default:spoilt:partition_0}:h:values a 1");
	test_rig_tell("XADD __default:spoilt:partition_0 * partitionKey k data d");
}

static void a_group_can_be_deleted_whatever_its_keys_hold(void **state)
{
	(void)state;
	static const char *const others[] = {"{__default:spoilt}:g:control", "{__default:spoilt}:g:outputs"};
	const char *keys[32];
	size_t count = 0;
	for (size_t i = 0; i < sizeof(of_group) / sizeof(of_group[0]); i++)
		keys[count++] = of_group[i].key;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		keys[count++] = others[i];
	for (size_t i = 0; i < count; i++) {
		fill_group();
		overwrite(keys[i]);
		/* Nobody can tell then whether the group has members. */
		const char *force = strstr(keys[i], ":leases") ? "--force" : "";
		test_segctl_good(rig.server->address, "group delete spoilt g -y %s", force);
		assert_int_equal(keys_of_group(), 0);
		if (!strstr(keys[i], ":groups")) {
			assert_false(is_listed("g"));
			assert_true(is_listed("h"));
		}
		test_segctl_good(rig.server->address, "stream delete spoilt -y");
		make("spoilt");
	}
}

static void group_delete_is_refused(const char *arguments, int exit_code, const char *errors)
{
	const test_segctl *answer = test_segctl_do(rig.server->address, "group delete %s", arguments);
	assert_int_equal(answer->exit_code, exit_code);
	test_expect_text(answer->errors, errors);
	assert_true(keys_of_group() > 0);
}

static void live_members_keep_a_spoilt_group_from_being_deleted(void **state)
{
	(void)state;
	const char *live = "group \"g\" of stream \"spoilt\" has live members (m1)";
	fill_group();
	test_rig_tell("ZADD {__default:spoilt}:g:leases 99999999999999 m1");
	overwrite("{__default:spoilt:partition_1}:g:dead");
	group_delete_is_refused("spoilt g -y", 1, live);
	overwrite("{__default:spoilt}:groups");
	group_delete_is_refused("spoilt g -y", 1, live);
	overwrite("{__default:spoilt}:g:leases");
	group_delete_is_refused(
		"spoilt g -y", 1,
		"nobody can tell whether group \"g\" of stream \"spoilt\" has live members: ");
	test_segctl_good(rig.server->address, "group delete spoilt g -y --force");
	assert_int_equal(keys_of_group(), 0);
}

static void a_live_group_keeps_its_position_and_its_state(void **state)
{
	(void)state;
	fill_group();
	test_rig_tell("HSET {__default:spoilt:partition_0}:g:state position 1-1");
	test_rig_tell("ZADD {__default:spoilt}:g:leases 99999999999999 m1");
	overwrite("{__default:spoilt:partition_1}:g:values");
	test_segctl_good(rig.server->address, "group delete spoilt g -y --force");
	assert_int_equal(keys_of_group(), 2);
	redisReply *reply = test_server_command(rig.redis, "HGETALL {__default:spoilt:partition_0}:g:state");
	assert_int_equal(reply->elements, 2);
	assert_string_equal(reply->element[0]->str, "position");
	freeReplyObject(reply);
}

static void a_deletion_of_a_spoilt_group_asks_and_knows_typing_errors(void **state)
{
	(void)state;
	fill_group();
	overwrite("{__default:spoilt:partition_1}:g:dead");
	group_delete_is_refused(
		"spoilt g", EX_USAGE,
		"Delete group \"g\" of stream \"spoilt\" with its position, its state and its dead "
		"letters, although it cannot be read (cannot describe group \"g\"");
	group_delete_is_refused("spoilt gg -y", EX_NOINPUT, "gg");
	overwrite("{__default:spoilt}:groups");
	group_delete_is_refused(
		"spoilt gg -y", EX_NOINPUT,
		"the groups of stream \"spoilt\" cannot be read, and no key is there of a group \"gg\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stream_whose_shape_is_junk_does_not_hide_the_others),
		TEST(a_stream_whose_shape_has_another_type_does_not_hide_the_others),
		TEST(a_shape_without_any_of_its_fields_does_not_hide_the_others),
		TEST(a_stream_of_a_newer_format_does_not_hide_the_others),
		TEST(a_stream_without_groups_has_its_line_too),
		TEST(groups_of_another_type_do_not_hide_the_other_streams),
		TEST(a_group_that_cannot_be_read_does_not_hide_the_others),
		TEST(a_check_of_all_groups_is_not_passed),
		TEST(top_shows_a_row_that_leads_to_the_reason),
		TEST(each_key_of_a_group_is_named_by_each_command),
		TEST(a_key_of_one_command_is_named_by_it),
		TEST(doctor_names_each_key),
		TEST(doctor_does_not_flood_the_terminal),
		TEST(a_stream_can_be_deleted_whatever_its_keys_hold),
		TEST(a_key_that_only_looks_like_a_partition_of_a_spoilt_stream_is_left_alone),
		TEST(live_members_keep_a_spoilt_stream_from_being_deleted),
		TEST(leases_that_alone_cannot_be_read_keep_a_stream_from_being_deleted),
		TEST(the_question_says_what_is_wrong),
		TEST(what_its_outputs_know_of_it_is_deleted_too),
		TEST(two_streams_that_emit_to_each_other_can_both_be_deleted),
		TEST(a_group_can_be_deleted_whatever_its_keys_hold),
		TEST(live_members_keep_a_spoilt_group_from_being_deleted),
		TEST(a_live_group_keeps_its_position_and_its_state),
		TEST(a_deletion_of_a_spoilt_group_asks_and_knows_typing_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_scripts_coordinate.c - the script coordinate: members, leases, ownership, and the answers of every
 * call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "test_scripts.h"

#define MEMBERS "{__n:s}:g:members"
#define LEASES "{__n:s}:g:leases"
#define PARTITIONS "{__n:s}:g:partitions"
#define CONTROL "{__n:s}:g:control"
#define GROUPS "{__n:s}:groups"
#define INFO "{__n:s}:info"

enum { PARTITION_COUNT = 4 };

typedef struct {
	unsigned p;
	unsigned long long epoch;
	int revoked;
} owned;

typedef struct {
	char status[16];
	unsigned long long now, generation;
	long long next_expiry;
	int count; /* -1: the answer had no share */
	owned owned[PARTITION_COUNT];
} answer;

static const char *session = "60000", *capacity = "100", *known = "0";

/* One call for the member `name` by the process `incarnation`; `released` is "p epoch p epoch", or NULL. */
static answer call(const char *command_word, const char *name, const char *incarnation, const char *released)
{
	const char *words[6 + 13 + 64] = {MEMBERS, LEASES,   PARTITIONS,   CONTROL, GROUPS,
					  INFO,    "g",      command_word, name,    incarnation,
					  session, capacity, "4",          known,   SHAPE_WORDS};
	char text[512];
	int count = 19;
	snprintf(text, sizeof(text), "%s", released ? released : "");
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	redisReply *reply = script_reply(SEG_SCRIPT_COORDINATE, 6, words, count);
	if (reply->type != REDIS_REPLY_ARRAY)
		fail_msg("%s %s: %s", command_word, name, reply->str);
	answer a = {.count = -1};
	snprintf(a.status, sizeof(a.status), "%s", reply->element[0]->str);
	a.now = strtoull(reply->element[1]->str, NULL, 10);
	a.generation = strtoull(reply->element[2]->str, NULL, 10);
	a.next_expiry = atoll(reply->element[3]->str);
	if (reply->element[4]->type == REDIS_REPLY_ARRAY) {
		redisReply *share = reply->element[4];
		a.count = (int)share->elements / 3;
		assert_true(a.count <= PARTITION_COUNT);
		for (int i = 0; i < a.count; i++)
			a.owned[i] = (owned){.p = (unsigned)atoi(share->element[3 * i]->str),
					     .epoch = strtoull(share->element[3 * i + 1]->str, NULL, 10),
					     .revoked = atoi(share->element[3 * i + 2]->str)};
	}
	freeReplyObject(reply);
	return a;
}

static answer join(const char *name, const char *incarnation)
{
	return call("join", name, incarnation, NULL);
}

static answer heartbeat(const char *name, const char *incarnation, const char *released)
{
	return call("heartbeat", name, incarnation, released);
}

static answer leave(const char *name, const char *incarnation)
{
	return call("leave", name, incarnation, NULL);
}

static answer knowing(unsigned long long generation, const char *name, const char *incarnation)
{
	static char text[24];
	snprintf(text, sizeof(text), "%llu", generation);
	known = text;
	answer a = heartbeat(name, incarnation, NULL);
	known = "0";
	return a;
}

/* "p epoch" of every partition that the answer wants released. */
static const char *revoked(const answer *a)
{
	static char text[512];
	size_t at = 0;
	text[0] = '\0';
	for (int i = 0; i < a->count; i++)
		if (a->owned[i].revoked)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%u %llu ", a->owned[i].p,
					       a->owned[i].epoch);
	return text;
}

static const char *released_of(owned o)
{
	static char text[64];
	snprintf(text, sizeof(text), "%u %llu", o.p, o.epoch);
	return text;
}

static int revoked_count(const answer *a)
{
	int count = 0;
	for (int i = 0; i < a->count; i++)
		count += a->owned[i].revoked;
	return count;
}

static void expire(const char *name)
{
	command("ZADD " LEASES " 1 %s", name);
}

static void set_session(const char *ms)
{
	session = ms;
}

/* Epochs follow Redis's clock, in ms, so wait for its next millisecond. */
static void await_next_millisecond(void)
{
	const char *now_ms = "local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000)";
	long long before = command_number("EVAL %s 0", now_ms);
	while (command_number("EVAL %s 0", now_ms) == before)
		;
}

static int empty(void **state)
{
	session = "60000";
	capacity = "100";
	return empty_redis(state);
}

/* --- joining and leaving ---------------------------------------------------------------------------- */

static void the_first_member_owns_everything(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	assert_string_equal(a.status, "OK");
	assert_int_equal(a.count, 4);
	assert_int_equal(revoked_count(&a), 0);
	assert_int_equal(a.next_expiry, -1);
	for (int i = 0; i < 4; i++)
		assert_true(a.owned[i].epoch >= a.now);
	assert_string_equal(command("SMEMBERS " GROUPS), "g");
	assert_string_equal(command("HGET " MEMBERS " a"), "a1 100");
}

static void a_second_member_waits_for_what_the_first_releases(void **state)
{
	(void)state;
	join("a", "a1");
	answer b = join("b", "b1");
	assert_int_equal(b.count, 0);
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(a.count, 4);
	assert_int_equal(revoked_count(&a), 2);
	a = heartbeat("a", "a1", revoked(&a));
	assert_int_equal(a.count, 2);
	assert_int_equal(revoked_count(&a), 0);
	b = heartbeat("b", "b1", NULL);
	assert_int_equal(b.count, 2);
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++)
			assert_int_not_equal(a.owned[i].p, b.owned[j].p);
}

static void a_partition_that_did_not_move_keeps_its_epoch(void **state)
{
	(void)state;
	answer before = join("a", "a1");
	join("b", "b1");
	answer after = heartbeat("a", "a1", NULL);
	for (int i = 0; i < 4; i++)
		assert_true(before.owned[i].epoch == after.owned[i].epoch);
}

static void a_partition_that_moved_has_a_later_epoch(void **state)
{
	(void)state;
	/* The state if Redis's clock was far ahead when the partition got its first epoch. */
	command("HSET " PARTITIONS " 0 %s", "9999999999999 - -");
	answer a = join("a", "a1");
	assert_true(a.owned[0].epoch == 10000000000000);
	leave("a", "a1");
	answer b = join("b", "b1");
	assert_true(b.owned[0].epoch == 10000000000001);
	assert_true(b.owned[1].epoch > a.owned[1].epoch);
}

static void a_member_that_leaves_frees_all_it_owned_at_once(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	answer left = leave("a", "a1");
	assert_string_equal(left.status, "OK");
	assert_int_equal(left.count, 0);
	assert_int_equal(heartbeat("b", "b1", NULL).count, 4);
	assert_string_equal(heartbeat("a", "a1", NULL).status, "UNKNOWN");
	assert_string_equal(leave("a", "a1").status, "UNKNOWN");
	assert_int_equal(command_number("HEXISTS " MEMBERS " a"), 0);
	assert_int_equal(command_number("HEXISTS " PARTITIONS " @a"), 0);
}

static void the_last_member_leaves_nothing_owned(void **state)
{
	(void)state;
	join("a", "a1");
	leave("a", "a1");
	for (int p = 0; p < 4; p++)
		assert_non_null(strstr(command("HGET " PARTITIONS " %d", p), " - -"));
	assert_int_equal(join("b", "b1").count, 4);
}

static void a_join_whose_answer_was_lost_joins_once(void **state)
{
	(void)state;
	answer first = join("a", "a1");
	char text[24];
	snprintf(text, sizeof(text), "%llu", first.generation);
	known = text;
	answer again = join("a", "a1");
	known = "0";
	assert_int_equal(again.count, 4);
	assert_true(again.generation == first.generation);
	assert_true(again.owned[0].epoch == first.owned[0].epoch);
}

static void a_member_cannot_have_the_name_that_says_nobody(void **state)
{
	(void)state;
	const char *words[] = {MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS, INFO, "g",        "join",
			       "-",     "a1",   "1000",     "100",   "4",    "0",  SHAPE_WORDS};
	redisReply *reply = script_reply(SEG_SCRIPT_COORDINATE, 6, words, 19);
	assert_int_equal(reply->type, REDIS_REPLY_ERROR);
	freeReplyObject(reply);
	assert_int_equal(command_number("DBSIZE"), 0);
}

/* --- leases ----------------------------------------------------------------------------------------- */

static void a_member_whose_lease_ended_loses_everything(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	expire("a");
	assert_int_equal(heartbeat("b", "b1", NULL).count, 4);
	assert_string_equal(heartbeat("a", "a1", NULL).status, "UNKNOWN");
	answer a = join("a", "a1");
	assert_string_equal(a.status, "OK");
	assert_int_equal(a.count, 0);
}

static void a_late_heartbeat_renews_what_nobody_took(void **state)
{
	(void)state;
	answer before = join("a", "a1");
	expire("a");
	answer after = heartbeat("a", "a1", NULL);
	assert_string_equal(after.status, "OK");
	assert_int_equal(after.count, 4);
	assert_true(after.owned[0].epoch == before.owned[0].epoch);
	assert_true(command_number("ZSCORE " LEASES " a") >= (long long)after.now + 60000);
}

static void the_next_expiry_is_that_of_the_first_other_member(void **state)
{
	(void)state;
	join("a", "a1");
	set_session("5000");
	answer b = join("b", "b1");
	assert_true(b.next_expiry > 55000 && b.next_expiry <= 60000);
	set_session("60000");
	answer a = heartbeat("a", "a1", NULL);
	assert_true(a.next_expiry > 0 && a.next_expiry <= 5000);
}

static void a_stranger_is_unknown(void **state)
{
	(void)state;
	answer x = heartbeat("x", "x1", "0 1");
	assert_string_equal(x.status, "UNKNOWN");
	assert_int_equal(x.count, -1);
	assert_int_equal(command_number("EXISTS " MEMBERS " " LEASES), 0);
}

/* --- releasing -------------------------------------------------------------------------------------- */

static void a_release_under_another_epoch_is_ignored(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	owned stale = a.owned[0];
	stale.epoch--;
	a = heartbeat("a", "a1", released_of(stale));
	assert_int_equal(a.count, 4);
	assert_true(a.owned[0].epoch == stale.epoch + 1);
}

static void nobody_releases_what_another_owns(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	join("b", "b1");
	for (int i = 0; i < 4; i++)
		assert_int_equal(heartbeat("b", "b1", released_of(a.owned[i])).count, 0);
	answer after = heartbeat("a", "a1", NULL);
	assert_int_equal(after.count, 4);
	for (int i = 0; i < 4; i++)
		assert_true(after.owned[i].epoch == a.owned[i].epoch);
}

static void a_partition_released_without_request_comes_back_with_a_new_epoch(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	answer after = heartbeat("a", "a1", released_of(a.owned[2]));
	assert_int_equal(after.count, 4);
	assert_true(after.owned[2].epoch > a.owned[2].epoch);
	assert_true(after.owned[1].epoch == a.owned[1].epoch);
}

static void a_release_that_is_sent_twice_is_one(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	char text[512];
	snprintf(text, sizeof(text), "%s", revoked(&a));
	answer once = heartbeat("a", "a1", text), twice = heartbeat("a", "a1", text);
	assert_int_equal(twice.count, 2);
	assert_true(once.generation == twice.generation);
}

/* --- shares that change while partitions are on their way ------------------------------------------ */

static int target_of(int p)
{
	char target[16];
	if (sscanf(command("HGET " PARTITIONS " %d", p), "%*s %*s %15s", target) != 1)
		fail_msg("partition %d: %s", p, said);
	return target[0];
}

static void moves_under_way_continue_if_the_shares_stay(void **state)
{
	(void)state;
	join("a", "a1");
	join("c", "c1");
	join("b", "b1");
	int before[4];
	for (int p = 0; p < 4; p++)
		before[p] = target_of(p);
	capacity = "0";
	join("d", "d1");
	for (int p = 0; p < 4; p++)
		assert_int_equal(target_of(p), before[p]);
}

static void a_member_whose_share_shrinks_keeps_what_it_owns_rather_than_what_is_under_way(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	int second = -1, seen = 0;
	for (int i = 0; i < 4; i++)
		if (a.owned[i].revoked && ++seen == 2)
			second = i;
	/*
	 * b owns the later partition and waits for the earlier one. When b may have only one, it keeps the later.
	 */
	heartbeat("a", "a1", released_of(a.owned[second]));
	join("c", "c1");
	assert_int_equal(target_of(second), 'b');
	assert_int_equal(heartbeat("b", "b1", NULL).count, 1);
}

static void a_move_that_was_not_done_yet_is_undone_when_its_cause_is_gone(void **state)
{
	(void)state;
	const char *names[] = {"d", "b", "a"};
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 3; i++) {
			capacity = i == 0 ? "200" : "100";
			answer a =
				round == 0 ? join(names[i], names[i]) : heartbeat(names[i], names[i], NULL);
			heartbeat(names[i], names[i], revoked(&a));
		}
	int before[4];
	for (int p = 0; p < 4; p++)
		before[p] = target_of(p);
	capacity = "400";
	join("c", "c1");
	int moving = 0;
	for (int p = 0; p < 4; p++)
		moving += target_of(p) == 'c';
	assert_int_equal(moving, 2);
	leave("c", "c1");
	for (int p = 0; p < 4; p++)
		assert_int_equal(target_of(p), before[p]);
}

/* --- capacity --------------------------------------------------------------------------------------- */

static void shares_follow_capacity(void **state)
{
	(void)state;
	capacity = "300";
	join("a", "a1");
	capacity = "100";
	join("b", "b1");
	capacity = "300";
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(revoked_count(&a), 1);
}

static void capacity_0_drains(void **state)
{
	(void)state;
	join("a", "a1");
	capacity = "0";
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(a.count, 4);
	assert_int_equal(revoked_count(&a), 4);
	a = heartbeat("a", "a1", revoked(&a));
	assert_string_equal(a.status, "OK");
	assert_int_equal(a.count, 0);
	capacity = "100";
	assert_int_equal(join("b", "b1").count, 4);
}

static void a_limit_sends_what_a_member_cannot_serve_to_the_others(void **state)
{
	(void)state;
	join("a", "a1");
	answer b = join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	heartbeat("a", "a1", revoked(&a));
	b = heartbeat("b", "b1", NULL);
	assert_int_equal(b.count, 2);
	a = heartbeat("a", "a1", NULL);
	/* The release and the limit come together, so that the partition does not come back. */
	capacity = "1:threads page=http://host:9464/ 100";
	char released[64];
	snprintf(released, sizeof(released), "%s", released_of(a.owned[0]));
	a = heartbeat("a", "a1", released);
	assert_int_equal(a.count, 1);
	capacity = "100";
	assert_int_equal(heartbeat("b", "b1", NULL).count, 3);
	/* Another member that comes and goes changes nothing of that. */
	join("c", "c1");
	leave("c", "c1");
	capacity = "1:threads 100";
	assert_int_equal(heartbeat("a", "a1", NULL).count, 1);
	capacity = "100";
	a = heartbeat("a", "a1", NULL);
	assert_int_equal(revoked_count(&a), 0);
	b = heartbeat("b", "b1", NULL);
	assert_int_equal(revoked_count(&b), 1);
}

static void what_nobody_can_serve_has_no_owner_until_a_member_can(void **state)
{
	(void)state;
	join("a", "a1");
	capacity = "2:open 100";
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(revoked_count(&a), 2);
	a = heartbeat("a", "a1", revoked(&a));
	assert_int_equal(a.count, 2);
	capacity = "0:open 100";
	a = heartbeat("a", "a1", NULL);
	assert_int_equal(heartbeat("a", "a1", revoked(&a)).count, 0);
	capacity = "3:open 100";
	assert_int_equal(heartbeat("a", "a1", NULL).count, 3);
	capacity = "100";
	assert_int_equal(join("b", "b1").count, 1);
}

/* --- one name, two processes ------------------------------------------------------------------------ */

static void who_arrives_does_not_replace_a_process_whose_lease_is_valid(void **state)
{
	(void)state;
	set_session("300");
	join("a", "a1");
	answer a = call("arrive", "a", "a2", NULL);
	assert_string_equal(a.status, "TAKEN");
	assert_true(a.next_expiry > 0 && a.next_expiry <= 300);
	assert_string_equal(heartbeat("a", "a1", NULL).status, "OK");
	assert_string_equal(call("arrive", "a", "a1", NULL).status, "OK");
	expire("a");
	assert_string_equal(call("arrive", "a", "a2", NULL).status, "OK");
	assert_string_equal(call("arrive", "b", "b1", NULL).status, "OK");
	set_session("60000");
}

static void a_process_that_takes_a_name_waits_until_the_former_lease_has_ended(void **state)
{
	(void)state;
	set_session("300");
	answer before = join("a", "a1");
	set_session("60000");
	answer a = join("a", "a2");
	assert_string_equal(a.status, "OK");
	assert_int_equal(a.count, 0);
	assert_true(a.next_expiry >= 0 && a.next_expiry <= 300);
	assert_string_equal(heartbeat("a", "a1", NULL).status, "REPLACED");
	long long deadline = test_now_ms() + 5000;
	while (a.count < 4) {
		if (test_now_ms() > deadline)
			fail_msg("the former lease does not end");
		a = heartbeat("a", "a2", NULL);
		if (a.count > 0)
			assert_true(a.now >= before.now + 300);
	}
	assert_true(a.owned[0].epoch > before.owned[0].epoch);
	assert_int_equal(a.next_expiry, -1);
}

static void a_replaced_process_that_leaves_frees_its_partitions_at_once(void **state)
{
	(void)state;
	join("a", "a1");
	join("a", "a2");
	assert_string_equal(leave("a", "a1").status, "REPLACED");
	answer a = heartbeat("a", "a2", NULL);
	assert_int_equal(a.count, 4);
	assert_int_equal(a.next_expiry, -1);
}

static void a_replaced_process_may_hand_back_one_by_one(void **state)
{
	(void)state;
	answer former = join("a", "a1");
	join("a", "a2");
	answer again = heartbeat("a", "a1", released_of(former.owned[1]));
	assert_string_equal(again.status, "REPLACED");
	answer a = heartbeat("a", "a2", NULL);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.owned[0].p, 1);
	assert_true(a.owned[0].epoch > former.owned[1].epoch);
}

static void nobody_hands_back_for_another_process_of_its_name(void **state)
{
	(void)state;
	answer former = join("a", "a1");
	assert_int_equal(call("join", "a", "a2", released_of(former.owned[0])).count, 0);
	assert_int_equal(heartbeat("a", "a2", released_of(former.owned[1])).count, 0);
	leave("a", "a1");
	answer a = heartbeat("a", "a2", NULL);
	assert_string_equal(heartbeat("a", "a1", released_of(a.owned[2])).status, "REPLACED");
	assert_true(heartbeat("a", "a2", NULL).owned[2].epoch == a.owned[2].epoch);
}

static void of_three_processes_each_frees_only_its_own(void **state)
{
	(void)state;
	join("a", "a1");
	join("a", "a2");
	join("a", "a3");
	leave("a", "a2"); /* a2 never owned any partition */
	assert_int_equal(heartbeat("a", "a3", NULL).count, 0);
	leave("a", "a1");
	assert_int_equal(heartbeat("a", "a3", NULL).count, 4);
}

static void a_replaced_process_takes_nothing_from_its_successor(void **state)
{
	(void)state;
	answer former = join("a", "a1");
	join("a", "a2");
	leave("a", "a1");
	leave("a", "a1");
	heartbeat("a", "a1", released_of(former.owned[0]));
	assert_int_equal(heartbeat("a", "a2", NULL).count, 4);
}

static void a_held_partition_may_get_another_target(void **state)
{
	(void)state;
	join("a", "a1");
	join("a", "a2");
	assert_int_equal(join("b", "b1").count, 0);
	leave("a", "a1");
	assert_int_equal(heartbeat("a", "a2", NULL).count, 2);
	assert_int_equal(heartbeat("b", "b1", NULL).count, 2);
}

static void a_name_whose_lease_has_ended_is_taken_at_once(void **state)
{
	(void)state;
	answer former = join("a", "a1");
	expire("a");
	answer a = join("a", "a2");
	assert_int_equal(a.count, 4);
	assert_true(a.owned[0].epoch > former.owned[0].epoch);
}

/* --- generations, and how members hear of them --------------------------------------------------------------- */

static void the_share_is_told_only_to_those_whose_share_has_changed(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	assert_int_equal(knowing(a.generation, "a", "a1").count, -1);
	answer b = join("b", "b1");
	assert_true(b.generation > a.generation);
	assert_int_equal(knowing(a.generation, "a", "a1").count, 4);
	/* c came and went: for b, nothing has changed. */
	expire("a");
	b = heartbeat("b", "b1", NULL);
	assert_int_equal(b.count, 4);
	capacity = "0";
	answer c = join("c", "c1");
	capacity = "100";
	assert_int_equal(c.count, 0);
	assert_int_equal(knowing(b.generation, "b", "b1").count, -1);
}

static void a_member_that_knows_nothing_hears_even_that_it_owns_nothing(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	capacity = "0";
	answer b = join("b", "b1");
	assert_int_equal(b.count, 0);
	assert_int_equal(heartbeat("b", "b1", NULL).count, 0);
	assert_int_equal(join("b", "b1").count, 0);
	assert_int_equal(knowing(b.generation, "b", "b1").count, -1);
	assert_int_equal(knowing(a.generation - 1, "b", "b1").count, -1);
	assert_int_equal(knowing(b.generation + 1, "b", "b1").count, 0);
}

static void every_change_is_one_entry_in_control(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	assert_int_equal(command_number("XLEN " CONTROL), 1);
	knowing(a.generation, "a", "a1");
	heartbeat("a", "a1", NULL);
	assert_int_equal(command_number("XLEN " CONTROL), 1);
	answer b = join("b", "b1");
	char text[64];
	snprintf(text, sizeof(text), "[generation %llu]", b.generation);
	assert_non_null(strstr(command("XREVRANGE " CONTROL " + - COUNT 1"), text));
	for (int i = 0; i < 70; i++) {
		join("c", "c1");
		leave("c", "c1");
	}
	assert_true(command_number("XLEN " CONTROL) <= 64);
}

/* --- lost keys are restored ---------------------------------------------------------------------- */

static void a_lost_assignment_is_made_anew(void **state)
{
	(void)state;
	answer a = join("a", "a1"), b = join("b", "b1");
	command("DEL " PARTITIONS);
	answer first = knowing(a.generation, "a", "a1");
	assert_int_equal(first.count, 2);
	assert_true(first.generation > b.generation);
	answer second = knowing(b.generation, "b", "b1");
	assert_int_equal(second.count, 2);
}

static void a_member_hears_that_a_new_assignment_has_nothing_for_it(void **state)
{
	(void)state;
	capacity = "1";
	join("a", "a1");
	answer a = heartbeat("a", "a1", NULL);
	capacity = "1000";
	join("b", "b1");
	command("DEL " PARTITIONS);
	answer b = heartbeat("b", "b1", NULL);
	assert_int_equal(b.count, 4);
	capacity = "1";
	assert_int_equal(knowing(a.generation, "a", "a1").count, 0);
}

static void members_without_leases_get_some_and_the_dead_among_them_go(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	command("DEL " LEASES);
	set_session("100");
	heartbeat("a", "a1", NULL);
	assert_int_equal(command_number("ZCARD " LEASES), 2);
	long long deadline = test_now_ms() + 5000;
	while (command_number("HLEN " MEMBERS) > 1) {
		if (test_now_ms() > deadline)
			fail_msg("the dead member stays");
		heartbeat("a", "a1", NULL);
	}
	answer a = heartbeat("a", "a1", NULL);
	assert_int_equal(a.count, 4);
	assert_int_equal(revoked_count(&a), 0);
}

static void after_the_list_of_members_was_lost_a_lease_still_protects(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	heartbeat("a", "a1", revoked(&a));
	command("DEL " MEMBERS);
	assert_string_equal(heartbeat("b", "b1", NULL).status, "UNKNOWN");
	/*
	 * a may still be working. b's former partitions wait for b's lease, too, because Redis cannot know
	 * whether this is the same b.
	 */
	assert_int_equal(join("b", "b1").count, 0);
	expire("a");
	assert_int_equal(heartbeat("b", "b1", NULL).count, 2);
}

static void a_partition_without_an_entry_is_assigned(void **state)
{
	(void)state;
	answer a = join("a", "a1");
	await_next_millisecond();
	command("HDEL " PARTITIONS " 2");
	assert_int_equal(heartbeat("a", "a1", NULL).count, 4);
	assert_true(heartbeat("a", "a1", NULL).owned[2].epoch > a.owned[2].epoch);
}

/* Whether the member's list of owned partitions has this text: "p p", for the newest change of its share. */
static bool list_is(const char *name, const char *numbers)
{
	char expected[64];
	snprintf(expected, sizeof(expected), "%lld %s", command_number("HGET " PARTITIONS " @%s", name),
		 numbers);
	return strcmp(command("HGET " PARTITIONS " #%s", name), expected) == 0;
}

static void a_share_that_a_writer_without_lists_changed_is_answered_in_full(void **state)
{
	(void)state;
	static const char *const lists[] = {"stays", "DEL", "1 0 1 2 3", "rubbish"};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		command("FLUSHALL");
		join("a", "1");
		answer a = join("b", "2");
		a = heartbeat("a", "1", NULL);
		heartbeat("a", "1", revoked(&a));
		assert_true(list_is("a", "0 1") && list_is("b", "2 3"));
		/* Does what older releases of the product, without lists, do when b leaves. */
		unsigned long long before =
			(unsigned long long)command_number("HGET " PARTITIONS " generation");
		command("HDEL " MEMBERS " b");
		command("ZREM " LEASES " b");
		redisReply *reply =
			redisCommand(redis, "HSET " PARTITIONS " 2 %s 3 %s @a %llu generation %llu",
				     "9999999999999 a a", "9999999999999 a a", before + 1, before + 1);
		freeReplyObject(reply);
		if (strcmp(lists[i], "DEL") == 0)
			command("HDEL " PARTITIONS " #a");
		else if (strcmp(lists[i], "stays") != 0)
			freeReplyObject(redisCommand(redis, "HSET " PARTITIONS " #a %s", lists[i]));
		assert_int_equal(knowing(before, "a", "1").count, 4);
		assert_true(list_is("a", "0 1 2 3"));
		assert_int_equal(heartbeat("a", "1", NULL).count, 4);
	}
}

static void a_target_that_a_writer_without_counts_changed_is_noticed(void **state)
{
	(void)state;
	join("a", "1");
	answer a = join("b", "2");
	a = heartbeat("a", "1", NULL);
	heartbeat("a", "1", revoked(&a));
	/* Does what older releases of the product do when c joins: it is the target of what a owns. */
	unsigned long long later = (unsigned long long)command_number("HGET " PARTITIONS " generation") + 1;
	freeReplyObject(redisCommand(redis, "HSET " MEMBERS " c %s", "3 100"));
	command("ZADD " LEASES " 99999999999999 c");
	char epoch[24], value[64], list[32];
	snprintf(list, sizeof(list), "%llu ", later);
	snprintf(epoch, sizeof(epoch), "%.13s", command("HGET " PARTITIONS " 1"));
	snprintf(value, sizeof(value), "%s a c", epoch);
	freeReplyObject(redisCommand(redis, "HSET " PARTITIONS " 1 %s @a %llu @c %llu #c %s generation %llu",
				     value, later, later, list, later));
	leave("c", "3");
	snprintf(value, sizeof(value), "%s a a", epoch);
	assert_string_equal(command("HGET " PARTITIONS " 1"), value);
}

static void renewed_epochs_leave_the_lists_as_they_are(void **state)
{
	(void)state;
	join("a", "1");
	answer before = heartbeat("a", "1", NULL);
	const char *words[] = {PARTITIONS, CONTROL, "1", "2"};
	assert_string_equal(reply_text(script_reply(SEG_SCRIPT_RENEW, 2, words, 4)), "OK 2");
	assert_true(list_is("a", "0 1 2 3"));
	answer after = knowing(before.generation, "a", "1");
	assert_int_equal(after.count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(after.owned[i].epoch > before.owned[i].epoch, i == 1 || i == 2);
	/* RENEW must not make an invalid list look valid. */
	command("HSET " PARTITIONS " #a 1");
	reply_text(script_reply(SEG_SCRIPT_RENEW, 2, words, 4));
	assert_int_equal(heartbeat("a", "1", NULL).count, 4);
	assert_true(list_is("a", "0 1 2 3"));
}

static void a_member_that_joins_without_a_share_has_a_list_after_its_first_heartbeat(void **state)
{
	(void)state;
	join("a", "1");
	capacity = "0";
	join("b", "2");
	capacity = "100";
	assert_true(list_is("b", ""));
}

static void without_memory_members_come_and_go(void **state)
{
	(void)state;
	command("CONFIG SET maxmemory 1");
	assert_int_equal(join("a", "a1").count, 4);
	join("b", "b1");
	answer a = heartbeat("a", "a1", NULL);
	heartbeat("a", "a1", revoked(&a));
	assert_int_equal(heartbeat("b", "b1", NULL).count, 2);
	leave("a", "a1");
	assert_int_equal(heartbeat("b", "b1", NULL).count, 4);
}

/* --- a clock that was put back ------------------------------------------------------------------------ */

#define AHEAD "600000"

/* What members wrote while the clock was ahead. */
static void write_ahead(void)
{
	command("EVAL %s 2 " LEASES " " PARTITIONS " " AHEAD,
		"for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do\n"
		"redis.call('ZINCRBY', KEYS[1], ARGV[1], name) end\n"
		"for _, field in ipairs({'clock', 'holds_end'}) do\n"
		"redis.call('HINCRBY', KEYS[2], field, ARGV[1]) end\n"
		"for p = 0, 3 do\n"
		"local head, till, by = string.match(redis.call('HGET', KEYS[2], p), '^(%S+ %S+ %S+) (%d+) (%S+)$')\n"
		"if head then redis.call('HSET', KEYS[2], p, head .. ' ' .. till + ARGV[1] .. ' ' .. by) end end");
}

static void leases_keep_what_was_left_of_them_when_the_clock_is_put_back(void **state)
{
	(void)state;
	join("a", "a1");
	join("b", "b1");
	write_ahead();
	answer c = join("c", "c1");
	assert_in_range(c.next_expiry, 1, 60000);
	assert_int_equal(heartbeat("a", "a1", NULL).count >= 0, 1);
	long long left = command_number("ZSCORE " LEASES " b") - (long long)c.now;
	assert_in_range(left, 58000, 61000);
}

static void holds_keep_what_was_left_of_them_when_the_clock_is_put_back(void **state)
{
	(void)state;
	session = "300";
	join("a", "a1");
	assert_int_equal(join("a", "a2").count, 0);
	write_ahead();
	assert_int_equal(heartbeat("a", "a2", NULL).count, 0);
	usleep(500000);
	assert_int_equal(heartbeat("a", "a2", NULL).count, 4);
	session = "60000";
}

static const char *heartbeat_as(const char *seen_epoch, const char *partitions, const char *size)
{
	return run(COORDINATE, 6, MEMBERS, LEASES, PARTITIONS, CONTROL, GROUPS, INFO, "g", "join", "a", "a1",
		   "60000", "100", partitions, "0", seen_epoch, size, "reject", "1", "off");
}

static void epochs_are_later_than_those_that_only_the_members_remember(void **state)
{
	(void)state;
	heartbeat_as("4000000000000", "4", "100");
	/* Later by a session at least: others may have seen later ones. */
	assert_in_range(heartbeat("a", "a1", NULL).owned[0].epoch, 4000000060001, 4000000120001);
}

static void a_generation_tells_every_member_how_late_an_epoch_can_be(void **state)
{
	(void)state;
	/* Redis's clock was far ahead before it was put back. */
	heartbeat_as("4000000000000", "4", "100");
	answer a = heartbeat("a", "a1", NULL);
	assert_true(a.generation >= a.owned[0].epoch * 1000);
	answer b = heartbeat("b", "b1", NULL);
	assert_true(b.generation >= a.generation);
}

/* --- the stream's registration ------------------------------------------------------------------------- */

static void a_registration_that_redis_has_lost_is_made_again_by_a_heartbeat(void **state)
{
	(void)state;
	join("a", "a1");
	assert_string_equal(command("HMGET " INFO " partitions partition_size overflow version packing"),
			    "4 100 reject 1 off");
	command("DEL " INFO);
	heartbeat("a", "a1", NULL);
	assert_string_equal(command("HGET " INFO " partitions"), "4");
	command("DEL " INFO);
	leave("a", "a1");
	assert_int_equal(command_number("EXISTS " INFO), 0);
}

static void a_stream_of_another_shape_is_no_stream_of_this_member(void **state)
{
	(void)state;
	join("a", "a1");
	assert_non_null(strstr(heartbeat_as("0", "5", "100"), " 4 100 reject off"));
	assert_int_equal(strncmp(heartbeat_as("0", "4", "99"), "RESHAPED ", strlen("RESHAPED ")), 0);
	assert_int_equal(strncmp(heartbeat_as("0", "4", "100"), "OK ", 3), 0);
}

#define TEST(function) cmocka_unit_test_setup(function, empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_member_owns_everything),
		TEST(a_second_member_waits_for_what_the_first_releases),
		TEST(a_partition_that_did_not_move_keeps_its_epoch),
		TEST(a_partition_that_moved_has_a_later_epoch),
		TEST(a_member_that_leaves_frees_all_it_owned_at_once),
		TEST(the_last_member_leaves_nothing_owned),
		TEST(a_join_whose_answer_was_lost_joins_once),
		TEST(a_member_cannot_have_the_name_that_says_nobody),
		TEST(a_member_whose_lease_ended_loses_everything),
		TEST(a_late_heartbeat_renews_what_nobody_took),
		TEST(the_next_expiry_is_that_of_the_first_other_member),
		TEST(a_stranger_is_unknown),
		TEST(a_release_under_another_epoch_is_ignored),
		TEST(nobody_releases_what_another_owns),
		TEST(a_partition_released_without_request_comes_back_with_a_new_epoch),
		TEST(a_release_that_is_sent_twice_is_one),
		TEST(moves_under_way_continue_if_the_shares_stay),
		TEST(a_member_whose_share_shrinks_keeps_what_it_owns_rather_than_what_is_under_way),
		TEST(a_move_that_was_not_done_yet_is_undone_when_its_cause_is_gone),
		TEST(shares_follow_capacity),
		TEST(capacity_0_drains),
		TEST(a_limit_sends_what_a_member_cannot_serve_to_the_others),
		TEST(what_nobody_can_serve_has_no_owner_until_a_member_can),
		TEST(who_arrives_does_not_replace_a_process_whose_lease_is_valid),
		TEST(a_process_that_takes_a_name_waits_until_the_former_lease_has_ended),
		TEST(a_replaced_process_that_leaves_frees_its_partitions_at_once),
		TEST(a_replaced_process_may_hand_back_one_by_one),
		TEST(nobody_hands_back_for_another_process_of_its_name),
		TEST(of_three_processes_each_frees_only_its_own),
		TEST(a_replaced_process_takes_nothing_from_its_successor),
		TEST(a_held_partition_may_get_another_target),
		TEST(a_name_whose_lease_has_ended_is_taken_at_once),
		TEST(the_share_is_told_only_to_those_whose_share_has_changed),
		TEST(a_member_that_knows_nothing_hears_even_that_it_owns_nothing),
		TEST(every_change_is_one_entry_in_control),
		TEST(a_lost_assignment_is_made_anew),
		TEST(a_member_hears_that_a_new_assignment_has_nothing_for_it),
		TEST(members_without_leases_get_some_and_the_dead_among_them_go),
		TEST(after_the_list_of_members_was_lost_a_lease_still_protects),
		TEST(a_partition_without_an_entry_is_assigned),
		TEST(a_share_that_a_writer_without_lists_changed_is_answered_in_full),
		TEST(a_target_that_a_writer_without_counts_changed_is_noticed),
		TEST(renewed_epochs_leave_the_lists_as_they_are),
		TEST(a_member_that_joins_without_a_share_has_a_list_after_its_first_heartbeat),
		TEST(without_memory_members_come_and_go),
		TEST(leases_keep_what_was_left_of_them_when_the_clock_is_put_back),
		TEST(holds_keep_what_was_left_of_them_when_the_clock_is_put_back),
		TEST(epochs_are_later_than_those_that_only_the_members_remember),
		TEST(a_generation_tells_every_member_how_late_an_epoch_can_be),
		TEST(a_registration_that_redis_has_lost_is_made_again_by_a_heartbeat),
		TEST(a_stream_of_another_shape_is_no_stream_of_this_member),
	};
	return cmocka_run_group_tests(tests, start_redis, stop_redis);
}

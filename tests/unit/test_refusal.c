/*
 * test_refusal.c - whether Redis refuses all that a member asks for, or a part, and how often the log says so: of a member made by
 * hand, without a thread and Redis.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "group/refusal.h"
#include "harness/member.h"

#define SESSION SEG_SECOND
#define COMMIT "a commit"

enum { PARTITIONS = 3 };

static seg_member *member;

/* Whether the member's servers are a cluster: its route, which does not connect, cannot know. */
static bool is_cluster;

bool __wrap_seg_route_is_cluster(const seg_route *route);

bool __wrap_seg_route_is_cluster(const seg_route *route)
{
	(void)route;
	return is_cluster;
}

static int set_up(void **state)
{
	(void)state;
	is_cluster = false;
	member = test_member_make(PARTITIONS);
	member->options.session_timeout = SESSION;
	test_member_give_routes(member);
	seg_refusal_init(member);
	for (uint32_t i = 0; i < PARTITIONS; i++)
		member->partitions[i].own.state = SEG_OWN_ACTIVE;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	seg_refusal_fini(member);
	test_member_free(member);
	return 0;
}

static void refuse(unsigned partition, seg_refused kind, const char *text)
{
	const seg_reply reply = {.type = SEG_REPLY_ERROR, .text = text, .length = strlen(text)};
	seg_refusal_note(&member->partitions[partition], kind, kind == SEG_REFUSED_READ ? "a read" : COMMIT,
			 &reply);
}

static void refuse_commit(unsigned partition, const char *text)
{
	refuse(partition, SEG_REFUSED_COMMIT, text);
}

/* All that was refused until now was refused so much earlier. */
static void time_passes(int64_t duration)
{
	seg_refusing *membership = &member->refusals.shown[SEG_REFUSED_MEMBERSHIP];
	if (membership->since)
		membership->since -= duration;
	for (uint32_t i = 0; i < PARTITIONS; i++) {
		seg_partition *p = &member->partitions[i];
		p->refusal.since -= duration;
		if (p->refusal.all_since != SEG_NEVER)
			p->refusal.all_since -= duration;
	}
}

static bool all_are_refused(seg_refused kind, seg_refusing *refusing)
{
	seg_refusal_step(member);
	return seg_refusal_look(member, kind, refusing) &&
	       seg_refusal_is_all(member, kind, refusing, PARTITIONS);
}

static bool all_commits_are_refused(void)
{
	seg_refusing refusing;
	return all_are_refused(SEG_REFUSED_COMMIT, &refusing);
}

#define OF_COMMAND "NOPERM User key has no permissions to run the 'xgroup|setid' command"
#define OF_KEY "WRONGTYPE Operation against a key holding the wrong kind of value"
#define PASSING "READONLY You can't write against a read only replica."

static void a_right_that_is_missing_for_a_session_concerns_quiet_partitions_too(void **state)
{
	(void)state;
	refuse_commit(1, OF_COMMAND);
	assert_false(all_commits_are_refused());
	time_passes(SESSION);
	assert_true(all_commits_are_refused());
}

static void a_command_that_redis_does_not_know_does_too(void **state)
{
	(void)state;
	refuse_commit(1, "ERR unknown command 'EVALSHA', with args beginning with: ");
	time_passes(SESSION);
	assert_true(all_commits_are_refused());
}

static void a_refused_key_says_nothing_about_quiet_partitions(void **state)
{
	(void)state;
	const char *texts[] =
		{OF_KEY, "NOPERM User a has no permissions to access the 'k' key",
		 "NOPERM this user has no permissions to access one of the keys used as arguments"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		refuse_commit(0, texts[i]);
		time_passes(SESSION);
		assert_false(all_commits_are_refused());
	}
}

static void an_old_refusal_of_a_key_and_a_new_one_of_all_are_not_an_old_one_of_all(void **state)
{
	(void)state;
	refuse_commit(0, OF_KEY);
	time_passes(100 * SESSION);
	refuse_commit(1, PASSING);
	assert_false(all_commits_are_refused());
	/* The same partition: what concerned its key alone does not make it older, either. */
	refuse_commit(0, PASSING);
	assert_false(all_commits_are_refused());
	time_passes(SESSION);
	assert_true(all_commits_are_refused());
	refuse_commit(0, OF_KEY);
	refuse_commit(1, OF_KEY);
	assert_false(all_commits_are_refused());
}

static void the_text_is_of_the_refusal_that_the_verdict_is_about(void **state)
{
	(void)state;
	seg_refusing refusing;
	refuse_commit(0, OF_KEY);
	time_passes(100 * SESSION);
	refuse_commit(2, OF_COMMAND);
	assert_false(all_are_refused(SEG_REFUSED_COMMIT, &refusing));
	assert_int_equal(refusing.partition, 0);
	time_passes(SESSION);
	assert_true(all_are_refused(SEG_REFUSED_COMMIT, &refusing));
	assert_int_equal(refusing.partition, 2);
	assert_non_null(strstr(refusing.text, "'xgroup|setid'"));
}

static void each_partition_must_have_been_refused_for_a_session(void **state)
{
	(void)state;
	const seg_refused kinds[] = {SEG_REFUSED_READ, SEG_REFUSED_COMMIT};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		seg_refusing refusing;
		refuse(0, kinds[i], OF_KEY);
		refuse(1, kinds[i], OF_KEY);
		time_passes(100 * SESSION);
		assert_false(all_are_refused(kinds[i], &refusing));
		refuse(2, kinds[i], OF_KEY);
		assert_false(all_are_refused(kinds[i], &refusing));
		time_passes(SESSION);
		assert_true(all_are_refused(kinds[i], &refusing));
	}
}

static void where_a_right_is_missing_a_partition_that_is_new_makes_no_difference(void **state)
{
	(void)state;
	seg_refusing refusing;
	refuse(0, SEG_REFUSED_READ, OF_COMMAND);
	refuse(1, SEG_REFUSED_READ, OF_COMMAND);
	time_passes(SESSION);
	refuse(2, SEG_REFUSED_READ, OF_COMMAND);
	assert_true(all_are_refused(SEG_REFUSED_READ, &refusing));
}

static void a_commit_that_succeeds_ends_the_verdict(void **state)
{
	(void)state;
	refuse_commit(0, OF_COMMAND);
	time_passes(SESSION);
	assert_true(all_commits_are_refused());
	seg_refusal_over(&member->partitions[1], SEG_REFUSED_COMMIT, COMMIT);
	assert_false(all_commits_are_refused());
}

static void claims_that_are_refused_matter_to_a_member_that_owns_nothing(void **state)
{
	(void)state;
	seg_refusing refusing;
	refuse(0, SEG_REFUSED_CLAIM, OF_COMMAND);
	time_passes(SESSION);
	seg_refusal_step(member);
	assert_true(seg_refusal_look(member, SEG_REFUSED_CLAIM, &refusing));
	assert_false(seg_refusal_is_all(member, SEG_REFUSED_CLAIM, &refusing, 1));
	assert_true(seg_refusal_is_all(member, SEG_REFUSED_CLAIM, &refusing, 0));
}

static void heartbeats_are_refused_until_one_is_accepted(void **state)
{
	(void)state;
	seg_refusing refusing;
	const seg_reply reply = {.type = SEG_REPLY_ERROR, .text = OF_COMMAND, .length = strlen(OF_COMMAND)};
	seg_refusal_note_member(member, "a heartbeat", &reply);
	assert_true(seg_refusal_look(member, SEG_REFUSED_MEMBERSHIP, &refusing));
	assert_false(seg_refusal_is_all(member, SEG_REFUSED_MEMBERSHIP, &refusing, PARTITIONS));
	time_passes(SESSION);
	seg_refusal_note_member(member, "a heartbeat", &reply);
	assert_true(seg_refusal_look(member, SEG_REFUSED_MEMBERSHIP, &refusing));
	assert_true(seg_refusal_is_all(member, SEG_REFUSED_MEMBERSHIP, &refusing, PARTITIONS));
	seg_refusal_member_over(member);
	assert_false(seg_refusal_look(member, SEG_REFUSED_MEMBERSHIP, &refusing));
}

static void what_one_node_of_a_cluster_says_of_itself_says_nothing_of_the_others(void **state)
{
	(void)state;
	is_cluster = true;
	refuse_commit(0, PASSING);
	time_passes(SESSION);
	assert_false(all_commits_are_refused());
	for (unsigned i = 0; i < PARTITIONS; i++)
		refuse_commit(i, PASSING);
	time_passes(SESSION);
	assert_true(all_commits_are_refused());
}

static void a_verdict_about_a_right_ends_where_a_node_of_a_cluster_gives_another_reason(void **state)
{
	(void)state;
	is_cluster = true;
	refuse_commit(0, OF_COMMAND);
	time_passes(SESSION);
	refuse_commit(0, PASSING);
	assert_false(all_commits_are_refused());
	refuse_commit(0, OF_COMMAND);
	assert_false(all_commits_are_refused());
	time_passes(SESSION);
	assert_true(all_commits_are_refused());
}

/* --- the log ------------------------------------------------------------------------------------- */

static int lines;

static void count_line(void *arg, const seg_log_event *event)
{
	(void)arg;
	assert_int_equal(event->level, SEG_LOG_ERROR);
	lines++;
}

static void tell(const char *what, const char *text)
{
	const seg_logger logger = seg_logger_make(count_line, NULL);
	const seg_reply reply = {.type = SEG_REPLY_ERROR, .text = text, .length = strlen(text)};
	seg_refusal_tell(member, &logger, what, &reply);
}

static void refusals_that_alternate_have_a_line_each_and_no_more(void **state)
{
	(void)state;
	lines = 0;
	for (int i = 0; i < 10; i++) {
		tell("a read", "NOPERM one server says so");
		tell("a read", "NOPERM another server says it so");
		tell(COMMIT, "NOPERM one server says so");
	}
	assert_int_equal(lines, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_right_that_is_missing_for_a_session_concerns_quiet_partitions_too),
		TEST(a_command_that_redis_does_not_know_does_too),
		TEST(a_refused_key_says_nothing_about_quiet_partitions),
		TEST(an_old_refusal_of_a_key_and_a_new_one_of_all_are_not_an_old_one_of_all),
		TEST(the_text_is_of_the_refusal_that_the_verdict_is_about),
		TEST(each_partition_must_have_been_refused_for_a_session),
		TEST(where_a_right_is_missing_a_partition_that_is_new_makes_no_difference),
		TEST(a_commit_that_succeeds_ends_the_verdict),
		TEST(claims_that_are_refused_matter_to_a_member_that_owns_nothing),
		TEST(heartbeats_are_refused_until_one_is_accepted),
		TEST(what_one_node_of_a_cluster_says_of_itself_says_nothing_of_the_others),
		TEST(a_verdict_about_a_right_ends_where_a_node_of_a_cluster_gives_another_reason),
		TEST(refusals_that_alternate_have_a_line_each_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_scripts_emit.c - the scripts emit and emit_packed: that each record is added once and in its order, also if another owner sends
 * it again, or if it comes late; bounds; and a full memory. The last tests play owners that crash, calls that are lost or come late, and
 * resets at random, and look at what is in the log in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_scripts.h"

#define LOG "__n:out:partition_0"
#define FROM "{__n:out:partition_0}:from"
#define COUNTERS "{__n:out:partition_0}:counters"
#define SOURCE "g:in:3"

#define emit_to(size, overflow, run_number, epoch, floor, n, ...) \
	run(EMIT, 3, LOG, FROM, COUNTERS, size, overflow, SOURCE, run_number, epoch, floor, #n, __VA_ARGS__)
#define emit(epoch, floor, n, ...) emit_to("100", "reject", "0", epoch, floor, n, __VA_ARGS__)
#define emit_packed(epoch, floor, n, ...)                                                                  \
	run(EMIT_PACKED, 3, LOG, FROM, COUNTERS, "100", "reject", SOURCE, "0", epoch, floor, #n, "packed", \
	    "value", __VA_ARGS__)

static const char *source(void)
{
	return command("HGET " FROM " " SOURCE);
}

/* What the log has, as "data data ...". */
static const char *log_data(void)
{
	static char text[4096];
	redisReply *reply = redisCommand(rig.redis, "XRANGE " LOG " - +");
	assert_non_null(reply);
	text[0] = '\0';
	for (size_t i = 0; i < reply->elements; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 reply->element[i]->element[1]->element[3]->str);
	freeReplyObject(reply);
	return text;
}

/* --- once ------------------------------------------------------------------------------------------- */

static void records_are_added_with_their_fields(void **state)
{
	(void)state;
	assert_string_equal(emit("7", "0-0", 2, "- 5-0 1", "4", "partitionKey", "k", "data", "a", "h", "1",
				 "t", "2", "- 5-0 2", "2", "partitionKey", "k", "data", "b"),
			    "OK 2 2");
	assert_string_equal(log_data(), "a b");
	redisReply *reply = redisCommand(rig.redis, "XRANGE " LOG " - + COUNT 1");
	assert_int_equal(reply->element[0]->element[1]->elements, 8);
	assert_string_equal(reply->element[0]->element[1]->element[7]->str, "2");
	freeReplyObject(reply);
}

static void what_was_added_is_not_added_again(void **state)
{
	(void)state;
	assert_string_equal(emit("7", "0-0", 2, "- 5-0 1", "k", "a", "- 5-0 2", "k", "b"), "OK 2 2");
	assert_string_equal(emit("7", "0-0", 2, "- 5-0 1", "k", "a", "- 5-0 2", "k", "b"), "OK 2 0");
	assert_string_equal(emit("7", "0-0", 3, "- 5-0 2", "k", "b", "- 5-0 3", "k", "c", "- 6-0 1", "k",
				 "d"),
			    "OK 3 2");
	assert_string_equal(log_data(), "a b c d");
	assert_string_equal(source(), "0 7 0-0 - 6-0 1");
}

static void numbers_and_ids_are_compared_as_numbers(void **state)
{
	(void)state;
	emit("7", "0-0", 1, "- 18446744073709551614-9 9", "k", "a");
	assert_string_equal(emit("7", "0-0", 1, "- 18446744073709551614-9 10", "k", "b"), "OK 1 1");
	assert_string_equal(emit("7", "0-0", 1, "- 18446744073709551614-10 1", "k", "c"), "OK 1 1");
	assert_string_equal(emit("7", "0-0", 1, "- 9999999999999999999-0 1", "k", "d"), "OK 1 0");
	assert_string_equal(log_data(), "a b c");
}

static void a_lower_epoch_is_refused(void **state)
{
	(void)state;
	emit("10", "0-0", 1, "- 5-0 1", "k", "a");
	assert_string_equal(emit("9", "0-0", 1, "- 6-0 1", "k", "b"), "STALE 10");
	assert_string_equal(emit("11", "0-0", 1, "- 6-0 1", "k", "b"), "OK 1 1");
	assert_string_equal(emit("10", "0-0", 1, "- 7-0 1", "k", "c"), "STALE 11");
	assert_string_equal(log_data(), "a b");
}

static void what_the_position_has_passed_is_not_added(void **state)
{
	(void)state;
	emit("7", "0-0", 1, "- 5-0 1", "k", "a");
	assert_string_equal(emit("7", "5-0", 1, "- 6-0 1", "k", "b"), "OK 1 1");
	/* A call that was on its way while the position moved. */
	assert_string_equal(emit("7", "4-0", 1, "- 5-0 1", "k", "a"), "OK 1 0");
	/* An owner whose Redis has lost a commit goes back. */
	assert_string_equal(emit("8", "2-0", 2, "- 5-0 1", "k", "a", "- 6-0 1", "k", "b"), "OK 2 0");
	assert_string_equal(log_data(), "a b");
	assert_string_equal(source(), "0 8 5-0 - 6-0 1");
}

static void a_passed_slot_is_forgotten_and_its_records_stay_out(void **state)
{
	(void)state;
	emit("7", "0-0", 2, "1 5-0 1", "k", "a", "2 6-0 1", "k", "b");
	emit("7", "5-0", 1, "2 7-0 1", "k", "c");
	assert_string_equal(source(), "0 7 5-0 2 7-0 1");
	assert_string_equal(emit("7", "5-0", 1, "1 5-0 1", "k", "a"), "OK 1 0");
	emit("7", "9-0", 1, "1 9-0 1", "k", "d");
	assert_string_equal(source(), "0 7 9-0");
	assert_string_equal(log_data(), "a b c");
}

/* Else a WAIT after the call would not cover a record that another connection has added. */
static void a_call_that_finds_records_writes_even_if_the_rest_has_no_room(void **state)
{
	(void)state;
	emit_to("1", "reject", "0", "7", "0-0", 1, "- 5-0 1", "k", "a");
	assert_string_equal(emit_to("1", "reject", "0", "8", "0-0", 2, "- 5-0 1", "k", "a", "- 6-0 1", "k",
				    "b"),
			    "OK 1 0");
	assert_string_equal(source(), "0 8 0-0 - 5-0 1");
}

static void slots_go_on_by_themselves(void **state)
{
	(void)state;
	emit("7", "0-0", 1, "1 9-0 1", "k", "a");
	assert_string_equal(emit("7", "0-0", 3, "2 5-0 1", "k", "b", "1 9-0 1", "k", "a", "2 6-0 1", "k",
				 "c"),
			    "OK 3 2");
	assert_string_equal(log_data(), "a b c");
}

/* An owner with `parallel` 1 has added up to 6-0; the next one has `parallel` 8; and the other way round. */
static void a_change_between_in_order_and_by_slot_adds_nothing_twice(void **state)
{
	(void)state;
	emit("7", "0-0", 2, "-1 5-0 1", "k", "a", "-2 6-0 1", "k", "b");
	assert_string_equal(emit("8", "0-0", 3, "1 5-0 1", "k", "a", "2 6-0 1", "k", "b", "1 9-0 1", "k",
				 "c"),
			    "OK 3 1");
	assert_string_equal(emit("9", "0-0", 4, "-1 5-0 1", "k", "a", "-2 8-0 1", "k", "d", "-1 9-0 1", "k",
				 "c", "-2 10-0 1", "k", "e"),
			    "OK 4 2");
	assert_string_equal(log_data(), "a b c d e");
}

static void after_a_reset_records_are_added_anew(void **state)
{
	(void)state;
	emit_to("100", "reject", "1", "7", "6-0", 1, "- 7-0 1", "k", "a");
	assert_string_equal(emit_to("100", "reject", "2", "8", "0-0", 1, "- 7-0 1", "k", "a"), "OK 1 1");
	assert_string_equal(source(), "2 8 0-0 - 7-0 1");
	/* Redis has lost the run of the source, and not what the source has added. */
	assert_string_equal(emit_to("100", "reject", "0", "9", "0-0", 2, "- 7-0 1", "k", "a", "- 8-0 1", "k",
				    "b"),
			    "OK 2 1");
	assert_string_equal(source(), "2 9 0-0 - 8-0 1");
	assert_string_equal(log_data(), "a a b");
}

static void sources_do_not_know_of_each_other(void **state)
{
	(void)state;
	emit("7", "0-0", 1, "- 5-0 1", "k", "a");
	assert_string_equal(run(EMIT, 2, LOG, FROM, "100", "reject", "g:in:4", "0", "3", "0-0", "1",
				"- 5-0 1", "k", "b"),
			    "OK 1 1");
	assert_string_equal(log_data(), "a b");
}

/* --- bounds ----------------------------------------------------------------------------------------- */

static void a_full_partition_takes_what_fits_and_the_rest_later(void **state)
{
	(void)state;
	assert_string_equal(emit_to("3", "reject", "0", "7", "0-0", 2, "- 1-0 1", "k", "a", "- 1-0 2", "k",
				    "b"),
			    "OK 2 2");
	/* The first is old, the second fits, the third does not. */
	assert_string_equal(emit_to("3", "reject", "0", "7", "0-0", 3, "- 1-0 2", "k", "b", "- 2-0 1", "k",
				    "c", "- 2-0 2", "k", "d"),
			    "OK 2 1");
	assert_string_equal(emit_to("3", "reject", "0", "7", "0-0", 1, "- 2-0 2", "k", "d"), "OK 0 0");
	command("XTRIM " LOG " MAXLEN 1");
	assert_string_equal(emit_to("3", "reject", "0", "7", "0-0", 1, "- 2-0 2", "k", "d"), "OK 1 1");
	assert_string_equal(log_data(), "c d");
}

static void what_every_group_has_committed_makes_room(void **state)
{
	(void)state;
	emit_to("2", "reject", "0", "7", "0-0", 2, "- 1-0 1", "k", "a", "- 1-0 2", "k", "b");
	command("XGROUP CREATE " LOG " reader 0");
	assert_string_equal(emit_to("2", "reject", "0", "7", "0-0", 1, "- 2-0 1", "k", "c"), "OK 0 0");
	command("XGROUP SETID " LOG " reader $");
	assert_string_equal(emit_to("2", "reject", "0", "7", "0-0", 1, "- 2-0 1", "k", "c"), "OK 1 1");
	assert_string_equal(log_data(), "c");
}

static void drop_oldest_drops_and_counts(void **state)
{
	(void)state;
	emit_to("2", "drop-oldest", "0", "7", "0-0", 2, "- 1-0 1", "k", "a", "- 1-0 2", "k", "b");
	assert_string_equal(emit_to("2", "drop-oldest", "0", "7", "0-0", 2, "- 1-0 2", "k", "b", "- 2-0 1",
				    "k", "c"),
			    "OK 2 1");
	assert_string_equal(log_data(), "b c");
	assert_string_equal(command("HGET " COUNTERS " dropped"), "1");
	assert_string_equal(emit_to("2", "drop-oldest", "0", "7", "0-0", 3, "- 3-0 1", "k", "d", "- 3-0 2",
				    "k", "e", "- 3-0 3", "k", "f"),
			    "OK 3 3");
	assert_string_equal(log_data(), "e f");
	assert_string_equal(command("HGET " COUNTERS " dropped"), "4");
}

static void without_memory_nothing_is_added_and_what_was_added_is_told(void **state)
{
	(void)state;
	emit("7", "0-0", 1, "- 5-0 1", "k", "a");
	command("XGROUP CREATE " LOG " reader 0");
	command("CONFIG SET maxmemory 1");
	const char *answer = emit("7", "0-0", 1, "- 6-0 1", "k", "b");
	if (!strstr(answer, "OOM"))
		fail_msg("%s", answer);
	assert_string_equal(emit("8", "4-0", 1, "- 5-0 1", "k", "a"), "OK 1 0");
	assert_string_equal(source(), "0 8 4-0 - 5-0 1");
	command("XGROUP SETID " LOG " reader $");
	assert_string_equal(emit("8", "4-0", 1, "- 6-0 1", "k", "b"), "OK 1 1");
	command("CONFIG SET maxmemory 0");
	assert_string_equal(log_data(), "b");
}

/* --- packed ----------------------------------------------------------------------------------------- */

static void a_packed_call_adds_all_or_none(void **state)
{
	(void)state;
	assert_string_equal(emit_packed("7", "0-0", 2, "- 5-0 1", "- 5-0 2"), "OK 2 2");
	assert_string_equal(emit_packed("7", "0-0", 2, "- 5-0 1", "- 5-0 2"), "OK 2 0");
	assert_string_equal(emit_packed("7", "0-0", 3, "- 5-0 1", "- 5-0 2", "- 6-0 1"), "OLD 110");
	assert_string_equal(emit_packed("7", "0-0", 1, "- 6-0 1"), "OK 1 1");
	assert_string_equal(emit_packed("6", "0-0", 1, "- 7-0 1"), "STALE 7");
	assert_int_equal(command_number("XLEN " LOG), 2);
	assert_string_equal(command("HGET " COUNTERS " records"), "3");
	assert_string_equal(source(), "0 7 0-0 - 6-0 1");
	assert_string_equal(emit_packed("7", "0-0", 2, "3 6-0 1", "4 9-0 1"), "OLD 10");
}

static void a_full_packed_partition_takes_nothing(void **state)
{
	(void)state;
	assert_string_equal(run(EMIT_PACKED, 3, LOG, FROM, COUNTERS, "3", "reject", SOURCE, "0", "7", "0-0",
				"2", "packed", "v", "- 5-0 1", "- 5-0 2"),
			    "OK 2 2");
	assert_string_equal(run(EMIT_PACKED, 3, LOG, FROM, COUNTERS, "3", "reject", SOURCE, "0", "7", "0-0",
				"2", "packed", "v", "- 6-0 1", "- 6-0 2"),
			    "OK 0 0");
	assert_string_equal(source(), "0 7 0-0 - 5-0 2");
}

/* --- owners that crash ------------------------------------------------------------------------------ */

enum { MESSAGES = 60, SLOTS = 5, RECORDS_MAX = 3, CALL_MAX = 8, LATE_MAX = 4, RUNS = 60 };

/* A record: which message it is from, and its number. Message m has m % (RECORDS_MAX + 1) records, in slot m % SLOTS. */
typedef struct {
	int message, number;
} record;

typedef struct {
	record records[CALL_MAX];
	int count;
	int run, epoch, floor;
	bool by_slot;
} call;

/* The owner: what it has emitted, in this order, and how many of these Redis has told to be added. */
typedef struct {
	record queue[MESSAGES * RECORDS_MAX];
	int count, acknowledged;
	int run, epoch, position;
	bool by_slot;
} owner;

static unsigned dice;

static int roll(int sides)
{
	dice = dice * 1103515245u + 12345u;
	return (int)(dice >> 16) % sides;
}

/* Handles all messages after the position: in order, or each slot in order and the slots at random. */
static void handle_all(owner *o)
{
	int next[SLOTS], left = MESSAGES - o->position;
	o->count = o->acknowledged = 0;
	for (int s = 0; s < SLOTS; s++)
		for (next[s] = o->position + 1; next[s] % SLOTS != s;)
			next[s]++;
	for (int m = o->position + 1; left > 0; left--, m++) {
		int message = m;
		if (o->by_slot) {
			int s = roll(SLOTS);
			while (next[s] > MESSAGES)
				s = (s + 1) % SLOTS;
			message = next[s];
			next[s] += SLOTS;
		}
		for (int n = 1; n <= message % (RECORDS_MAX + 1); n++)
			o->queue[o->count++] = (record){message, n};
	}
}

static void begin_owner(owner *o)
{
	o->epoch++;
	o->by_slot = roll(2);
	handle_all(o);
}

static call next_call(const owner *o)
{
	call c = {.run = o->run, .epoch = o->epoch, .floor = o->position, .by_slot = o->by_slot};
	int left = o->count - o->acknowledged;
	c.count = 1 + roll(left < CALL_MAX ? left : CALL_MAX);
	memcpy(c.records, o->queue + o->acknowledged, sizeof(record) * (size_t)c.count);
	return c;
}

/* The answer: the status, and how many of the call's records Redis has. -1: stale. */
static int send_call(const call *c)
{
	char texts[CALL_MAX][2][48], head[4][16];
	const char *words[10 + 3 * CALL_MAX] = {LOG,     FROM,    "40",    "reject", SOURCE,
						head[0], head[1], head[2], head[3]};
	int count = 9, done;
	snprintf(head[0], 16, "%d", c->run);
	snprintf(head[1], 16, "%d", c->epoch);
	snprintf(head[2], 16, "%d-0", c->floor);
	snprintf(head[3], 16, "%d", c->count);
	for (int i = 0; i < c->count; i++) {
		const record *r = &c->records[i];
		snprintf(texts[i][0], 48, "%s%d %d-0 %d", c->by_slot ? "" : "-", r->message % SLOTS,
			 r->message, r->number);
		snprintf(texts[i][1], 48, "%d %d %d", c->run, r->message, r->number);
		words[count++] = texts[i][0];
		words[count++] = "k";
		words[count++] = texts[i][1];
	}
	const char *answer = reply_text(script_reply(SEG_SCRIPT_EMIT, 2, words, count));
	if (strncmp(answer, "STALE", 5) == 0)
		return -1;
	if (sscanf(answer, "OK %d", &done) != 1)
		fail_msg("%s", answer);
	return done;
}

/* The position may move up to the message before the first one with a record that is not acknowledged. */
static void move_position(owner *o)
{
	int first = MESSAGES + 1;
	for (int i = o->acknowledged; i < o->count; i++)
		if (o->queue[i].message < first)
			first = o->queue[i].message;
	if (first - 1 > o->position)
		o->position += 1 + roll(first - 1 - o->position);
}

/* What readers of the target have taken out of the log. */
static bool seen[RUNS][MESSAGES + 1][RECORDS_MAX + 1];
static record last_of[RUNS][SLOTS];

static void take_out(int most)
{
	redisReply *reply = redisCommand(rig.redis, "XRANGE " LOG " - + COUNT %d", most);
	assert_non_null(reply);
	for (size_t i = 0; i < reply->elements; i++) {
		int r, m, n;
		const char *data = reply->element[i]->element[1]->element[3]->str;
		assert_int_equal(sscanf(data, "%d %d %d", &r, &m, &n), 3);
		record *last = &last_of[r][m % SLOTS];
		if (seen[r][m][n])
			fail_msg("record %d of message %d was added twice in run %d", n, m, r);
		if (m < last->message || (m == last->message && n < last->number))
			fail_msg("record %d of message %d came after %d of %d", n, m, last->number,
				 last->message);
		seen[r][m][n] = true;
		*last = (record){m, n};
		command("XDEL " LOG " %s", reply->element[i]->element[0]->str);
	}
	freeReplyObject(reply);
}

static void play(unsigned seed)
{
	owner o = {.run = 1, .epoch = 1};
	call late[LATE_MAX];
	int late_count = 0;
	dice = seed;
	memset(seen, 0, sizeof(seen));
	memset(last_of, 0, sizeof(last_of));
	command("FLUSHALL");
	begin_owner(&o);
	while (o.acknowledged < o.count) {
		int event = roll(100);
		if (event < 2 && o.run < RUNS - 1) {
			/* A reset: the old owner's calls end with its connection. */
			late_count = 0;
			o.run++;
			o.position = roll(MESSAGES);
			begin_owner(&o);
		} else if (event < 10) {
			begin_owner(&o);
		} else if (event < 25 && late_count < LATE_MAX) {
			late[late_count++] =
				next_call(&o); /* the answer of this one is lost, or it comes late */
			if (roll(2))
				send_call(&late[late_count - 1]);
		} else if (event < 35 && late_count > 0) {
			send_call(&late[roll(late_count)]);
			late[0] = late[--late_count];
		} else if (event < 50) {
			move_position(&o);
		} else if (event < 60) {
			take_out(1 + roll(30));
		} else {
			call c = next_call(&o);
			int done = send_call(&c);
			assert_true(done >= 0);
			o.acknowledged += done;
		}
	}
	take_out(1000);
	for (int i = 0; i < o.count; i++)
		if (!seen[o.run][o.queue[i].message][o.queue[i].number])
			fail_msg("seed %u: record %d of message %d is missing", seed, o.queue[i].number,
				 o.queue[i].message);
}

static void whatever_is_lost_late_or_crashes_each_record_is_there_once_and_in_order(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= RUNS; seed++)
		play(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(records_are_added_with_their_fields, empty_redis),
		cmocka_unit_test_setup(what_was_added_is_not_added_again, empty_redis),
		cmocka_unit_test_setup(numbers_and_ids_are_compared_as_numbers, empty_redis),
		cmocka_unit_test_setup(a_lower_epoch_is_refused, empty_redis),
		cmocka_unit_test_setup(what_the_position_has_passed_is_not_added, empty_redis),
		cmocka_unit_test_setup(a_passed_slot_is_forgotten_and_its_records_stay_out, empty_redis),
		cmocka_unit_test_setup(a_call_that_finds_records_writes_even_if_the_rest_has_no_room,
				       empty_redis),
		cmocka_unit_test_setup(slots_go_on_by_themselves, empty_redis),
		cmocka_unit_test_setup(a_change_between_in_order_and_by_slot_adds_nothing_twice, empty_redis),
		cmocka_unit_test_setup(after_a_reset_records_are_added_anew, empty_redis),
		cmocka_unit_test_setup(sources_do_not_know_of_each_other, empty_redis),
		cmocka_unit_test_setup(a_full_partition_takes_what_fits_and_the_rest_later, empty_redis),
		cmocka_unit_test_setup(what_every_group_has_committed_makes_room, empty_redis),
		cmocka_unit_test_setup(drop_oldest_drops_and_counts, empty_redis),
		cmocka_unit_test_setup(without_memory_nothing_is_added_and_what_was_added_is_told,
				       empty_redis),
		cmocka_unit_test_setup(a_packed_call_adds_all_or_none, empty_redis),
		cmocka_unit_test_setup(a_full_packed_partition_takes_nothing, empty_redis),
		cmocka_unit_test_setup(
			whatever_is_lost_late_or_crashes_each_record_is_there_once_and_in_order, empty_redis),
	};
	return cmocka_run_group_tests(tests, start_redis, test_rig_tear_down);
}

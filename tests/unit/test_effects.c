/*
 * What a call of handle emits and changes: what the handler sees of it, what becomes a completion, and what is undone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "group/changes.h"
#include "partition/effects.h"
#include "partition/key_slot.h"

enum { MESSAGES = 4 };

static const char *const outputs[] = {"enriched", "alerts", NULL};
static seg_effects_setup limits;
static seg_value_store *store;
static seg_effects effects;
static seg_message messages[MESSAGES];
static seg_batch batch;
static uint16_t slots[MESSAGES];

static int set_up(void **state)
{
	(void)state;
	limits = (seg_effects_setup){.outputs = outputs,
				     .record_bytes = 1000,
				     .call_bytes = 4600,
				     .state_limit = 2000};
	for (unsigned i = 0; i < MESSAGES; i++)
		messages[i] = (seg_message){.id = {100 + i, 0}, .key = "k", .key_length = 1};
	store = seg_value_store_create(false);
	seg_effects_init(&effects, &limits, store);
	return store ? 0 : -1;
}

static int set_up_slots(void **state)
{
	set_up(state);
	seg_value_store_destroy(store);
	store = seg_value_store_create(true);
	seg_effects_init(&effects, &limits, store);
	return store ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	seg_effects_fini(&effects);
	seg_value_store_destroy(store);
	return 0;
}

static void call(void)
{
	batch = (seg_batch){.messages = messages, .count = MESSAGES};
	seg_effects_begin(&effects, &batch, store->map_count > 1 ? slots : NULL);
}

static const char *put(size_t index, const char *name, const char *value)
{
	return seg_state_put(&batch, index, name, strlen(name), value, strlen(value));
}

static const char *drop(size_t index, const char *name)
{
	return seg_state_delete(&batch, index, name, strlen(name));
}

static const char *emit(size_t index, const char *stream, const char *key, const char *data)
{
	seg_output output = {.stream = stream,
			     .key = key,
			     .key_length = strlen(key),
			     .data = data,
			     .data_length = strlen(data)};
	return seg_emit(&batch, index, &output);
}

/* Message 0 sees that value; NULL: none. */
static void has(const char *name, const char *value)
{
	size_t length = 99;
	const void *got = seg_state_get(&batch, 0, name, strlen(name), &length);
	if (!value) {
		assert_null(got);
		assert_int_equal(length, 0);
		return;
	}
	assert_non_null(got);
	assert_int_equal(length, strlen(value));
	assert_memory_equal(got, value, length);
}

/* The first `done` messages are done. */
static seg_completion *answered(size_t done)
{
	seg_completion *completion;
	assert_true(seg_effects_end(&effects, done, &completion));
	return completion;
}

static void commits(size_t done)
{
	seg_completion_destroy(answered(done));
	call();
}

static const seg_change *change_of(const seg_completion *c, const char *name)
{
	const seg_change *found = NULL;
	for (size_t i = 0; i < c->change_count; i++)
		if (c->changes[i].field_length == strlen(name) + 2 &&
		    memcmp(c->changes[i].field, "p:", 2) == 0 &&
		    memcmp(c->changes[i].field + 2, name, strlen(name)) == 0) {
			assert_null(found);
			found = &c->changes[i];
		}
	return found;
}

static void changes_to(const seg_completion *c, const char *name, const char *value)
{
	const seg_change *change = change_of(c, name);
	assert_non_null(change);
	if (!value) {
		assert_null(change->value);
		return;
	}
	assert_int_equal(change->value_length, strlen(value));
	assert_memory_equal(change->value, value, strlen(value));
}

static void counts(uint64_t values, uint64_t bytes)
{
	assert_int_equal(atomic_load(&store->count), values);
	assert_int_equal(atomic_load(&store->bytes), bytes);
}

/* --- values -------------------------------------------------------------------------------------- */

static void a_change_is_seen_at_once_and_is_in_the_completion(void **state)
{
	(void)state;
	call();
	has("a", NULL);
	assert_null(put(0, "a", "1"));
	has("a", "1");
	assert_null(put(1, "b", ""));
	has("b", "");
	seg_completion *c = answered(MESSAGES);
	assert_int_equal(c->change_count, 2);
	changes_to(c, "a", "1");
	changes_to(c, "b", "");
	assert_int_equal(c->changes[0].slot, SEG_SLOT_NONE);
	counts(2, 3);
	seg_completion_destroy(c);
}

static void a_call_that_changes_nothing_has_no_completion(void **state)
{
	(void)state;
	call();
	assert_null(put(0, "a", "1"));
	commits(1);
	assert_null(put(0, "a", "1"));
	assert_null(drop(1, "absent"));
	assert_null(answered(MESSAGES));
}

static void of_a_name_that_changes_often_only_the_newest_value_is_in_the_completion(void **state)
{
	(void)state;
	call();
	assert_null(put(0, "a", "1"));
	assert_null(put(0, "a", "2"));
	assert_null(put(2, "a", "3"));
	assert_null(put(3, "b", "1"));
	assert_null(drop(3, "b"));
	seg_completion *c = answered(MESSAGES);
	assert_int_equal(c->change_count, 2);
	changes_to(c, "a", "3");
	changes_to(c, "b", NULL);
	counts(1, 2);
	seg_completion_destroy(c);
}

/* What a commit of that completion alone deletes. */
static int deletions(seg_completion *c)
{
	seg_completions queue = {0};
	seg_changes changes;
	seg_completions_add(&queue, c);
	assert_true(seg_changes_gather(&changes, NULL, 0, &queue));
	assert_string_equal(changes.argv[0], "0");
	int count = changes.argc - 1;
	seg_changes_free(&changes);
	seg_completions_destroy(&queue);
	return count;
}

static void a_name_that_is_deleted_often_is_deleted_once_in_redis(void **state)
{
	(void)state;
	call();
	assert_null(put(0, "a", "1"));
	assert_null(put(0, "b", "1"));
	commits(1);
	assert_null(drop(0, "a"));
	assert_null(drop(0, "b"));
	for (size_t i = 1; i < MESSAGES; i++) {
		assert_null(put(i, "a", "2"));
		assert_null(drop(i, "a"));
	}
	assert_int_equal(deletions(answered(MESSAGES)), 2);
	call();
	has("a", NULL);
	assert_null(put(0, "a", "3"));
	seg_completion *c = answered(1);
	assert_false(c->repeats);
	changes_to(c, "a", "3");
	seg_completion_destroy(c);
}

static void what_messages_that_are_not_done_have_changed_is_undone(void **state)
{
	(void)state;
	call();
	assert_null(put(0, "kept", "0"));
	assert_null(put(0, "deleted", "0"));
	commits(1);
	assert_null(put(0, "kept", "1"));
	assert_null(put(2, "kept", "2"));
	assert_null(put(2, "new", "2"));
	assert_null(drop(2, "deleted"));
	assert_null(put(3, "deleted", "3"));
	assert_null(drop(3, "kept"));
	seg_completion *c = answered(2);
	assert_int_equal(c->change_count, 1);
	changes_to(c, "kept", "1");
	seg_completion_destroy(c);
	call();
	has("kept", "1");
	has("new", NULL);
	has("deleted", "0");
	counts(2, 13);
}

static void a_message_that_is_handled_again_changes_again(void **state)
{
	(void)state;
	call();
	assert_null(put(0, "a", "1"));
	assert_null(answered(0));
	call();
	has("a", NULL);
	assert_null(put(0, "a", "1"));
	seg_completion *c = answered(1);
	changes_to(c, "a", "1");
	seg_completion_destroy(c);
}

static void a_call_that_nobody_ends_is_undone(void **state)
{
	(void)state;
	call();
	assert_null(put(0, "a", "1"));
	assert_null(emit(0, "alerts", "k", "d"));
	seg_effects_drop(&effects);
	call();
	has("a", NULL);
	counts(0, 0);
	assert_null(answered(MESSAGES));
}

static void a_value_of_any_bytes_is_kept_aligned(void **state)
{
	(void)state;
	size_t length;
	call();
	for (unsigned i = 1; i < 20; i++) {
		assert_null(seg_state_put(&batch, 0, "\0name", i % 5 + 1, "\0\1\0\2\0\3\0\4", 8));
		const void *got = seg_state_get(&batch, 0, "\0name", i % 5 + 1, &length);
		assert_int_equal((uintptr_t)got % 16, 0);
		assert_int_equal(length, 8);
		assert_memory_equal(got, "\0\1\0\2\0\3\0\4", 8);
	}
}

static int sum(void *arg, const void *name, size_t name_length, const void *value, size_t value_length)
{
	(void)name;
	*(unsigned *)arg += (unsigned)(name_length * 1000 + value_length);
	(void)value;
	return 0;
}

static void a_walk_visits_every_value_once(void **state)
{
	(void)state;
	unsigned seen = 0;
	char name[8];
	limits.call_bytes = 1 << 20;
	call();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "n%03d", i);
		assert_null(put(0, name, "v"));
	}
	seg_state_each(&batch, 0, sum, &seen);
	assert_int_equal(seen, 300 * 4001);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "n%03d", i);
		has(name, "v");
		if (i % 2)
			assert_null(drop(0, name));
	}
	counts(150, 150 * 5);
}

static void with_slots_each_slot_has_its_own_names(void **state)
{
	(void)state;
	slots[0] = 7;
	slots[1] = 1023;
	slots[2] = 7;
	call();
	assert_null(put(0, "a", "seven"));
	assert_null(put(1, "a", "last"));
	has("a", "seven");
	assert_null(put(2, "a", "again"));
	has("a", "again");
	seg_completion *c = answered(2);
	assert_int_equal(c->change_count, 2);
	assert_int_equal(c->changes[0].slot, 1023);
	assert_int_equal(c->changes[1].slot, 7);
	assert_int_equal(c->changes[0].field_length, 6);
	assert_memory_equal(c->changes[0].field, "1023:a", 6);
	seg_completion_destroy(c);
	call();
	has("a", "seven");
}

/* --- refusals ------------------------------------------------------------------------------------- */

static void refused(const char *refusal, const char *part)
{
	assert_non_null(refusal);
	if (!strstr(refusal, part))
		fail_msg("\"%s\" does not say \"%s\"", refusal, part);
}

static void what_is_refused_says_why_and_changes_nothing(void **state)
{
	(void)state;
	char name[600] = {0};
	call();
	refused(put(MESSAGES, "a", "1"), "message 4 of a batch of 4");
	refused(put(0, "", "1"), "1 to 512");
	refused(seg_state_put(&batch, 0, name, 513, "", 0), "513 bytes");
	refused(seg_state_put(&batch, 0, "a", 1, name, SEG_STATE_VALUE_MAX + 1), "at most 1048576");
	refused(emit(0, "elsewhere", "k", "d"), "\"elsewhere\" is not among the outputs");
	refused(seg_emit(&batch, 0, &(seg_output){.stream = "alerts", .data = name, .data_length = 1001}),
		"max_message_bytes");
	assert_null(put(2, "a", "1"));
	refused(put(1, "a", "2"), "message 1 after message 2");
	refused(emit(1, "alerts", "k", "d"), "message 1 after message 2");
	has("a", "1");
}

static void values_beyond_the_limit_are_refused_and_smaller_ones_are_not(void **state)
{
	(void)state;
	char large[1500] = {0};
	call();
	assert_null(seg_state_put(&batch, 0, "a", 1, large, sizeof(large)));
	refused(seg_state_put(&batch, 0, "b", 1, large, sizeof(large)), "state_limit (2000)");
	assert_null(put(0, "b", "1"));
	commits(1);
	assert_null(seg_state_put(&batch, 0, "a", 1, large, 100));
	assert_null(seg_state_put(&batch, 0, "b", 1, large, sizeof(large)));
	counts(2, 1602);
}

static void a_store_above_its_limit_still_shrinks(void **state)
{
	(void)state;
	char large[1500] = {0};
	call();
	assert_null(seg_state_put(&batch, 0, "a", 1, large, sizeof(large)));
	limits.state_limit = 10;
	refused(put(0, "b", "1"), "state_limit");
	assert_null(seg_state_put(&batch, 0, "a", 1, large, 1000));
	assert_null(drop(0, "a"));
	counts(0, 0);
}

static void a_call_without_room_ends_at_the_message_that_did_not_fit(void **state)
{
	(void)state;
	char data[900];
	memset(data, 'x', sizeof(data));
	data[sizeof(data) - 1] = 0;
	call();
	for (int i = 0; i < 4; i++)
		assert_null(emit(1, "alerts", "k", data));
	assert_int_equal(seg_effects_fitting(&effects, 4), 4);
	refused(emit(2, "alerts", "k", data), "the messages from 2 on again");
	/* Small ones would leave a hole. */
	refused(put(3, "a", "1"), "the messages from 2 on again");
	assert_int_equal(seg_effects_fitting(&effects, 4), 2);
	assert_int_equal(seg_effects_fitting(&effects, 1), 1);
	seg_completion *c = answered(2);
	assert_int_equal(c->emission_count, 4);
	seg_completion_destroy(c);
	call();
	assert_null(emit(0, "alerts", "k", data));
}

static void small_records_and_values_count_what_is_kept_about_them(void **state)
{
	(void)state;
	char name[24];
	size_t records = 0, changes = 0;
	limits.call_bytes = 1 << 20;
	call();
	while (!emit(0, "alerts", "", "x"))
		records++;
	assert_in_range(records, 1000, (1 << 20) / sizeof(seg_emission));
	call();
	seg_completion *c = answered(1);
	assert_int_equal(c->emission_count, records);
	assert_true(c->bytes >= records * sizeof(seg_emission));
	seg_completion_destroy(c);
	limits.state_limit = 1 << 20;
	call();
	do
		snprintf(name, sizeof(name), "%zu", changes);
	while (!put(0, name, "x") && ++changes);
	assert_in_range(changes, 1000, (1 << 20) / (sizeof(seg_change) + sizeof(seg_value)));
	call();
	c = answered(1);
	assert_int_equal(c->change_count, changes);
	assert_true(c->bytes >= changes * sizeof(seg_change));
	seg_completion_destroy(c);
}

static void a_message_that_alone_is_too_large_is_named_as_such(void **state)
{
	(void)state;
	char data[900] = {0};
	limits.call_bytes = 800;
	call();
	refused(seg_emit(&batch, 0, &(seg_output){.stream = "alerts", .data = data, .data_length = 900}),
		"raise in_flight_bytes");
	assert_int_equal(seg_effects_fitting(&effects, 4), 0);
}

/* --- outputs --------------------------------------------------------------------------------------- */

static void records_are_copied_and_numbered_by_message(void **state)
{
	(void)state;
	char key[] = "key", data[] = "data", name[] = "trace", value[] = "7";
	seg_header header = {name, 5, value, 1};
	seg_output output = {"alerts", key, 3, data, 4, &header, 1};
	call();
	assert_null(seg_emit(&batch, 1, &output));
	assert_null(put(1, "a", "1"));
	assert_null(seg_emit(&batch, 1, &output));
	assert_null(emit(2, "enriched", "", ""));
	assert_null(emit(3, "enriched", "", ""));
	memset(key, 0, 3), memset(data, 0, 4), memset(name, 0, 5), memset(value, 0, 1);
	header.name = NULL;
	seg_completion *c = answered(3);
	assert_int_equal(c->emission_count, 3);
	const seg_emission *first = &c->emissions[0], *second = &c->emissions[1], *third = &c->emissions[2];
	assert_int_equal(first->source.ms, 101);
	assert_int_equal(first->number, 1);
	assert_int_equal(second->number, 2);
	assert_int_equal(third->number, 1);
	assert_int_equal(third->source.ms, 102);
	assert_int_equal(first->target, 1);
	assert_int_equal(third->target, 0);
	/* Without lanes, too: with them, somebody else may have added these records. */
	assert_int_equal(first->slot, seg_key_slot(messages[1].key, messages[1].key_length));
	assert_ptr_equal(first->completion, c);
	assert_string_equal(second->output.stream, "alerts");
	assert_memory_equal(second->output.key, "key", 3);
	assert_memory_equal(second->output.data, "data", 4);
	assert_memory_equal(second->output.headers[0].name, "trace", 5);
	assert_memory_equal(second->output.headers[0].value, "7", 1);
	assert_int_equal(third->output.key_length, 0);
	changes_to(c, "a", "1");
	seg_completion_destroy(c);
}

static void the_calls_work_with_a_copy_of_the_batch(void **state)
{
	(void)state;
	call();
	seg_batch copy = batch;
	assert_null(seg_state_put(&copy, 0, "a", 1, "1", 1));
	has("a", "1");
}

/* --- the form in Redis -------------------------------------------------------------------------------- */

static void fields_of_both_kinds_are_told_apart(void **state)
{
	(void)state;
	uint16_t slot;
	char prefix[SEG_VALUE_PREFIX_MAX];
	assert_int_equal(seg_value_prefix(prefix, SEG_SLOT_NONE), 2);
	assert_memory_equal(prefix, "p:", 2);
	assert_int_equal(seg_value_prefix(prefix, 1023), 5);
	assert_memory_equal(prefix, "1023:", 5);
	assert_int_equal(seg_value_field_parse("p:a", 3, &slot), 2);
	assert_int_equal(slot, SEG_SLOT_NONE);
	assert_int_equal(seg_value_field_parse("1023:a", 6, &slot), 5);
	assert_int_equal(slot, 1023);
	static const char *const faulty[] = {"", "p", "1024:a", "99999:a", ":a", "12", "q:a"};
	for (size_t i = 0; i < sizeof(faulty) / sizeof(faulty[0]); i++)
		assert_int_equal(seg_value_field_parse(faulty[i], strlen(faulty[i]), &slot), 0);
	assert_int_equal(seg_value_store_load(store, "p:a", 3, "1", 1), 0);
	assert_int_equal(seg_value_store_load(store, "p:a", 3, "22", 2), 0);
	assert_int_equal(seg_value_store_load(store, "5:a", 3, "1", 1), SEG_EINVAL);
	call();
	has("a", "22");
	counts(1, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_change_is_seen_at_once_and_is_in_the_completion),
		TEST(a_call_that_changes_nothing_has_no_completion),
		TEST(of_a_name_that_changes_often_only_the_newest_value_is_in_the_completion),
		TEST(a_name_that_is_deleted_often_is_deleted_once_in_redis),
		TEST(what_messages_that_are_not_done_have_changed_is_undone),
		TEST(a_message_that_is_handled_again_changes_again),
		TEST(a_call_that_nobody_ends_is_undone),
		TEST(a_value_of_any_bytes_is_kept_aligned),
		TEST(a_walk_visits_every_value_once),
		cmocka_unit_test_setup_teardown(with_slots_each_slot_has_its_own_names, set_up_slots,
						tear_down),
		TEST(what_is_refused_says_why_and_changes_nothing),
		TEST(values_beyond_the_limit_are_refused_and_smaller_ones_are_not),
		TEST(a_store_above_its_limit_still_shrinks),
		TEST(a_call_without_room_ends_at_the_message_that_did_not_fit),
		TEST(small_records_and_values_count_what_is_kept_about_them),
		TEST(a_message_that_alone_is_too_large_is_named_as_such),
		TEST(records_are_copied_and_numbered_by_message),
		TEST(the_calls_work_with_a_copy_of_the_batch),
		TEST(fields_of_both_kinds_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

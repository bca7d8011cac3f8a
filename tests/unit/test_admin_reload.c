/*
 * test_admin_reload.c - the admin server's part of a reload, with and without memory. Linked with calloc
 * wrapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "admin/admin.h"
#include "admin/view.h"

enum { FEW = 1, MANY = 1000 };

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static size_t refused; /* calloc returns NULL for this number of elements; 0: never */

void *__wrap_calloc(size_t count, size_t size)
{
	return refused && count == refused ? NULL : __real_calloc(count, size);
}

static seg_config_consumer consumers[MANY];
static seg_section sections[MANY];
static seg_member member; /* of all of them */
static char names[MANY][8];
static char address[] = "127.0.0.1:0";

static const seg_config few = {.runner = {.admin = address}, .consumers = consumers, .consumer_count = FEW};
static const seg_config many = {.runner = {.admin = address}, .consumers = consumers, .consumer_count = MANY};
static seg_admin *admin;

static void quiet(void *arg, const seg_log_event *event)
{
	(void)arg, (void)event;
}

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "g%d", i);
		consumers[i] = (seg_config_consumer){.name = names[i], .stream = names[0], .group = names[i]};
		sections[i].member = &member;
	}
	admin = seg_admin_create(&few, "only", seg_logger_make(quiet, NULL));
	assert_non_null(admin);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	refused = 0;
	seg_admin_stop(admin);
	seg_admin_destroy(admin);
	return 0;
}

static void reload(const seg_config *config)
{
	seg_admin_reload(admin, config);
	for (size_t i = 0; i < config->consumer_count; i++)
		seg_admin_attach(admin, &sections[i], i);
}

static size_t count_attached(void)
{
	size_t count = 0;
	for (size_t i = 0; i < admin->section_count; i++)
		count += admin->sections[i] == &sections[i];
	return count;
}

static void a_reload_shows_the_sections_of_the_new_configuration(void **state)
{
	(void)state;
	reload(&many);
	assert_ptr_equal(admin->config, &many);
	assert_int_equal(count_attached(), MANY);
	seg_admin_detach(admin, &sections[MANY - 1]);
	assert_int_equal(count_attached(), MANY - 1);
}

static void a_reload_without_memory_leaves_no_trace_of_the_old_configuration(void **state)
{
	(void)state;
	refused = MANY;
	reload(&many);
	/* The reload frees the old one afterwards. */
	assert_ptr_equal(admin->config, &many);
	assert_null(admin->server);
	assert_null(atomic_load(&admin->observer));
	for (size_t i = 0; i < MANY; i++)
		seg_admin_detach(admin, &sections[i]);
}

static void the_next_reload_with_memory_turns_admin_on_again(void **state)
{
	(void)state;
	refused = MANY;
	reload(&many);
	refused = 0;
	reload(&many);
	assert_int_equal(count_attached(), MANY);
}

static void a_group_that_stays_keeps_its_history(void **state)
{
	(void)state;
	static const seg_config moved = {.runner = {.admin = address},
					 .consumers = consumers + MANY - 2,
					 .consumer_count = 2};
	reload(&many);
	seg_history *last = admin->histories[MANY - 1];
	assert_non_null(last);
	reload(&moved);
	assert_ptr_equal(admin->histories[1], last);
	reload(&few);
	assert_non_null(admin->histories[0]);
}

static void admin_ends_after_the_configuration_of_a_reload(void **state)
{
	(void)state;
	seg_config *fresh = malloc(sizeof(*fresh));
	assert_non_null(fresh);
	*fresh = many;
	reload(fresh);
	seg_admin_stop(admin);
	/* The runner frees what it has reloaded before it frees admin, for admin's log is needed until then. */
	free(fresh);
	seg_admin_destroy(admin);
	admin = NULL;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reload_shows_the_sections_of_the_new_configuration),
		TEST(a_reload_without_memory_leaves_no_trace_of_the_old_configuration),
		TEST(a_group_that_stays_keeps_its_history),
		TEST(admin_ends_after_the_configuration_of_a_reload),
		TEST(the_next_reload_with_memory_turns_admin_on_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

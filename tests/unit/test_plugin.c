/*
 * test_plugin.c - which shared objects are accepted as plugins, the errors for the others, and what a plugin
 * gets from its host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness/plugin.h"
#include "plugin/plugin.h"
#include "plugin/probe.h"

static char plugins[512];  /* the directory of the plugins of tests/plugins */
static char directory[64]; /* of this test */

static int find_plugins(void **state)
{
	(void)state;
	const char *build = getenv("SEG_BUILD_DIR");
	if (!build) {
		fprintf(stderr, "set SEG_BUILD_DIR to the build directory, or run this with ctest\n");
		return -1;
	}
	snprintf(plugins, sizeof(plugins), "%s/tests/plugins", build);
	test_plugin_probe_by_build();
	strcpy(directory, "/tmp/seg-plugin-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

/* --- loading ------------------------------------------------------------------------ */

static seg_plugin *load(const char *name)
{
	seg_plugin *plugin;
	seg_error error;
	if (seg_plugin_load(name, plugins, &plugin, &error) != 0)
		fail_msg("%s was refused: %s", name, error.text);
	return plugin;
}

/* Checks that the plugin is refused with one line, which names the file and contains the text. */
static void expect_refusal(const char *name, int status, const char *text)
{
	seg_plugin *plugin = NULL;
	seg_error error = {0};
	assert_int_equal(seg_plugin_load(name, plugins, &plugin, &error), status);
	assert_null(plugin);
	assert_int_equal(error.status, status);
	if (!strstr(error.text, name) || !strstr(error.text, text) || strchr(error.text, '\n'))
		fail_msg("%s is refused with \"%s\", which lacks \"%s\"", name, error.text, text);
	assert_int_equal(seg_plugin_load(name, plugins, &plugin, NULL), status);
}

static void a_plugin_is_found_by_name_and_by_path(void **state)
{
	(void)state;
	char path[600];
	snprintf(path, sizeof(path), "%s/record.so", plugins);
	static const char *const names[] = {"record", "record.so", NULL};
	for (const char *const *name = names; *name; name++) {
		seg_plugin *plugin = load(*name);
		assert_string_equal(seg_plugin_path(plugin), path);
		assert_string_equal(seg_plugin_handler(plugin)->name, "record");
		seg_plugin_unload(plugin);
	}
	seg_plugin *plugin = load(path), *again = load(path);
	assert_ptr_equal(seg_plugin_handler(plugin)->handle, seg_plugin_handler(again)->handle);
	seg_plugin_unload(plugin);
	assert_string_equal(seg_plugin_handler(again)->version, "1.0.0");
	seg_plugin_unload(again);
}

static void a_plugin_that_stays_mapped_when_it_is_closed_is_not_taken_for_the_next(void **state)
{
	(void)state;
	static const char *const names[] = {"stays", "stays_2", "stays"};
	for (size_t i = 0; i < 3; i++) {
		seg_plugin *plugin = load(names[i]);
		assert_string_equal(seg_plugin_handler(plugin)->name, names[i]);
		seg_plugin_unload(plugin);
	}
}

static void a_misspelt_name_is_answered_with_the_right_one(void **state)
{
	(void)state;
	expect_refusal("recrod", SEG_ENOTFOUND, "did you mean \"record\"?");
	expect_refusal("qqqqqqqqq", SEG_ENOTFOUND, "the plugins are: ");
	expect_refusal("/nowhere/x.so", SEG_ENOTFOUND, "there is no such file");
	seg_plugin *plugin;
	seg_error error;
	assert_int_equal(seg_plugin_load("log", directory, &plugin, &error), SEG_ENOTFOUND);
	assert_non_null(strstr(error.text, "which contains no plugins; set plugin_directory"));
	assert_int_equal(seg_plugin_load("log", "/nowhere", &plugin, &error), SEG_ENOTFOUND);
	assert_non_null(strstr(error.text, "cannot read plugin_directory /nowhere"));
}

static void a_file_that_is_no_plugin_is_refused_with_the_cure(void **state)
{
	(void)state;
	expect_refusal("no_symbol", SEG_EINVAL,
		       "no symbol seg_handler_entry: export one with SEG_HANDLER_EXPORT(handler)");
	expect_refusal("null_entry", SEG_EINVAL, "seg_handler_entry returns NULL");
	expect_refusal("no_handle", SEG_EINVAL, "no handle function");
	expect_refusal("no_size", SEG_EINVAL, ".size = sizeof(seg_handler)");
	expect_refusal("no_abi", SEG_EINVAL, ".abi = SEG_HANDLER_ABI");
	expect_refusal("wrong_abi", SEG_EINVAL,
		       "was built for handler ABI 2, but this segrunner has ABI 1: rebuild it with this "
		       "version's <segmenter/handler.h>");
	expect_refusal("bad_name", SEG_EINVAL, "only A-Z a-z 0-9 . _ - are allowed");
	expect_refusal("undefined_symbol", SEG_EINVAL,
		       "undefined symbol: defined_nowhere; link the plugin with what defines it");
}

static void wrong_option_tables_are_the_plugins_mistake(void **state)
{
	(void)state;
	expect_refusal("bad_option_name", SEG_EINVAL,
		       "an option \"Path\"; a name is 1 to 63 characters of "
		       "a-z 0-9 _");
	expect_refusal("bad_option_default", SEG_EINVAL,
		       "\"pause\" with a wrong default: \"10\" has no unit");
	expect_refusal("bad_option_type", SEG_EINVAL, "\"color\" with the unknown type 99");
	expect_refusal("option_twice", SEG_EINVAL, "\"path\" twice");
}

static void a_constructor_that_takes_the_process_down_only_refuses_its_plugin(void **state)
{
	(void)state;
	expect_refusal("constructor_aborts", SEG_EINVAL, "crashes while it is loaded (signal 6");
	expect_refusal("constructor_exits", SEG_EINVAL, "ends the process while it is loaded (exit code 0)");
}

static void a_plugin_that_was_not_copied_to_its_end_is_told_as_incomplete(void **state)
{
	(void)state;
	enum { COPIED = 3000 };
	char from[600], to[80], bytes[COPIED];
	snprintf(from, sizeof(from), "%s/record.so", plugins);
	snprintf(to, sizeof(to), "%s/cut.so", directory);
	FILE *whole = fopen(from, "rb"), *cut = fopen(to, "wb");
	assert_non_null(whole);
	assert_non_null(cut);
	assert_int_equal(fread(bytes, 1, COPIED, whole), COPIED);
	assert_int_equal(fwrite(bytes, 1, COPIED, cut), COPIED);
	fclose(whole);
	fclose(cut);
#ifdef __SANITIZE_ADDRESS__
	expect_refusal(to, SEG_EINVAL,
		       "cut.so ends the process while it is loaded"); /* by its handler of SIGBUS */
#elif defined(__SANITIZE_THREAD__)
	expect_refusal(to, SEG_EINVAL, "while it is loaded");
#else
	expect_refusal(to, SEG_EINVAL, "cut.so seems to be incomplete (signal 7, ");
#endif
	assert_int_equal(unlink(to), 0);
}

static void a_constructor_that_never_returns_is_given_up_on(void **state)
{
	(void)state;
	char path[600];
	seg_error error;
	snprintf(path, sizeof(path), "%s/constructor_hangs.so", plugins);
	int64_t start = seg_now();
	assert_int_equal(seg_plugin_probe(path, -1, SEG_SECOND / 5, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "does not return from its constructors"));
	assert_true(seg_now() - start >= SEG_SECOND / 5);
}

static void a_file_that_is_no_shared_object_is_refused_before_it_runs(void **state)
{
	(void)state;
	static const struct {
		const char *content;
		size_t length;
		const char *text;
	} cases[] = {
		{"", 0, "is not a shared object"},
		{"int main(void) {}\n", 18,
		 "is not a shared object: build one from its source with cc -shared -fPIC"},
		{"\177ELF", 4, "only 4 bytes long"},
		{"\177ELF\1\1\1", 64, "another kind of machine"},
	};
	char path[100];
	snprintf(path, sizeof(path), "%s/x.so", directory);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char content[64] = "";
		memcpy(content, cases[i].content,
		       cases[i].length < 8     ? cases[i].length
		       : cases[i].length == 64 ? 7
					       : cases[i].length);
		int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
		assert_int_equal(write(fd, content, cases[i].length), cases[i].length);
		close(fd);
		expect_refusal(path, SEG_EINVAL, cases[i].text);
	}
	unlink(path);
	expect_refusal("/tmp", SEG_EINVAL, "is a directory");
	expect_refusal("/proc/self/exe", SEG_EINVAL, "cc -shared");
}

static void copy_plugin(const char *name, const char *path, mode_t mode)
{
	char source[600], block[65536];
	snprintf(source, sizeof(source), "%s/%s.so", plugins, name);
	int in = open(source, O_RDONLY), out = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	ssize_t n;
	while ((n = read(in, block, sizeof(block))) > 0)
		assert_int_equal(write(out, block, (size_t)n), n);
	fchmod(out, mode);
	close(in);
	close(out);
}

static void a_plugin_that_others_may_write_to_is_refused(void **state)
{
	(void)state;
	char path[100];
	snprintf(path, sizeof(path), "%s/x.so", directory);
	copy_plugin("record", path, 0646);
	expect_refusal(path, SEG_EINVAL, "every user of this machine may write to the plugin");
	chmod(path, 0664);
	seg_plugin_unload(load(path));
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 0, 12345), 0);
		expect_refusal(path, SEG_EINVAL, "group 12345 may write to the plugin");
		chmod(path, 0644);
		seg_plugin_unload(load(path));
		assert_int_equal(chown(path, 12345, 12345), 0);
		expect_refusal(path, SEG_EINVAL, "belongs to user 12345, whose code user 0 must not run");
	}
	unlink(path);
}

static void a_plugin_that_others_can_exchange_is_refused_though_it_is_safe_itself(void **state)
{
	(void)state;
	char folder[100], path[120], link[100];
	snprintf(folder, sizeof(folder), "%s/folder", directory);
	snprintf(path, sizeof(path), "%s/x.so", folder);
	snprintf(link, sizeof(link), "%s/link", directory);
	mkdir(folder, 0755);
	copy_plugin("record", path, 0644);
	seg_plugin_unload(load(path));
	chmod(folder, 0777);
	expect_refusal(path, SEG_EINVAL, "every user of this machine may write to the directory");
	chmod(folder, 01777);
	seg_plugin_unload(load(path));
	chmod(folder, 0755);
	if (geteuid() == 0) {
		assert_int_equal(chown(folder, 12345, 0), 0);
		expect_refusal(path, SEG_EINVAL,
			       "/folder belongs to user 12345, who can exchange what is in it");
		assert_int_equal(chown(folder, 0, 12345), 0);
		chmod(folder, 0775);
		expect_refusal(path, SEG_EINVAL, "group 12345 may write to the directory");
		chmod(folder, 0755);
	}
	assert_int_equal(symlink(path, link), 0);
	seg_plugin_unload(load(link));
	if (geteuid() == 0) {
		assert_int_equal(lchown(link, 12345, 12345), 0);
		expect_refusal(link, SEG_EINVAL, "belongs to user 12345, who can point it elsewhere");
	}
	unlink(link);
	unlink(path);
	rmdir(folder);
}

static void a_relative_path_leads_through_the_directories_above(void **state)
{
	(void)state;
	char path[100], *here = getcwd(NULL, 0);
	snprintf(path, sizeof(path), "%s/x.so", directory);
	copy_plugin("record", path, 0644);
	assert_int_equal(chdir(directory), 0);
	seg_plugin_unload(load("./x.so"));
	seg_plugin_unload(load("../.././/tmp/../tmp/./"
			       "../proc/self/cwd/x.so"));
	chmod(directory, 0777);
	expect_refusal("./x.so", SEG_EINVAL, "every user of this machine may write to the directory");
	chmod(directory, 0700);
	assert_int_equal(symlink("loop", "loop"), 0);
	expect_refusal("./loop/x.so", SEG_EINVAL, "Too many levels of symbolic links");
	unlink("loop");
	assert_int_equal(chdir(here), 0);
	free(here);
	unlink(path);
}

static void an_older_struct_is_completed_and_a_newer_one_cut(void **state)
{
	(void)state;
	seg_plugin *old = load("old_struct"), *new = load("new_struct");
	assert_null(seg_plugin_handler(old)->fini);
	assert_null(seg_plugin_handler(old)->partition_close);
	assert_non_null(seg_plugin_handler(old)->handle);
	assert_string_equal(seg_plugin_handler(old)->version, "");
	assert_string_equal(seg_plugin_handler(new)->name, "new_struct");
	seg_plugin_unload(old);
	seg_plugin_unload(new);
}

/* --- instances ------------------------------------------------------------------------ */

/* A section of the plugin record with the options given as "name=value", from line 11 on. */
struct section {
	seg_config_consumer consumer;
	seg_config_option options[16];
	char texts[16][64];
	seg_config_errors errors;
};

static void make_section(struct section *section, const char *const *options)
{
	*section = (struct section){0};
	section->consumer = (seg_config_consumer){
		.place = {"/etc/segrunner/test.ini", 10},
		.name = "mine",
		.stream = "orders",
		.group = "billing",
		.plugin = "record",
		.options = section->options,
	};
	for (size_t i = 0; options[i]; i++) {
		seg_config_option *option = &section->options[i];
		snprintf(section->texts[i], sizeof(section->texts[i]), "%s", options[i]);
		char *equals = strchr(section->texts[i], '=');
		*equals = '\0';
		*option = (seg_config_option){{"/etc/segrunner/test.ini", (unsigned)(11 + i)},
					      section->texts[i],
					      equals + 1};
		section->consumer.option_count++;
	}
}

static char logged[2048];

static void note_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	snprintf(logged, sizeof(logged), "%d %s/%s %s", event->level, event->stream, event->group,
		 event->text);
}

static int create(const seg_plugin *plugin, struct section *section, seg_plugin_instance **instance)
{
	return seg_plugin_instance_create(plugin, &section->consumer, "runner-1",
					  seg_logger_make(note_log, NULL), &section->errors, instance);
}

/* Checks that the options are refused with exactly these lines. */
static void expect_errors(const char *const *options, const char *const *lines)
{
	struct section section;
	seg_plugin *plugin = load("record");
	seg_plugin_instance *instance;
	make_section(&section, options);
	assert_int_equal(create(plugin, &section, &instance), SEG_EINVAL);
	assert_null(instance);
	size_t i = 0;
	for (; lines[i]; i++) {
		assert_true(i < section.errors.count);
		assert_string_equal(section.errors.list[i].text, lines[i]);
	}
	assert_int_equal(section.errors.count, i);
	seg_config_errors_fini(&section.errors);
	seg_plugin_unload(plugin);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void every_wrong_option_is_reported_with_its_line(void **state)
{
	(void)state;
	expect_errors(
		TEXTS("path=x", "dealy=5ms"),
		TEXTS("/etc/segrunner/test.ini:12: the plugin record has no option \"dealy\"; did you mean "
		      "\"option.delay\"?"));
	expect_errors(TEXTS("path=x", "qqqqqqq=5ms"),
		      TEXTS("/etc/segrunner/test.ini:12: the plugin record has no option \"qqqqqqq\"; its "
			    "options are: path, events, crash, stop, dead_letter, fail, fail_times, delay, "
			    "block_file"));
	expect_errors(
		TEXTS("delay=1s"),
		TEXTS("/etc/segrunner/test.ini:10: [consumer mine] has no option.path, which the plugin "
		      "record requires: The file to append to; %p becomes the process id."));
	expect_errors(
		TEXTS("path=", "delay=5", "events=maybe", "fail_times=many"),
		TEXTS("/etc/segrunner/test.ini:11: option.path: the path is empty; write a path, or remove "
		      "the line",
		      "/etc/segrunner/test.ini:12: option.delay: \"5\" has no unit; write one of ns us ms s min h d after it",
		      "/etc/segrunner/test.ini:13: option.events: \"maybe\" is not a boolean; write yes or no",
		      "/etc/segrunner/test.ini:14: option.fail_times: \"many\" is not a whole number; write digits only, such as "
		      "1000 or 1_000"));
}

/* The host that the plugin record got. */
static const seg_host *seen_host;

/* record's init stores the host as the first member of its data. */
static const seg_host *host_of(const seg_plugin_instance *instance)
{
	return *(const seg_host *const *)seg_plugin_instance_data(instance);
}

struct fixture {
	struct section section;
	seg_plugin *plugin;
	seg_plugin_instance *instance;
};

static void start(struct fixture *f, const char *const *options)
{
	seg_error error;
	f->plugin = load("record");
	make_section(&f->section, options);
	assert_int_equal(create(f->plugin, &f->section, &f->instance), 0);
	assert_int_equal(f->section.errors.count, 0);
	if (seg_plugin_instance_init(f->instance, &error) != 0)
		fail_msg("%s", error.text);
	seen_host = host_of(f->instance);
}

static void stop(struct fixture *f)
{
	seg_plugin_instance_fini(f->instance);
	seg_plugin_instance_destroy(f->instance);
	seg_plugin_unload(f->plugin);
}

static void options_are_read_as_their_type_and_defaults_apply(void **state)
{
	(void)state;
	struct fixture f;
	start(&f,
	      TEXTS("path=/dev/null", "delay=1.5ms", "fail_times=4KiB", "events=on", "block_file=gate/x"));
	const seg_host *host = seen_host;
	assert_string_equal(host->option(host, "path"), "/dev/null");
	assert_string_equal(host->option(host, "block_file"), "/etc/segrunner/gate/x");
	assert_int_equal(host->option_duration(host, "delay"), 1500000);
	assert_int_equal(host->option_integer(host, "fail_times"), 4096);
	assert_int_equal(host->option_boolean(host, "events"), 1);
	assert_null(host->option(host, "fail"));
	assert_int_equal(host->option_integer(host, "fail"), 0);
	stop(&f);
	start(&f, TEXTS("path=/dev/null"));
	host = seen_host;
	assert_string_equal(host->option(host, "delay"), "0");
	assert_int_equal(host->option_boolean(host, "events"), 0);
	assert_null(host->option(host, "block_file"));
	stop(&f);
}

static void an_undeclared_option_has_no_value_and_causes_a_warning(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, TEXTS("path=/dev/null"));
	assert_null(seen_host->option(seen_host, "nothing"));
	assert_string_equal(logged,
			    "2 orders/billing the plugin record reads the option \"nothing\", which it does "
			    "not declare");
	stop(&f);
}

static void a_plugin_knows_whom_it_serves_and_its_log_lines_say_so(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, TEXTS("path=/dev/null"));
	assert_int_equal(seen_host->size, sizeof(seg_host));
	assert_string_equal(seen_host->consumer, "mine");
	assert_string_equal(seen_host->stream, "orders");
	assert_string_equal(seen_host->group, "billing");
	assert_string_equal(seen_host->instance, "runner-1");
	seen_host->log(seen_host, SEG_ERROR, "%d of %s\nforged", 3, "them");
	assert_string_equal(logged, "3 orders/billing mine: 3 of them forged");
	seen_host->log(seen_host, (seg_level)99, "too grave");
	assert_string_equal(logged, "3 orders/billing mine: too grave");
	stop(&f);
}

static void a_counter_is_made_once_and_seen_by_others(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, TEXTS("path=/dev/null"));
	char help[] = "Rows.";
	seg_counter *rows = seen_host->counter(seen_host, "rows_total", help);
	strcpy(help, "Lost");
	assert_ptr_equal(seen_host->counter(seen_host, "rows_total", NULL), rows);
	seg_counter_add(rows, 5);
	seg_plugin_counter counter;
	assert_true(seg_plugin_instance_counter(f.instance, 0, &counter));
	assert_string_equal(counter.name, "messages_total");
	assert_true(seg_plugin_instance_counter(f.instance, 1, &counter));
	assert_string_equal(counter.name, "rows_total");
	assert_string_equal(counter.help, "Rows.");
	assert_int_equal(counter.value, 5);
	assert_false(seg_plugin_instance_counter(f.instance, 2, &counter));
	stop(&f);
}

static void bad_counters_are_refused_and_the_64_first_stay_where_they_are(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, TEXTS("path=/dev/null"));
	char name[80];
	memset(name, 'x', sizeof(name));
	name[64] = '\0';
	assert_null(seen_host->counter(seen_host, NULL, ""));
	assert_null(seen_host->counter(seen_host, "", ""));
	assert_null(seen_host->counter(seen_host, "Rows", ""));
	assert_null(seen_host->counter(seen_host, name, ""));
	seg_counter *made[SEG_PLUGIN_COUNTERS_MAX] = {0};
	for (size_t i = 1; i < SEG_PLUGIN_COUNTERS_MAX; i++) {
		snprintf(name, sizeof(name), "c%zu", i);
		made[i] = seen_host->counter(seen_host, name, "");
		assert_non_null(made[i]);
		seg_counter_add(made[i], i);
	}
	assert_null(seen_host->counter(seen_host, "one_too_many", ""));
	seg_counter_add(NULL, 1);
	seg_plugin_counter counter;
	for (size_t i = 1; i < SEG_PLUGIN_COUNTERS_MAX; i++) {
		assert_true(seg_plugin_instance_counter(f.instance, i, &counter));
		assert_int_equal(counter.value, i);
		assert_ptr_equal(seen_host->counter(seen_host, counter.name, ""), made[i]);
	}
	stop(&f);
}

static void *make_counters(void *arg)
{
	const seg_host *host = arg;
	char name[16];
	for (int round = 0; round < 50; round++)
		for (int i = 0; i < 60; i++) {
			snprintf(name, sizeof(name), "c%d", i);
			seg_counter_add(host->counter(host, name, "Counts."), 1);
		}
	return NULL;
}

static void counters_of_several_threads_add_up_while_they_are_read(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, TEXTS("path=/dev/null"));
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, make_counters, (void *)(uintptr_t)seen_host);
	seg_plugin_counter counter;
	for (int i = 0; i < 100; i++)
		for (size_t j = 1; seg_plugin_instance_counter(f.instance, j, &counter); j++)
			assert_string_equal(counter.help, "Counts.");
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (size_t j = 1; j <= 60; j++) {
		assert_true(seg_plugin_instance_counter(f.instance, j, &counter));
		assert_int_equal(counter.value, 200);
	}
	stop(&f);
}

static void an_init_that_fails_says_why_and_fini_is_not_called(void **state)
{
	(void)state;
	static const struct {
		const char *silent;
		const char *text;
	} cases[] = {
		{"silent=no",
		 "[consumer mine] cannot start: init of the plugin failing_init failed: the moon is full "
		 "and the tide is high"},
		{"silent=yes",
		 "[consumer mine] cannot start: init of the plugin failing_init failed: (no reason given)"},
	};
	for (size_t i = 0; i < 2; i++) {
		struct section section;
		seg_plugin *plugin = load("failing_init");
		seg_plugin_instance *instance;
		seg_error error;
		make_section(&section, TEXTS(cases[i].silent));
		assert_int_equal(create(plugin, &section, &instance), 0);
		assert_int_equal(seg_plugin_instance_init(instance, &error), SEG_EINVAL);
		assert_string_equal(error.text, cases[i].text);
		seg_plugin_instance_fini(instance);
		seg_plugin_instance_destroy(instance);
		seg_plugin_unload(plugin);
	}
}

static void a_plugin_without_init_or_options_is_served_too(void **state)
{
	(void)state;
	struct section section;
	seg_plugin *plugin = load("old_struct");
	seg_plugin_instance *instance;
	make_section(&section, (const char *const[]){NULL});
	assert_int_equal(create(plugin, &section, &instance), 0);
	assert_int_equal(seg_plugin_instance_init(instance, NULL), 0);
	assert_null(seg_plugin_instance_data(instance));
	assert_ptr_equal(seg_plugin_instance_handler(instance), seg_plugin_handler(plugin));
	seg_plugin_instance_fini(instance);
	seg_plugin_instance_destroy(instance);
	make_section(&section, TEXTS("any=1"));
	assert_int_equal(create(plugin, &section, &instance), SEG_EINVAL);
	assert_string_equal(
		section.errors.list[0].text,
		"/etc/segrunner/test.ini:11: the plugin old_struct has no option \"any\"; the plugin has "
		"no options; remove the line");
	seg_config_errors_fini(&section.errors);
	seg_plugin_unload(plugin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plugin_is_found_by_name_and_by_path),
		cmocka_unit_test(a_plugin_that_stays_mapped_when_it_is_closed_is_not_taken_for_the_next),
		cmocka_unit_test(a_misspelt_name_is_answered_with_the_right_one),
		cmocka_unit_test(a_file_that_is_no_plugin_is_refused_with_the_cure),
		cmocka_unit_test(wrong_option_tables_are_the_plugins_mistake),
		cmocka_unit_test(a_constructor_that_takes_the_process_down_only_refuses_its_plugin),
		cmocka_unit_test(a_plugin_that_was_not_copied_to_its_end_is_told_as_incomplete),
		cmocka_unit_test(a_constructor_that_never_returns_is_given_up_on),
		cmocka_unit_test(a_file_that_is_no_shared_object_is_refused_before_it_runs),
		cmocka_unit_test(a_plugin_that_others_may_write_to_is_refused),
		cmocka_unit_test(a_plugin_that_others_can_exchange_is_refused_though_it_is_safe_itself),
		cmocka_unit_test(a_relative_path_leads_through_the_directories_above),
		cmocka_unit_test(an_older_struct_is_completed_and_a_newer_one_cut),
		cmocka_unit_test(every_wrong_option_is_reported_with_its_line),
		cmocka_unit_test(options_are_read_as_their_type_and_defaults_apply),
		cmocka_unit_test(an_undeclared_option_has_no_value_and_causes_a_warning),
		cmocka_unit_test(a_plugin_knows_whom_it_serves_and_its_log_lines_say_so),
		cmocka_unit_test(a_counter_is_made_once_and_seen_by_others),
		cmocka_unit_test(bad_counters_are_refused_and_the_64_first_stay_where_they_are),
		cmocka_unit_test(counters_of_several_threads_add_up_while_they_are_read),
		cmocka_unit_test(an_init_that_fails_says_why_and_fini_is_not_called),
		cmocka_unit_test(a_plugin_without_init_or_options_is_served_too),
	};
	return cmocka_run_group_tests(tests, find_plugins, remove_directory);
}

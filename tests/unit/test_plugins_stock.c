/*
 * test_plugins_stock.c - log, file and wordcount, loaded as segrunner loads them, with messages handed over
 * by the test.
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
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/plugin.h"
#include "plugin/plugin.h"

static char directory[64];
static char logged[1024];
static char stream_name[160] = "words"; /* of plugins that start from now on */

/* --- a plugin as a section configures it --------------------------------------------------------- */

struct fixture {
	seg_config_consumer consumer;
	seg_config_option options[8];
	char texts[8][160];
	seg_config_errors errors;
	seg_plugin *plugin;
	seg_plugin_instance *instance;
};

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void note_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	snprintf(logged, sizeof(logged), "%s", event->text);
}

/* Loads the plugin for group `group` with the options "name=value". */
static void load(struct fixture *f, const char *name, const char *group, const char *const *options)
{
	char plugins[512];
	seg_error why;
	test_plugin_probe_by_build();
	*f = (struct fixture){0};
	snprintf(plugins, sizeof(plugins), "%s/plugins", getenv("SEG_BUILD_DIR"));
	if (seg_plugin_load(name, plugins, &f->plugin, &why) != 0)
		fail_msg("%s", why.text);
	f->consumer = (seg_config_consumer){.place = {"test.ini", 1},
					    .name = "mine",
					    .stream = stream_name,
					    .options = f->options};
	f->consumer.group = f->texts[7];
	snprintf(f->texts[7], sizeof(f->texts[7]), "%s", group);
	for (size_t i = 0; options[i]; i++) {
		snprintf(f->texts[i], sizeof(f->texts[i]), "%s", options[i]);
		char *equals = strchr(f->texts[i], '=');
		*equals = '\0';
		f->options[f->consumer.option_count++] =
			(seg_config_option){{"test.ini", 2}, f->texts[i], equals + 1};
	}
	int result = seg_plugin_instance_create(f->plugin, &f->consumer, "runner-1",
						seg_logger_make(note_log, NULL), &f->errors, &f->instance);
	if (result != 0)
		fail_msg("%s", f->errors.list[0].text);
}

/* The same, and init. Returns init's result; error may be NULL. */
static int start_in_group(struct fixture *f, const char *name, const char *group, const char *const *options,
			  seg_error *error)
{
	load(f, name, group, options);
	return seg_plugin_instance_init(f->instance, error);
}

static void start(struct fixture *f, const char *name, const char *const *options)
{
	seg_error error;
	if (start_in_group(f, name, "g", options, &error) != 0)
		fail_msg("%s", error.text);
}

static void stop(struct fixture *f)
{
	seg_plugin_instance_fini(f->instance);
	seg_plugin_instance_destroy(f->instance);
	seg_plugin_unload(f->plugin);
}

static const seg_handler *handler_of(const struct fixture *f)
{
	return seg_plugin_instance_handler(f->instance);
}

/* Opens a partition; NULL if the plugin refuses, for the reason in error[512]. */
static void *try_open(struct fixture *f, uint32_t partition, uint64_t epoch, char *error)
{
	void *state = NULL;
	int result = handler_of(f)->partition_open(seg_plugin_instance_data(f->instance), partition, epoch,
						   &state, error, 512);
	return result == 0 ? state : NULL;
}

static void *open_partition(struct fixture *f, uint32_t partition, uint64_t epoch)
{
	char error[512] = "";
	void *state = try_open(f, partition, epoch, error);
	if (!state)
		fail_msg("%s", error);
	return state;
}

static void close_partition(struct fixture *f, void *state, seg_close_reason reason)
{
	handler_of(f)->partition_close(seg_plugin_instance_data(f->instance), state, reason);
}

static void expect_refused_open(struct fixture *f, uint64_t epoch, const char *text)
{
	char error[512] = "";
	assert_null(try_open(f, 3, epoch, error));
	if (!strstr(error, text))
		fail_msg("\"%s\" lacks \"%s\"", error, text);
}

/* --- messages: number n has the id 1000-n ---------------------------------------------------- */

struct text {
	uint64_t n;
	const char *key;
	const char *data;
};

enum { BATCH_MAX = 64 };

static seg_answer hand_over(struct fixture *f, void *state, uint64_t epoch, const seg_message *messages,
			    size_t count)
{
	seg_batch batch = {.messages = messages,
			   .count = count,
			   .partition = 3,
			   .attempt = 1,
			   .epoch = epoch};
	return handler_of(f)->handle(seg_plugin_instance_data(f->instance), state, &batch);
}

static seg_answer hand_over_texts(struct fixture *f, void *state, uint64_t epoch, const struct text *texts,
				  size_t count)
{
	seg_message messages[BATCH_MAX];
	for (size_t i = 0; i < count; i++)
		messages[i] = (seg_message){
			.id = {1000, texts[i].n},
			.key = texts[i].key,
			.key_length = strlen(texts[i].key),
			.data = texts[i].data,
			.data_length = strlen(texts[i].data),
		};
	return hand_over(f, state, epoch, messages, count);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HAND_OVER(f, state, epoch, ...)                                      \
	hand_over_texts(f, state, epoch, (const struct text[]){__VA_ARGS__}, \
			COUNT(((const struct text[]){__VA_ARGS__})))

static void assert_done(seg_answer answer)
{
	if (answer.outcome != SEG_OUTCOME_DONE)
		fail_msg("answered %u for %u: %s", answer.outcome, answer.index, answer.reason);
}

static uint64_t counter(const struct fixture *f, const char *name)
{
	seg_plugin_counter c;
	for (size_t i = 0; seg_plugin_instance_counter(f->instance, i, &c); i++)
		if (strcmp(c.name, name) == 0)
			return c.value;
	fail_msg("no counter %s", name);
	return 0;
}

/* --- files ------------------------------------------------------------------------------------- */

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/seg-stock-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf -- '%s'", directory);
	return system(command);
}

static const char *in_directory(const char *name)
{
	static char paths[4][400];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static const char *directory_option(void)
{
	static char option[80];
	snprintf(option, sizeof(option), "directory=%s", directory);
	return option;
}

/* The file's content, NUL-terminated; NULL if there is no such file. The caller frees it. */
static char *read_file(const char *name, size_t *length)
{
	int fd = open(in_directory(name), O_RDONLY);
	if (fd < 0)
		return NULL;
	size_t size = 4 << 20;
	char *content = calloc(1, size);
	ssize_t n = read(fd, content, size - 1);
	close(fd);
	assert_true(n >= 0);
	if (length)
		*length = (size_t)n;
	return content;
}

static void write_file(const char *name, const char *content, size_t length)
{
	int fd = open(in_directory(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_int_equal(write(fd, content, length), length);
	close(fd);
}

static void expect_content(const char *name, const char *expected)
{
	char *content = read_file(name, NULL);
	assert_non_null(content);
	assert_string_equal(content, expected);
	free(content);
}

static bool exists(const char *name)
{
	return access(in_directory(name), F_OK) == 0;
}

/* Limits the size of this process's files; RLIM_INFINITY: no limit. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* --- log ------------------------------------------------------------------------------------------ */

static int saved_stdout;

static void capture_stdout(int fd)
{
	fflush(stdout);
	saved_stdout = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

static void release_stdout(void)
{
	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);
}

static const seg_header two_headers[] = {{"trace", 5, "7f3a", 4}, {"raw", 3, "\xff", 1}};
static const seg_message odd_message = {
	.id = {1000, 1},
	.key = "k\xc3\xa4\"y",
	.key_length = 5,
	.data = "a\n\x1b\xff\0b",
	.data_length = 6,
	.headers = two_headers,
	.header_count = 2,
};

/* Prints the line of log for the odd message, and then the line for a message of 2,000 bytes. */
static void print_two(const char *const *options)
{
	struct fixture f;
	static char big[2000];
	memset(big, 'x', sizeof(big));
	start(&f, "log", options);
	void *state = open_partition(&f, 3, 7);
	capture_stdout(open(in_directory("out"), O_WRONLY | O_CREAT | O_TRUNC, 0644));
	seg_message large = {.id = {1000, 2}, .key = "", .data = big, .data_length = sizeof(big)};
	seg_answer first = hand_over(&f, state, 7, &odd_message, 1),
		   second = hand_over(&f, state, 7, &large, 1);
	release_stdout();
	assert_done(first);
	assert_done(second);
	assert_int_equal(counter(&f, "lines_total"), 2);
	close_partition(&f, state, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void log_prints_text_that_is_safe_to_show(void **state)
{
	(void)state;
	print_two(TEXTS("max_bytes=8"));
	expect_content(
		"out",
		"stream=words partition=3 id=1000-1 key=\"k\xc3\xa4\\\"y\" data=\"a\\n\\x1b\\xff\\x00b\" "
		"\"trace\"=\"7f3a\" \"raw\"=\"\\xff\"\n"
		"stream=words partition=3 id=1000-2 key=\"\" data=\"xxxxxxxx\"...(2000 bytes)\n");
}

static void log_prints_json_with_base64_where_it_must(void **state)
{
	(void)state;
	print_two(TEXTS("max_bytes=8", "format=json"));
	expect_content(
		"out",
		"{\"stream\":\"words\",\"partition\":3,\"id\":\"1000-1\",\"key\":\"k\xc3\xa4\\\"y\",\"data_base64\":\"YQob/wBi\","
		"\"headers\":[{\"name\":\"trace\",\"value\":\"7f3a\"},{\"name\":\"raw\",\"value_base64\":\"/w==\"}]}\n"
		"{\"stream\":\"words\",\"partition\":3,\"id\":\"1000-2\",\"key\":\"\",\"data\":\"xxxxxxxx\",\"data_bytes\":2000}\n");
}

static void log_shows_all_when_it_may(void **state)
{
	(void)state;
	print_two(TEXTS("max_bytes=0"));
	char *out = read_file("out", NULL);
	assert_true(strlen(out) > 2000);
	assert_null(strstr(out, "bytes)"));
	free(out);
}

static void log_stops_when_nobody_reads(void **state)
{
	(void)state;
	struct fixture f;
	int ends[2];
	start(&f, "log", (const char *const[]){NULL});
	void *partition = open_partition(&f, 3, 7);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	capture_stdout(ends[1]);
	seg_answer answer = HAND_OVER(&f, partition, 7, {1, "a", "b"});
	release_stdout();
	assert_int_equal(answer.outcome, SEG_OUTCOME_STOP);
	assert_string_equal(answer.reason, "the reader of standard output has closed it");
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void log_refuses_an_unknown_format(void **state)
{
	(void)state;
	struct fixture f;
	seg_error error;
	assert_int_equal(start_in_group(&f, "log", "g", TEXTS("format=xml"), &error), SEG_EINVAL);
	assert_non_null(
		strstr(error.text, "option.format = xml is neither text nor json; write one of them"));
	stop(&f);
}

/* --- file ------------------------------------------------------------------------------------------- */

#define LINE(epoch, n, key, data)                                                                      \
	"{\"epoch\":" #epoch ",\"id\":\"1000-" #n                                                      \
	"\",\"stream\":\"words\",\"group\":\"g\",\"partition\":3,\"key\":\"" key "\",\"data\":\"" data \
	"\"}\n"

static void file_appends_a_line_of_json_for_each_message(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "file", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "a", "one"}, {2, "b", "tw\"o\n"}));
	expect_content("words@g.3.jsonl", LINE(7, 1, "a", "one") LINE(7, 2, "b", "tw\\\"o\\n"));
	assert_done(hand_over(&f, partition, 7, &odd_message, 1));
	char *content = read_file("words@g.3.jsonl", NULL), *data, *value, *name;
	json_t *object = json_loads(strstr(content, "tw") + strlen("tw\\\"o\\n\"}\n"), 0, NULL);
	assert_non_null(object);
	assert_int_equal(json_unpack(object, "{s:s,s:[{s:s},{s:s}]}", "data_base64", &data, "headers",
				     "value", &value, "name", &name),
			 0);
	assert_string_equal(data, "YQob/wBi");
	assert_string_equal(value, "7f3a");
	assert_string_equal(name, "raw");
	json_decref(object);
	free(content);
	assert_int_equal(counter(&f, "lines_total"), 3);
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

/* Names of 128 characters each are more than the name of a file may have. */
static void file_shortens_names_that_are_too_long_and_keeps_them_apart(void **state)
{
	(void)state;
	static const char *const hashes[] = {"b3b430c5c2f58a9f", "b3b445c5c2f5ae4e"};
	char group[129], name[300];
	struct fixture f;
	snprintf(stream_name, sizeof(stream_name), "%0128d", 0);
	memset(stream_name, 's', 128);
	memset(group, 'g', 128);
	group[128] = '\0';
	for (size_t i = 0; i < 2; i++) {
		group[127] = i ? 'x' : 'g';
		start_in_group(&f, "file", group, TEXTS(directory_option()), NULL);
		void *partition = open_partition(&f, 3, 7);
		assert_done(HAND_OVER(&f, partition, 7, {1, "a", "one"}));
		close_partition(&f, partition, SEG_CLOSE_RELEASED);
		stop(&f);
		snprintf(name, sizeof(name), "%.100s@%.100s~%s.3.jsonl", stream_name, group, hashes[i]);
		char *content = read_file(name, NULL);
		assert_non_null(strstr(content, group));
		free(content);
	}
	strcpy(stream_name, "words");
}

static void file_encodes_everything_in_base64_on_request(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "file", TEXTS(directory_option(), "encoding=base64"));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "a", ""}, {2, "a", "f"}, {3, "a", "fo"}, {4, "a", "foo"},
			      {5, "a", "foob"}));
	char *content = read_file("words@g.3.jsonl", NULL), *line = content;
	static const char *const expected[] = {"\"\"", "\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\""};
	for (size_t i = 0; i < COUNT(expected); i++) {
		line = strstr(line, "data_base64\":") + strlen("data_base64\":");
		assert_memory_equal(line, expected[i], strlen(expected[i]));
	}
	free(content);
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void file_cuts_off_a_torn_line_and_continues_after_the_last_whole_one(void **state)
{
	(void)state;
	static const char whole[] = LINE(7, 1, "a", "one"), torn[] = LINE(7, 2, "b", "two");
	for (size_t cut = 0; cut < strlen(torn); cut += 7) {
		char content[512];
		size_t length = (size_t)snprintf(content, sizeof(content), "%s%.*s", whole, (int)cut, torn);
		write_file("words@g.3.jsonl", content, length);
		struct fixture f;
		logged[0] = '\0';
		start(&f, "file", TEXTS(directory_option()));
		void *partition = open_partition(&f, 3, 8);
		assert_true((cut > 0) == (strstr(logged, "ended with an incomplete line of") != NULL));
		assert_done(HAND_OVER(&f, partition, 8, {2, "b", "two"}));
		expect_content("words@g.3.jsonl", LINE(7, 1, "a", "one") LINE(8, 2, "b", "two"));
		close_partition(&f, partition, SEG_CLOSE_RELEASED);
		stop(&f);
	}
}

static void file_finds_the_end_before_a_torn_line_of_many_blocks(void **state)
{
	(void)state;
	static char content[20000];
	int whole = snprintf(content, sizeof(content), "%s", LINE(7, 1, "a", "one"));
	memset(content + whole, 'x', sizeof(content) - (size_t)whole);
	write_file("words@g.3.jsonl", content, sizeof(content));
	struct fixture f;
	start(&f, "file", TEXTS(directory_option()));
	close_partition(&f, open_partition(&f, 3, 8), SEG_CLOSE_RELEASED);
	expect_content("words@g.3.jsonl", LINE(7, 1, "a", "one"));
	memset(content, 'x', sizeof(content));
	write_file("words@g.3.jsonl", content, sizeof(content));
	close_partition(&f, open_partition(&f, 3, 8), SEG_CLOSE_RELEASED);
	expect_content("words@g.3.jsonl", "");
	stop(&f);
}

static void file_retries_on_a_full_disk_and_leaves_no_part_of_the_batch(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "file", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "a", "one"}));
	limit_files(150);
	seg_answer answer = HAND_OVER(&f, partition, 7, {2, "b", "two"}, {3, "b", "three"});
	limit_files(RLIM_INFINITY);
	assert_int_equal(answer.outcome, SEG_OUTCOME_RETRY);
	assert_int_equal(answer.index, 0);
	assert_non_null(strstr(answer.reason, "words@g.3.jsonl: File too large"));
	expect_content("words@g.3.jsonl", LINE(7, 1, "a", "one"));
	assert_int_equal(counter(&f, "write_failures_total"), 1);
	assert_done(HAND_OVER(&f, partition, 7, {2, "b", "two"}, {3, "b", "three"}));
	expect_content("words@g.3.jsonl",
		       LINE(7, 1, "a", "one") LINE(7, 2, "b", "two") LINE(7, 3, "b", "three"));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void file_stops_on_a_full_disk_on_request(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "file", TEXTS(directory_option(), "on_error=stop"));
	void *partition = open_partition(&f, 3, 7);
	limit_files(10);
	seg_answer answer = HAND_OVER(&f, partition, 7, {2, "b", "two"});
	limit_files(RLIM_INFINITY);
	assert_int_equal(answer.outcome, SEG_OUTCOME_STOP);
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void a_former_owner_writes_nothing_after_its_successors_lines(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "file", TEXTS(directory_option()));
	void *former = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, former, 7, {1, "a", "one"}));
	void *owner = open_partition(&f, 3, 8);
	assert_done(HAND_OVER(&f, owner, 8, {2, "b", "two"}));
	seg_answer answer = HAND_OVER(&f, former, 7, {2, "b", "late"});
	assert_int_equal(answer.outcome, SEG_OUTCOME_RETRY);
	assert_non_null(strstr(answer.reason, "another runner has taken over this partition"));
	expect_refused_open(&f, 7, "has lines of epoch 8; this runner has epoch 7");
	expect_content("words@g.3.jsonl", LINE(7, 1, "a", "one") LINE(8, 2, "b", "two"));
	close_partition(&f, former, SEG_CLOSE_LOST);
	close_partition(&f, owner, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void file_does_not_wait_for_a_process_that_hangs_while_writing(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "file", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	int other = open(in_directory("words@g.3.jsonl"), O_RDWR);
	assert_int_equal(flock(other, LOCK_EX), 0);
	seg_answer answer = HAND_OVER(&f, partition, 7, {1, "a", "one"});
	assert_int_equal(answer.outcome, SEG_OUTCOME_RETRY);
	assert_non_null(strstr(answer.reason, "another process is writing"));
	expect_refused_open(&f, 8, "another process is writing");
	close(other);
	assert_done(HAND_OVER(&f, partition, 7, {1, "a", "one"}));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void a_file_that_was_moved_away_is_made_anew(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "file", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "a", "one"}));
	assert_int_equal(rename(in_directory("words@g.3.jsonl"), in_directory("old")), 0);
	assert_done(HAND_OVER(&f, partition, 7, {2, "b", "two"}));
	expect_content("old", LINE(7, 1, "a", "one"));
	expect_content("words@g.3.jsonl", LINE(7, 2, "b", "two"));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void a_directory_that_cannot_be_used_is_refused_at_the_start(void **state)
{
	(void)state;
	static const char *const plugins[] = {"file", "wordcount"};
	for (size_t i = 0; i < COUNT(plugins); i++) {
		struct fixture f;
		seg_error error;
		assert_int_equal(start_in_group(&f, plugins[i], "g", TEXTS("directory=/nowhere/at/all"),
						&error),
				 SEG_EINVAL);
		assert_non_null(strstr(
			error.text,
			"cannot write to option.directory = /nowhere/at/all: No such file or directory"));
		stop(&f);
		write_file("plain", "", 0);
		char option[200];
		snprintf(option, sizeof(option), "directory=%s", in_directory("plain"));
		assert_int_equal(start_in_group(&f, plugins[i], "g", TEXTS(option), &error), SEG_EINVAL);
		assert_non_null(strstr(error.text, "Not a directory"));
		stop(&f);
	}
}

/* What the plugin's check says of the directory; "" if it accepts it. */
static void expect_checked(const char *name, const char *path, const char *text)
{
	struct fixture f;
	char option[200];
	snprintf(option, sizeof(option), "directory=%s", path);
	load(&f, name, "g", TEXTS(option));
	seg_plugin_instance_check(f.instance, &f.consumer, &f.errors);
	if (f.errors.count != (*text != '\0') || (*text && !strstr(f.errors.list[0].text, text)))
		fail_msg("%s says of %s: %s", name, path, f.errors.count ? f.errors.list[0].text : "nothing");
	seg_config_errors_fini(&f.errors);
	stop(&f);
}

static void a_directory_is_checked_without_a_change(void **state)
{
	(void)state;
	static const char *const plugins[] = {"file", "wordcount"};
	for (size_t i = 0; i < COUNT(plugins); i++) {
		write_file("plain", "", 0);
		expect_checked(plugins[i], directory, "");
		expect_checked(plugins[i], in_directory("new"), "");
		assert_false(exists("new"));
		expect_checked(
			plugins[i], in_directory("new/below"),
			"cannot be used: No such file or directory; create the directory that it shall be in");
		expect_checked(plugins[i], in_directory("plain"), "test.ini:2: [consumer mine] the plugin ");
		expect_checked(plugins[i], in_directory("plain/below"),
			       "cannot be used: Not a directory; name a directory");
	}
}

/* --- wordcount --------------------------------------------------------------------------------------- */

#define HEAD(epoch, last, messages, out_of_order)                                                            \
	"# wordcount stream=words group=g partition=3\n# epoch=" #epoch " last=" last " messages=" #messages \
	" out_of_order=" #out_of_order "\n"

/* A word's count in the file; 0 if the file does not have the word. */
static uint64_t count_of(const char *word)
{
	char *content = read_file("3.counts", NULL), needle[64];
	assert_non_null(content);
	uint64_t count = 0, number;
	snprintf(needle, sizeof(needle), "\t%s\n", word);
	for (char *line = content; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *end = strchr(line, '\n');
		size_t length = strlen(needle);
		if (*line != '#' && end && (size_t)(end + 1 - line) > length &&
		    memcmp(end + 1 - length, needle, length) == 0)
			assert_int_equal(sscanf(line, "%" SCNu64 "\t%" SCNu64, &count, &number), 2);
	}
	free(content);
	return count;
}

static void tick(struct fixture *f, void *state)
{
	handler_of(f)->tick(seg_plugin_instance_data(f->instance), state);
}

static void wordcount_counts_each_key_and_keeps_the_last_id_with_it(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	expect_content("3.counts", HEAD(7, "0-0", 0, 0) "# end words=0\n");
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "cat", "2"}, {3, "the", "5"}));
	tick(&f, partition);
	char *content = read_file("3.counts", NULL);
	assert_non_null(strstr(content, HEAD(7, "1000-3", 3, 0)));
	assert_non_null(strstr(content, "\n2\t5\tthe\n"));
	assert_non_null(strstr(content, "\n1\t2\tcat\n"));
	assert_non_null(strstr(content, "\n# end words=2\n"));
	free(content);
	assert_int_equal(counter(&f, "messages_total"), 3);
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void a_message_that_comes_again_is_not_counted_again(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "cat", "1"}));
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "cat", "1"}));
	assert_done(HAND_OVER(&f, partition, 7, {2, "cat", "1"}, {3, "the", "2"}));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 2);
	assert_int_equal(count_of("cat"), 1);
	assert_int_equal(counter(&f, "repeated_total"), 3);
	assert_int_equal(counter(&f, "out_of_order_total"), 0);
	stop(&f);
}

static void the_next_owner_continues_where_a_clean_stop_ended(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "1"}));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	assert_false(exists("3.7.journal"));
	assert_int_equal(count_of("the"), 1);
	partition = open_partition(&f, 3, 9);
	assert_done(HAND_OVER(&f, partition, 9, {1, "the", "1"}, {2, "the", "2"}));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	expect_content("3.counts", HEAD(9, "1000-2", 2, 0) "2\t2\tthe\n# end words=1\n");
	stop(&f);
}

static void the_counts_of_a_lost_owner_are_in_its_journal(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "1"}));
	close_partition(&f, partition, SEG_CLOSE_LOST);
	assert_int_equal(count_of("the"), 0);
	assert_true(exists("3.7.journal"));
	close_partition(&f, open_partition(&f, 3, 8), SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 1);
	assert_false(exists("3.7.journal"));
	assert_false(exists("3.8.journal"));
	stop(&f);
}

static void a_lower_epoch_never_overwrites_a_higher_one(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *former = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, former, 7, {1, "the", "1"}));
	void *owner = open_partition(&f, 3, 8);
	assert_done(HAND_OVER(&f, former, 7, {2, "ghost", "1"}));
	tick(&f, former);
	assert_non_null(strstr(logged, "3.counts has epoch 8; this runner has epoch 7"));
	assert_done(HAND_OVER(&f, owner, 8, {2, "cat", "1"}));
	close_partition(&f, owner, SEG_CLOSE_RELEASED);
	close_partition(&f, former, SEG_CLOSE_RELEASED);
	expect_refused_open(&f, 7, "another runner has taken over this partition");
	close_partition(&f, open_partition(&f, 3, 9), SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 1);
	assert_int_equal(count_of("cat"), 1);
	assert_int_equal(count_of("ghost"), 0);
	stop(&f);
}

static void a_number_that_does_not_rise_within_its_key_is_out_of_order(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "5"}, {2, "cat", "1"}, {3, "the", "5"},
			      {4, "the", "2"}, {5, "the", "6"}, {6, "cat", "no number"}, {7, "cat", "2"}));
	assert_int_equal(counter(&f, "out_of_order_total"), 2);
	assert_string_equal(logged, "mine: message 1000-4 of partition 3 is out of order within its key");
	close_partition(&f, partition, SEG_CLOSE_LOST);
	partition = open_partition(&f, 3, 8);
	assert_done(HAND_OVER(&f, partition, 8, {8, "the", "6"}));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	char *content = read_file("3.counts", NULL);
	assert_non_null(strstr(content, " out_of_order=3\n"));
	free(content);
	stop(&f);
}

static void order_is_not_checked_if_an_option_says_so(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option(), "check_order=no"));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "5"}, {2, "the", "2"}));
	assert_int_equal(counter(&f, "out_of_order_total"), 0);
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	stop(&f);
}

static void words_of_any_bytes_come_back_as_they_were(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	seg_message messages[4] = {
		{.id = {1, 1}, .key = "", .data = ""},
		{.id = {1, 2}, .key = "a\tb\n\\x41\0c", .key_length = 10, .data = ""},
		{.id = {1, 3}, .key = "\xff\xfe =#", .key_length = 5, .data = ""},
		{.id = {1, 4}, .key = "# end words=9", .key_length = 13, .data = ""},
	};
	assert_done(hand_over(&f, partition, 7, messages, 4));
	close_partition(&f, partition, SEG_CLOSE_LOST);
	for (uint64_t epoch = 8; epoch < 10; epoch++)
		close_partition(&f, open_partition(&f, 3, epoch), SEG_CLOSE_RELEASED);
	partition = open_partition(&f, 3, 10);
	for (size_t i = 0; i < 4; i++)
		messages[i].id.seq += 4;
	assert_done(hand_over(&f, partition, 10, messages, 4));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	char *content = read_file("3.counts", NULL);
	assert_non_null(strstr(content, "\n2\t0\t\n"));
	assert_non_null(strstr(content, "\n2\t0\ta\\x09b\\x0a\\x5cx41\\x00c\n"));
	assert_non_null(strstr(content, "\n2\t0\t\xff\xfe =#\n"));
	assert_non_null(strstr(content, "\n2\t0\t# end words=9\n"));
	assert_non_null(strstr(content, "\n# end words=4\n"));
	free(content);
	stop(&f);
}

/* The journal of epoch 7 has three batches of two messages; .counts is still empty. */
static char *make_journal(struct fixture *f, size_t *length, char **counts, size_t *counts_length)
{
	void *partition = open_partition(f, 3, 7);
	for (uint64_t n = 1; n < 6; n += 2)
		assert_done(HAND_OVER(f, partition, 7, {n, "the", ""}, {n + 1, "cat", ""}));
	close_partition(f, partition, SEG_CLOSE_LOST);
	*counts = read_file("3.counts", counts_length);
	return read_file("3.7.journal", length);
}

static void a_journal_torn_anywhere_counts_its_whole_batches(void **state)
{
	(void)state;
	struct fixture f;
	size_t length, counts_length;
	char *counts;
	start(&f, "wordcount", TEXTS(directory_option(), "sync=no"));
	char *journal = make_journal(&f, &length, &counts, &counts_length);
	for (size_t cut = 0; cut <= length; cut++) {
		size_t batches = 0;
		for (size_t i = 0; i < cut; i++)
			batches += journal[i] == '\n' && i >= 17 && journal[i - 17] == '=';
		write_file("3.counts", counts, counts_length);
		write_file("3.7.journal", journal, cut);
		close_partition(&f, open_partition(&f, 3, 8), SEG_CLOSE_RELEASED);
		assert_int_equal(count_of("the"), batches);
		assert_int_equal(count_of("cat"), batches);
	}
	free(journal);
	free(counts);
	stop(&f);
}

static void a_journal_damaged_anywhere_never_counts_what_was_not_written(void **state)
{
	(void)state;
	struct fixture f;
	size_t length, counts_length;
	char *counts, error[512];
	start(&f, "wordcount", TEXTS(directory_option(), "sync=no"));
	char *journal = make_journal(&f, &length, &counts, &counts_length);
	for (size_t i = 0; i < length; i++) {
		write_file("3.counts", counts, counts_length);
		journal[i] ^= 0x15;
		write_file("3.7.journal", journal, length);
		journal[i] ^= 0x15;
		void *partition = try_open(&f, 3, 8, error);
		assert_non_null(partition);
		close_partition(&f, partition, SEG_CLOSE_RELEASED);
		assert_in_range(count_of("the"), 0, 2);
		assert_int_equal(count_of("the"), count_of("cat"));
	}
	free(journal);
	free(counts);
	stop(&f);
}

static void a_crash_between_the_rename_and_the_emptied_journal_counts_nothing_twice(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "cat", "1"}));
	size_t length;
	char *journal = read_file("3.7.journal", &length);
	tick(&f, partition);
	close_partition(&f, partition, SEG_CLOSE_LOST);
	write_file("3.7.journal", journal, length);
	close_partition(&f, open_partition(&f, 3, 8), SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 1);
	assert_int_equal(count_of("cat"), 1);
	free(journal);
	stop(&f);
}

static void damaged_counts_are_refused_not_guessed_at(void **state)
{
	(void)state;
	struct fixture f;
	size_t length;
	start(&f, "wordcount", TEXTS(directory_option(), "sync=no"));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", ""}, {2, "cat", ""}));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	char *content = read_file("3.counts", &length);
	for (size_t cut = 0; cut < length; cut++) {
		write_file("3.counts", content, cut);
		expect_refused_open(
			&f, 8,
			"3.counts is damaged: restore it from a backup, or remove it to start counting");
	}
	free(content);
	stop(&f);
}

static void two_groups_do_not_mix_their_counts(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	close_partition(&f, open_partition(&f, 3, 7), SEG_CLOSE_RELEASED);
	stop(&f);
	assert_int_equal(start_in_group(&f, "wordcount", "other", TEXTS(directory_option()), NULL), 0);
	expect_refused_open(
		&f, 8,
		"has the counts of stream=words group=g partition=3, not of stream=words group=other partition=3; "
		"give each group its own option.directory");
	stop(&f);
}

static void wordcount_retries_on_a_full_disk_and_counts_each_message_once(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, 7);
	assert_done(HAND_OVER(&f, partition, 7, {1, "the", "1"}));
	limit_files(50);
	for (int i = 0; i < 3; i++) {
		seg_answer answer =
			HAND_OVER(&f, partition, 7, {1, "the", "1"}, {2, "the", "2"}, {3, "cat", "1"});
		assert_int_equal(answer.outcome, SEG_OUTCOME_RETRY);
		assert_int_equal(answer.index, 1);
		assert_non_null(strstr(answer.reason, "3.7.journal: File too large"));
	}
	limit_files(RLIM_INFINITY);
	assert_done(HAND_OVER(&f, partition, 7, {2, "the", "2"}, {3, "cat", "1"}));
	assert_done(HAND_OVER(&f, partition, 7, {4, "the", "3"}));
	close_partition(&f, partition, SEG_CLOSE_LOST);
	close_partition(&f, open_partition(&f, 3, 8), SEG_CLOSE_RELEASED);
	assert_int_equal(count_of("the"), 3);
	assert_int_equal(count_of("cat"), 1);
	stop(&f);
}

/* --- kill -9: an owner in a process of its own ---------------------------------------------------------- */

enum { BATCHES = 4000, BATCH = 8, KILLS = 12 };

/* Batch b has the messages b * 8 + 1 to b * 8 + 8: eight words, each with its occurrence number b + 1. */
static seg_answer hand_over_numbered(struct fixture *f, void *state, uint64_t epoch, uint64_t b)
{
	static const char *const words[BATCH] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	struct text texts[BATCH];
	char number[24];
	snprintf(number, sizeof(number), "%" PRIu64, b + 1);
	for (size_t i = 0; i < BATCH; i++)
		texts[i] = (struct text){b * BATCH + i + 1, words[i], number};
	return hand_over_texts(f, state, epoch, texts, BATCH);
}

/* The child owns the partition, handles batches from `first` on, and reports each batch that is done. */
static void own_until_killed(const char *plugin, uint64_t epoch, uint64_t first, int fd)
{
	struct fixture f;
	start(&f, plugin, TEXTS(directory_option(), plugin[0] == 'w' ? "sync=no" : "on_error=stop"));
	void *state = open_partition(&f, 3, epoch);
	for (uint64_t b = first; b < BATCHES; b++) {
		if (hand_over_numbered(&f, state, epoch, b).outcome != SEG_OUTCOME_DONE ||
		    write(fd, &b, sizeof(b)) != sizeof(b))
			_exit(1);
		if (plugin[0] == 'w' && b % 16 == 0)
			tick(&f, state);
	}
	_exit(0);
}

/*
 * Runs such a child and kills it some time after `batches` batches were done. Returns the first batch that
 * the child did not report.
 */
static uint64_t kill_an_owner(const char *plugin, uint64_t epoch, uint64_t first, uint64_t batches)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0)
		own_until_killed(plugin, epoch, first, ends[1]);
	close(ends[1]);
	uint64_t done = first, b;
	while (read(ends[0], &b, sizeof(b)) == sizeof(b)) {
		assert_int_equal(b, done);
		done = b + 1;
		if (done == first + batches)
			kill(child, SIGKILL);
	}
	close(ends[0]);
	int status;
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return done;
}

static void wordcount_counts_each_message_once_however_often_it_is_killed(void **state)
{
	(void)state;
	uint64_t position = 0, epoch = 100;
	for (int i = 0; i < KILLS; i++) {
		uint64_t done = kill_an_owner("wordcount", epoch++, position, 20 + (uint64_t)i * 7);
		/* Goes back as if Redis had lost the newest commits. */
		position = done > 5 ? done - 5 : 0;
	}
	struct fixture f;
	start(&f, "wordcount", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, epoch);
	for (uint64_t b = position; b < position + 100; b++)
		assert_done(hand_over_numbered(&f, partition, epoch, b));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	for (const char *word = "abcdefgh"; *word; word++)
		assert_int_equal(count_of((const char[]){*word, '\0'}), position + 100);
	char *content = read_file("3.counts", NULL);
	assert_non_null(strstr(content, " out_of_order=0\n"));
	free(content);
	stop(&f);
}

/*
 * Checks that each message up to `last` is in the file, in order except for repetitions, which have a higher
 * epoch.
 */
static void expect_all_lines(uint64_t last)
{
	char *content = read_file("words@g.3.jsonl", NULL);
	uint64_t highest = 0, epoch = 0;
	for (char *line = content; *line; line = strchr(line, '\n') + 1) {
		uint64_t n, line_epoch;
		assert_int_equal(sscanf(line, "{\"epoch\":%" SCNu64 ",\"id\":\"1000-%" SCNu64 "\"",
					&line_epoch, &n),
				 2);
		assert_non_null(strchr(line, '\n'));
		assert_true(line_epoch >= epoch);
		assert_true(n == highest + 1 || (n <= highest && line_epoch > 100));
		highest = n > highest ? n : highest;
		epoch = line_epoch;
	}
	assert_int_equal(highest, last);
	free(content);
}

static void file_has_every_message_it_answered_for_however_often_it_is_killed(void **state)
{
	(void)state;
	uint64_t position = 0, epoch = 100;
	for (int i = 0; i < KILLS; i++) {
		uint64_t done = kill_an_owner("file", epoch++, position, 3 + (uint64_t)i);
		position = done > 2 ? done - 2 : 0;
	}
	struct fixture f;
	start(&f, "file", TEXTS(directory_option()));
	void *partition = open_partition(&f, 3, epoch);
	for (uint64_t b = position; b < position + 5; b++)
		assert_done(hand_over_numbered(&f, partition, epoch, b));
	close_partition(&f, partition, SEG_CLOSE_RELEASED);
	expect_all_lines((position + 5) * BATCH);
	stop(&f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(log_prints_text_that_is_safe_to_show),
		TEST(log_prints_json_with_base64_where_it_must),
		TEST(log_shows_all_when_it_may),
		TEST(log_stops_when_nobody_reads),
		TEST(log_refuses_an_unknown_format),
		TEST(file_appends_a_line_of_json_for_each_message),
		TEST(file_shortens_names_that_are_too_long_and_keeps_them_apart),
		TEST(file_encodes_everything_in_base64_on_request),
		TEST(file_cuts_off_a_torn_line_and_continues_after_the_last_whole_one),
		TEST(file_finds_the_end_before_a_torn_line_of_many_blocks),
		TEST(file_retries_on_a_full_disk_and_leaves_no_part_of_the_batch),
		TEST(file_stops_on_a_full_disk_on_request),
		TEST(a_former_owner_writes_nothing_after_its_successors_lines),
		TEST(file_does_not_wait_for_a_process_that_hangs_while_writing),
		TEST(a_file_that_was_moved_away_is_made_anew),
		TEST(a_directory_that_cannot_be_used_is_refused_at_the_start),
		TEST(a_directory_is_checked_without_a_change),
		TEST(wordcount_counts_each_key_and_keeps_the_last_id_with_it),
		TEST(a_message_that_comes_again_is_not_counted_again),
		TEST(the_next_owner_continues_where_a_clean_stop_ended),
		TEST(the_counts_of_a_lost_owner_are_in_its_journal),
		TEST(a_lower_epoch_never_overwrites_a_higher_one),
		TEST(a_number_that_does_not_rise_within_its_key_is_out_of_order),
		TEST(order_is_not_checked_if_an_option_says_so),
		TEST(words_of_any_bytes_come_back_as_they_were),
		TEST(a_journal_torn_anywhere_counts_its_whole_batches),
		TEST(a_journal_damaged_anywhere_never_counts_what_was_not_written),
		TEST(a_crash_between_the_rename_and_the_emptied_journal_counts_nothing_twice),
		TEST(damaged_counts_are_refused_not_guessed_at),
		TEST(two_groups_do_not_mix_their_counts),
		TEST(wordcount_retries_on_a_full_disk_and_counts_each_message_once),
		TEST(wordcount_counts_each_message_once_however_often_it_is_killed),
		TEST(file_has_every_message_it_answered_for_however_often_it_is_killed),
	};
	if (!getenv("SEG_BUILD_DIR")) {
		fprintf(stderr, "set SEG_BUILD_DIR to the build directory, or run this with ctest\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

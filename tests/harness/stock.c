#include "harness/stock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/runner.h"

enum { BATCH_MAX = 64, BATCHES = 4000 };

char test_stock_logged[1024];
char test_stock_stream[160] = "words";
char test_stock_directory[64];

static const seg_header two_headers[] = {{"trace", 5, "7f3a", 4}, {"raw", 3, "\xff", 1}};
const seg_message test_stock_odd_message = {
	.id = {1000, 1},
	.key = "k\xc3\xa4\"y",
	.key_length = 5,
	.data = "a\n\x1b\xff\0b",
	.data_length = 6,
	.headers = two_headers,
	.header_count = 2,
};

/* --- a plugin as a section configures it --------------------------------------------------------- */

static void note_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	snprintf(test_stock_logged, sizeof(test_stock_logged), "%s", event->text);
}

void test_stock_load(test_stock *f, const char *name, const char *group, const char *const *options)
{
	char plugins[512];
	seg_error why;
	test_plugin_probe_by_build();
	*f = (test_stock){0};
	snprintf(plugins, sizeof(plugins), "%s/plugins", test_build_directory());
	if (seg_plugin_load(name, plugins, &f->plugin, &why) != 0)
		fail_msg("%s", why.text);
	f->consumer = (seg_config_consumer){.place = {"test.ini", 1},
					    .name = "mine",
					    .stream = test_stock_stream,
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

int test_stock_start_in_group(test_stock *f, const char *name, const char *group, const char *const *options,
			      seg_error *error)
{
	test_stock_load(f, name, group, options);
	return seg_plugin_instance_init(f->instance, error);
}

void test_stock_start(test_stock *f, const char *name, const char *const *options)
{
	seg_error error;
	if (test_stock_start_in_group(f, name, "g", options, &error) != 0)
		fail_msg("%s", error.text);
}

void test_stock_stop(test_stock *f)
{
	seg_plugin_instance_fini(f->instance);
	seg_plugin_instance_destroy(f->instance);
	seg_plugin_unload(f->plugin);
}

const seg_handler *test_stock_handler(const test_stock *f)
{
	return seg_plugin_instance_handler(f->instance);
}

void *test_stock_try_open(test_stock *f, uint32_t partition, uint64_t epoch, char *error)
{
	void *state = NULL;
	int result = test_stock_handler(f)->partition_open(seg_plugin_instance_data(f->instance), partition,
							   epoch, &state, error, 512);
	return result == 0 ? state : NULL;
}

void *test_stock_open(test_stock *f, uint32_t partition, uint64_t epoch)
{
	char error[512] = "";
	void *state = test_stock_try_open(f, partition, epoch, error);
	if (!state)
		fail_msg("%s", error);
	return state;
}

void test_stock_close(test_stock *f, void *state, seg_close_reason reason)
{
	test_stock_handler(f)->partition_close(seg_plugin_instance_data(f->instance), state, reason);
}

void test_stock_refuses_open(test_stock *f, uint64_t epoch, const char *text)
{
	char error[512] = "";
	assert_null(test_stock_try_open(f, 3, epoch, error));
	if (!strstr(error, text))
		fail_msg("\"%s\" lacks \"%s\"", error, text);
}

/* --- messages: number n has the id 1000-n ---------------------------------------------------- */

seg_answer test_stock_hand_over(test_stock *f, void *state, uint64_t epoch, const seg_message *messages,
				size_t count)
{
	seg_batch batch = {.messages = messages,
			   .count = count,
			   .partition = 3,
			   .attempt = 1,
			   .epoch = epoch};
	return test_stock_handler(f)->handle(seg_plugin_instance_data(f->instance), state, &batch);
}

seg_answer test_stock_hand_over_texts(test_stock *f, void *state, uint64_t epoch,
				      const test_stock_text *texts, size_t count)
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
	return test_stock_hand_over(f, state, epoch, messages, count);
}

uint64_t test_stock_counter(const test_stock *f, const char *name)
{
	seg_plugin_counter c;
	for (size_t i = 0; seg_plugin_instance_counter(f->instance, i, &c); i++)
		if (strcmp(c.name, name) == 0)
			return c.value;
	fail_msg("no counter %s", name);
	return 0;
}

/* --- files ------------------------------------------------------------------------------------- */

int test_stock_make_directory(void **state)
{
	(void)state;
	strcpy(test_stock_directory, "/tmp/seg-stock-XXXXXX");
	return mkdtemp(test_stock_directory) ? 0 : -1;
}

int test_stock_remove_directory(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf -- '%s'", test_stock_directory);
	return system(command);
}

const char *test_stock_path(const char *name)
{
	static char paths[4][400];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", test_stock_directory, name);
	return path;
}

const char *test_stock_directory_option(void)
{
	static char option[80];
	snprintf(option, sizeof(option), "directory=%s", test_stock_directory);
	return option;
}

char *test_stock_read(const char *name, size_t *length)
{
	int fd = open(test_stock_path(name), O_RDONLY);
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

void test_stock_write(const char *name, const char *content, size_t length)
{
	int fd = open(test_stock_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_int_equal(write(fd, content, length), length);
	close(fd);
}

void test_stock_has(const char *name, const char *expected)
{
	char *content = test_stock_read(name, NULL);
	assert_non_null(content);
	assert_string_equal(content, expected);
	free(content);
}

bool test_stock_exists(const char *name)
{
	return access(test_stock_path(name), F_OK) == 0;
}

void test_stock_limit_files(rlim_t bytes)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* --- kill -9: an owner in a process of its own --- */

seg_answer test_stock_hand_over_numbered(test_stock *f, void *state, uint64_t epoch, uint64_t b)
{
	static const char *const words[TEST_STOCK_BATCH] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	test_stock_text texts[TEST_STOCK_BATCH];
	char number[24];
	snprintf(number, sizeof(number), "%" PRIu64, b + 1);
	for (size_t i = 0; i < TEST_STOCK_BATCH; i++)
		texts[i] = (test_stock_text){b * TEST_STOCK_BATCH + i + 1, words[i], number};
	return test_stock_hand_over_texts(f, state, epoch, texts, TEST_STOCK_BATCH);
}

/* The child owns the partition, handles batches from `first` on, and reports each batch that is done. */
static void own_until_killed(const char *plugin, uint64_t epoch, uint64_t first, int fd)
{
	test_stock f;
	test_stock_start(&f, plugin, TEST_TEXTS(test_stock_directory_option(), "on_error=stop"));
	void *state = test_stock_open(&f, 3, epoch);
	for (uint64_t b = first; b < BATCHES; b++) {
		if (test_stock_hand_over_numbered(&f, state, epoch, b).outcome != SEG_OUTCOME_DONE ||
		    write(fd, &b, sizeof(b)) != sizeof(b))
			_exit(1);
	}
	_exit(0);
}

uint64_t test_stock_kill_an_owner(const char *plugin, uint64_t epoch, uint64_t first, uint64_t batches)
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

/* test_config.c - the meaning of a loaded config, and its printed form. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/rig.h"
#include "config/config.h"

#define CONSUMER "[consumer c]\nstream=s\ngroup=g\nplugin=p\n"
#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)

static void fail_with(seg_config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		print_error("%s\n", errors->list[i].text);
	seg_config_errors_fini(errors);
	fail_msg("a good config was refused or warned of");
}

static seg_config *load_bytes(const char *text, size_t length)
{
	seg_config *config;
	seg_config_errors errors = {0};
	int status = seg_config_load_text("conf/c.ini", text, length, &config, &errors);
	if (status || errors.count)
		fail_with(&errors);
	return config;
}

static seg_config *load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static seg_config *load_file(const char *path)
{
	seg_config *config;
	seg_config_errors errors = {0};
	int status = seg_config_load(path, &config, &errors);
	if (status || errors.count)
		fail_with(&errors);
	return config;
}

/* The printed config; the caller frees it. */
static char *printed(const seg_config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	seg_config_print(config, NULL, NULL, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *reference(seg_config_form form)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	seg_config_reference(out, form);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* --- values ------------------------------------------------------------------- */

static void three_lines_are_enough_and_the_rest_has_defaults(void **state)
{
	(void)state;
	seg_config *config = load(CONSUMER);
	assert_string_equal(config->file, "conf/c.ini");
	assert_string_equal(config->redis.address, "redis://127.0.0.1:6379");
	assert_false(config->redis.embedded);
	assert_null(config->redis.directory);
	assert_null(config->redis.user);
	assert_null(config->redis.password);
	assert_true(config->redis.connect_timeout == 5 * SECOND);
	assert_true(config->redis.timeout == 10 * SECOND);
	assert_false(config->redis.allow_eviction);
	assert_int_equal(config->redis.ack_replicas, 0);
	assert_int_equal(config->redis.appendfsync, SEG_CONFIG_FSYNC_ALWAYS);

	assert_string_equal(config->runner.name_space, "default");
	assert_null(config->runner.name);
	assert_true(config->runner.cpus.count > 0);
	assert_int_equal(config->runner.idle, SEG_CONFIG_IDLE_PARK);
	assert_true(config->runner.shutdown_timeout == 30 * SECOND);
	assert_true(config->runner.handler_timeout == 300 * SECOND);
	assert_int_equal(config->runner.log_level, SEG_LOG_INFO);
	assert_int_equal(config->runner.log_format, SEG_CONFIG_LOG_TEXT);
	assert_null(config->runner.log_file);
	assert_null(config->runner.plugin_directory);

	assert_int_equal(config->consumer_count, 1);
	const seg_config_consumer *consumer = &config->consumers[0];
	assert_string_equal(consumer->name, "c");
	assert_string_equal(consumer->stream, "s");
	assert_string_equal(consumer->group, "g");
	assert_string_equal(consumer->plugin, "p");
	assert_string_equal(consumer->place.file, "conf/c.ini");
	assert_int_equal(consumer->place.line, 1);
	assert_int_equal(consumer->plugin_place.line, 4);
	assert_false(consumer->register_stream);
	assert_int_equal(consumer->batch_size, 512);
	assert_true(consumer->batch_linger == 0);
	assert_int_equal(consumer->in_flight_batches, 0);
	assert_int_equal(consumer->in_flight_bytes, 4 << 20);
	assert_int_equal(consumer->start.kind, SEG_START_EARLIEST);
	assert_true(consumer->session_timeout == 10 * SECOND);
	assert_int_equal(consumer->capacity, 100);
	assert_int_equal(consumer->codec, SEG_CODEC_RAW);
	assert_int_equal(consumer->entry_limit, 64 << 20);
	assert_int_equal(consumer->max_attempts, 5);
	assert_true(consumer->retry_backoff == 100 * MS);
	assert_true(consumer->retry_backoff_max == 30 * SECOND);
	assert_true(consumer->commit_interval == 5 * MS);
	assert_true(consumer->tick == SECOND);
	assert_int_equal(consumer->option_count, 0);
	seg_config_free(config);
}

static void every_option_reaches_its_field(void **state)
{
	(void)state;
	seg_config *config = load(
		"[redis]\n"
		"address = unix:///run/redis.sock\nuser = u\npassword = p w\nconnect_timeout = 1s\n"
		"timeout = 2s\nallow_eviction = yes\nack_replicas = 16\nappendfsync = everysec\ndirectory = data\n"
		"[runner]\n"
		"namespace = n\nname = r1\ncpus = none\nidle = spin\nshutdown_timeout = 1h\n"
		"handler_timeout = 5min\nlog_level = debug\nlog_format = json\nlog_file = run.log\n"
		"plugin_directory = /opt/plugins\n"
		"[consumer one]\n"
		"stream = s\npartitions = 12\npartition_size = 5_000\noverflow = drop-oldest\ngroup = g\n"
		"plugin = ./mine.so\nbatch_size = 1\nbatch_linger = 5ms\nin_flight_batches = 64\n"
		"in_flight_bytes = 4GiB\nstart = latest\nsession_timeout = 500ms\ncapacity = 1000\n"
		"codec = segmenter-go\nmax_attempts = 0\nretry_backoff = 1ms\nretry_backoff_max = 1ms\n"
		"commit_interval = 0\ntick = 250ms\noption.path = out\noption.empty =\n");
	assert_string_equal(config->redis.address, "unix:///run/redis.sock");
	assert_string_equal(config->redis.user, "u");
	assert_string_equal(config->redis.password, "p w");
	assert_true(config->redis.connect_timeout == SECOND);
	assert_true(config->redis.timeout == 2 * SECOND);
	assert_true(config->redis.allow_eviction);
	assert_int_equal(config->redis.ack_replicas, 16);
	assert_int_equal(config->redis.appendfsync, SEG_CONFIG_FSYNC_EVERYSEC);
	assert_string_equal(config->redis.directory, "conf/data");
	assert_string_equal(config->runner.name_space, "n");
	assert_string_equal(config->runner.name, "r1");
	assert_int_equal(config->runner.cpus.count, 0);
	assert_int_equal(config->runner.idle, SEG_CONFIG_IDLE_SPIN);
	assert_true(config->runner.shutdown_timeout == 3600 * SECOND);
	assert_true(config->runner.handler_timeout == 300 * SECOND);
	assert_int_equal(config->runner.log_level, SEG_LOG_DEBUG);
	assert_int_equal(config->runner.log_format, SEG_CONFIG_LOG_JSON);
	assert_string_equal(config->runner.log_file, "conf/run.log");
	assert_string_equal(config->runner.plugin_directory, "/opt/plugins");
	const seg_config_consumer *consumer = &config->consumers[0];
	assert_true(consumer->register_stream);
	assert_int_equal(consumer->shape.partitions, 12);
	assert_int_equal(consumer->shape.partition_size, 5000);
	assert_int_equal(consumer->shape.overflow, SEG_OVERFLOW_DROP_OLDEST);
	assert_string_equal(consumer->plugin, "conf/./mine.so");
	assert_int_equal(consumer->batch_size, 1);
	assert_true(consumer->batch_linger == 5 * MS);
	assert_int_equal(consumer->in_flight_batches, 64);
	assert_true(consumer->in_flight_bytes == UINT64_C(4) << 30);
	assert_int_equal(consumer->start.kind, SEG_START_LATEST);
	assert_true(consumer->session_timeout == 500 * MS);
	assert_int_equal(consumer->capacity, 1000);
	assert_int_equal(consumer->codec, SEG_CODEC_SEGMENTER_GO);
	assert_int_equal(consumer->max_attempts, 0);
	assert_true(consumer->retry_backoff == MS);
	assert_true(consumer->retry_backoff_max == MS);
	assert_true(consumer->commit_interval == 0);
	assert_true(consumer->tick == 250 * MS);
	assert_int_equal(consumer->option_count, 2);
	assert_string_equal(consumer->options[0].name, "path");
	assert_string_equal(consumer->options[0].value, "out");
	assert_int_equal(consumer->options[0].place.line, 42);
	assert_string_equal(consumer->options[1].name, "empty");
	assert_string_equal(consumer->options[1].value, "");
	seg_config_free(config);
}

static void two_groups_may_read_one_stream_of_one_shape(void **state)
{
	(void)state;
	seg_config *config = load("[consumer a]\nstream=s\ngroup=g\nplugin=p\npartitions=4\n"
				  "[consumer b]\nstream=s\ngroup=h\nplugin=p\npartitions=4\n"
				  "[consumer c]\nstream=s\ngroup=i\nplugin=p\n");
	assert_int_equal(config->consumer_count, 3);
	assert_string_equal(config->consumers[2].name, "c");
	seg_config_free(config);
}

static void an_embedded_redis_needs_a_directory_only(void **state)
{
	(void)state;
	seg_config *config = load("[redis]\naddress = embedded\ndirectory = /var/lib/x\n" CONSUMER);
	assert_true(config->redis.embedded);
	assert_string_equal(config->redis.directory, "/var/lib/x");
	seg_config_free(config);
}

static void cpus_are_those_the_process_may_use_and_in_order(void **state)
{
	cpu_set_t mine, one;
	char text[128];
	int cpu = 0;
	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	while (!CPU_ISSET(cpu, &mine))
		cpu++;
	seg_config *config = load(CONSUMER);
	assert_int_equal(config->runner.cpus.count, CPU_COUNT(&mine));
	assert_int_equal(config->runner.cpus.list[0], cpu);
	seg_config_free(config);

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	snprintf(text, sizeof(text), "[runner]\ncpus = %d - %d \n" CONSUMER, cpu, cpu);
	config = load(text);
	assert_int_equal(config->runner.cpus.count, 1);
	assert_int_equal(config->runner.cpus.list[0], cpu);
	seg_config_free(config);
	assert_int_equal(sched_setaffinity(0, sizeof(mine), &mine), 0);
}

/* --- text --------------------------------------------------------------------- */

static void line_ends_of_any_kind_a_bom_and_no_last_line_end_are_fine(void **state)
{
	(void)state;
	seg_config *config =
		load("\xEF\xBB\xBF[runner]\r\nname = a\r\n[consumer c]\r\nstream=s\ngroup=g\r\nplugin=p");
	assert_string_equal(config->runner.name, "a");
	assert_string_equal(config->consumers[0].plugin, "p");
	seg_config_free(config);
}

static void comments_and_blanks_are_where_inih_has_them(void **state)
{
	(void)state;
	seg_config *config = load("# one\n; two\n  # three\n\t\n[runner] ; four\n  name\t=\ta.b ; five\n"
				  "log_file = a#b;c # six\n" CONSUMER "option.a = x=y:z\noption.b : colon\n");
	assert_string_equal(config->runner.name, "a.b");
	assert_string_equal(config->runner.log_file, "conf/a#b;c");
	assert_string_equal(config->consumers[0].options[0].value, "x=y:z");
	assert_string_equal(config->consumers[0].options[1].value, "colon");
	seg_config_free(config);
}

static void an_indented_line_is_one_like_any_other(void **state)
{
	(void)state;
	seg_config *config = load("[runner]\nname = a\n   idle = spin\n" CONSUMER);
	assert_string_equal(config->runner.name, "a");
	assert_int_equal(config->runner.idle, SEG_CONFIG_IDLE_SPIN);
	seg_config_free(config);
}

static void lines_of_every_length_up_to_four_kibibytes_are_read_whole(void **state)
{
	enum { HEAD = 11, MAX = 4096 }; /* "option.a = " */
	char *text = malloc(MAX + 256);
	(void)state;
	assert_non_null(text);
	for (size_t length = 1; HEAD + length <= MAX; length += length < 250 ? 1 : 61) {
		int n = sprintf(text, CONSUMER "option.a = ");
		for (size_t i = 0; i < length; i++)
			text[(size_t)n + i] = (char)('a' + i % 26);
		sprintf(text + n + length, "\noption.b = short ; comment\n");
		seg_config *config = load(text);
		const seg_config_option *options = config->consumers[0].options;
		assert_int_equal(strlen(options[0].value), length);
		assert_int_equal(options[0].value[length - 1], 'a' + (length - 1) % 26);
		assert_string_equal(options[1].value, "short");
		assert_int_equal(options[1].place.line, 6);
		seg_config_free(config);
	}
	free(text);
}

static void a_long_line_is_trimmed_and_commented_like_a_short_one(void **state)
{
	char *text;
	(void)state;
	assert_true(asprintf(&text, CONSUMER "  option.a  =   a %0300d b   # %0400d\n", 1, 2) > 0);
	seg_config *config = load(text);
	const char *value = config->consumers[0].options[0].value;
	assert_int_equal(strlen(value), 304);
	assert_memory_equal(value, "a 000", 5);
	assert_string_equal(value + 301, "1 b");
	seg_config_free(config);
	free(text);
}

static void a_consumers_name_may_have_128_characters(void **state)
{
	char *text, name[129];
	(void)state;
	memset(name, 'n', 128);
	name[128] = '\0';
	assert_true(asprintf(&text, "[consumer   %s  ]\nstream=s\ngroup=g\nplugin=p\n", name) > 0);
	seg_config *config = load(text);
	assert_string_equal(config->consumers[0].name, name);
	seg_config_free(config);
	free(text);
}

static void variables_stand_for_what_the_environment_holds(void **state)
{
	(void)state;
	setenv("SEG_TEST_HOST", "h # 1 $$ ${X}", 1);
	setenv("SEG_TEST_EMPTY", "", 1);
	unsetenv("SEG_TEST_UNSET");
	seg_config *config =
		load(CONSUMER "option.a = <${SEG_TEST_HOST}>\noption.b = ${SEG_TEST_UNSET:-d:-e}\n"
			      "option.c = ${SEG_TEST_EMPTY:-d}\noption.d = ${SEG_TEST_EMPTY}\n"
			      "option.e = $$5 $${X}\noption.f = ${SEG_TEST_UNSET:-}x${SEG_TEST_UNSET:-}\n");
	const seg_config_option *options = config->consumers[0].options;
	assert_string_equal(options[0].value, "<h # 1 $$ ${X}>");
	assert_string_equal(options[1].value, "d:-e");
	assert_string_equal(options[2].value, "d");
	assert_string_equal(options[3].value, "");
	assert_string_equal(options[4].value, "$5 ${X}");
	assert_string_equal(options[5].value, "x");
	seg_config_free(config);
}

/* --- files -------------------------------------------------------------------- */

static void an_included_file_is_read_in_place_and_its_paths_are_its_own(void **state)
{
	char expected[128];
	(void)state;
	assert_int_equal(mkdir(test_rig_path("sub"), 0700), 0);
	test_rig_write("sub/redis.ini", "[redis]\npassword_file = pw\n[runner]\nlog_file = own.log\n");
	test_rig_write("sub/pw", "swordfish\r\n");
	test_rig_write("main.ini",
		       "include = sub/redis.ini\n[runner]\nplugin_directory = plugins\n[redis]\nuser "
		       "= u\n" CONSUMER);
	seg_config *config = load_file(test_rig_path("main.ini"));
	assert_null(config->redis.password);
	snprintf(expected, sizeof(expected), "%s/sub/pw", rig.directory);
	assert_string_equal(config->redis.password_file, expected);
	assert_string_equal(config->redis.user, "u");
	snprintf(expected, sizeof(expected), "%s/sub/own.log", rig.directory);
	assert_string_equal(config->runner.log_file, expected);
	snprintf(expected, sizeof(expected), "%s/plugins", rig.directory);
	assert_string_equal(config->runner.plugin_directory, expected);
	snprintf(expected, sizeof(expected), "%s/main.ini", rig.directory);
	assert_string_equal(config->consumers[0].place.file, expected);
	seg_config_free(config);
}

static void a_file_included_twice_in_a_row_is_no_loop(void **state)
{
	(void)state;
	test_rig_write("nothing.ini", "# nothing\n");
	test_rig_write("twice.ini", "include = nothing.ini\ninclude = nothing.ini\n" CONSUMER);
	seg_config_free(load_file(test_rig_path("twice.ini")));
}

static void the_config_may_come_from_a_pipe(void **state)
{
	char path[32];
	int ends[2];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], CONSUMER, sizeof(CONSUMER) - 1), sizeof(CONSUMER) - 1);
	close(ends[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	seg_config_free(load_file(path));
	close(ends[0]);
}

static void a_free_of_nothing_is_nothing(void **state)
{
	(void)state;
	seg_config_free(NULL);
}

/* --- showing ------------------------------------------------------------------ */

static void no_secret_is_ever_printed(void **state)
{
	(void)state;
	seg_config *config =
		load("[redis]\naddress = redis://u:swordfish@h:1/2\n" CONSUMER
		     "option.api_token = swordfish\noption.url = postgres://u:swordfish@swordfish@h/db\n"
		     "option.plain = shown\n");
	char *text = printed(config);
	assert_null(strstr(text, "swordfish"));
	assert_non_null(strstr(text, "address = redis://h:1/2\n"));
	assert_non_null(strstr(text, "option.api_token = ***\n"));
	assert_non_null(strstr(text, "option.url = postgres://***@h/db\n"));
	assert_non_null(strstr(text, "option.plain = shown\n"));
	free(text);
	seg_config_free(config);

	config = load("[redis]\npassword = swordfish\n" CONSUMER);
	text = printed(config);
	assert_null(strstr(text, "swordfish"));
	assert_non_null(strstr(text, "password = ***\n"));
	free(text);
	seg_config_free(config);
}

static void a_printed_config_loads_as_the_same_config(void **state)
{
	(void)state;
	seg_config *config =
		load("[redis]\naddress = embedded\ndirectory = /d\n[runner]\nidle = yield\n"
		     "[consumer a]\nstream=s\ngroup=g\nplugin=p\npartitions=7\nbatch_linger=1.5s\n"
		     "start = 2026-11-23T13:00:00.25Z\noption.a = $$5\noption.b =#c\n"
		     "[consumer b]\nstream=t\ngroup=g\nplugin=/p\nstart = 1700000000000-3\n"
		     "in_flight_bytes=1000KB\n");
	char *text = printed(config);
	seg_config_free(config);
	assert_non_null(strstr(text, "start = 2026-11-23T13:00:00.250Z\n"));
	assert_non_null(strstr(text, "batch_linger = 1500ms\n"));
	assert_non_null(strstr(text, "\noption.b =#c\n"));
	config = load(text);
	char *again = printed(config);
	seg_config_free(config);
	assert_string_equal(again, text);
	free(again);
	free(text);
}

/* The stored file must be what the table generates; SEG_UPDATE_REFERENCE=1 writes it anew. */
static void the_reference_file_is_what_the_table_says(void **state)
{
	const char *source = getenv("SEG_SOURCE_DIR");
	char path[512];
	(void)state;
	if (!source)
		skip();
	snprintf(path, sizeof(path), "%s/config/reference.ini", source);
	char *made = reference(SEG_CONFIG_FORM_INI);
	if (getenv("SEG_UPDATE_REFERENCE")) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fputs(made, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t length = strlen(made);
	char *stored = calloc(1, length + 2);
	assert_non_null(stored);
	assert_int_equal(fread(stored, 1, length + 1, file), length);
	fclose(file);
	assert_string_equal(stored, made);
	free(stored);
	free(made);
}

/*
 * All defaults must be accepted as they are written, once the comment signs before the options are removed.
 */
static void every_default_in_the_reference_is_a_valid_value(void **state)
{
	char *made = reference(SEG_CONFIG_FORM_INI);
	char *text = malloc(strlen(made) + 64);
	char *end = text;
	(void)state;
	assert_non_null(text);
	for (char *line = strtok(made, "\n"); line; line = strtok(NULL, "\n")) {
		size_t length = strlen(line);
		bool option = line[0] == '#' && line[1] != ' ' && line[1] && line[length - 1] != '=';
		if (option || line[0] == '[')
			end += sprintf(end, "%s\n", line + option);
		if (strcmp(line, "#stream =") == 0)
			end += sprintf(end, "stream = s\npartitions = 1\ngroup = g\nplugin = p\n");
	}
	char *name = strstr(text, "[consumer NAME]");
	assert_non_null(name);
	seg_config *config = load(text);
	seg_config *plain = load("[consumer NAME]\nstream = s\npartitions = 1\ngroup = g\nplugin = p\n");
	char *a = printed(config), *b = printed(plain);
	assert_string_equal(a, b);
	free(a);
	free(b);
	seg_config_free(config);
	seg_config_free(plain);
	free(text);
	free(made);
}

static void every_form_of_the_reference_names_every_option(void **state)
{
	static const char *const names[] = {"address",        "password_file",   "handler_timeout", "cpus",
					    "partition_size", "commit_interval", "option.NAME"};
	(void)state;
	for (int form = SEG_CONFIG_FORM_INI; form <= SEG_CONFIG_FORM_HELP; form++) {
		char *text = reference((seg_config_form)form);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			assert_non_null(strstr(text, names[i]));
		for (const char *line = text; *line;) {
			size_t length = strcspn(line, "\n");
			if (form != SEG_CONFIG_FORM_MARKDOWN)
				assert_in_range(length, 0, 110);
			line += length + (line[length] != '\0');
		}
		free(text);
	}
}

static void the_sample_loads_as_it_is(void **state)
{
	const char *source = getenv("SEG_SOURCE_DIR");
	char path[512];
	(void)state;
	if (!source)
		skip();
	unsetenv("REDIS_URL");
	snprintf(path, sizeof(path), "%s/config/segrunner.ini", source);
	seg_config *config = load_file(path);
	assert_int_equal(config->consumer_count, 1);
	seg_config_free(config);
	snprintf(path, sizeof(path), "%s/config/reference.ini", source);
	seg_config_errors errors = {0};
	assert_int_equal(seg_config_load(path, &config, &errors), SEG_EINVAL);
	assert_int_equal(errors.count, 1); /* every line is commented out, so there is no consumer */
	seg_config_errors_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_lines_are_enough_and_the_rest_has_defaults),
		cmocka_unit_test(every_option_reaches_its_field),
		cmocka_unit_test(two_groups_may_read_one_stream_of_one_shape),
		cmocka_unit_test(an_embedded_redis_needs_a_directory_only),
		cmocka_unit_test(cpus_are_those_the_process_may_use_and_in_order),
		cmocka_unit_test(line_ends_of_any_kind_a_bom_and_no_last_line_end_are_fine),
		cmocka_unit_test(comments_and_blanks_are_where_inih_has_them),
		cmocka_unit_test(an_indented_line_is_one_like_any_other),
		cmocka_unit_test(lines_of_every_length_up_to_four_kibibytes_are_read_whole),
		cmocka_unit_test(a_long_line_is_trimmed_and_commented_like_a_short_one),
		cmocka_unit_test(a_consumers_name_may_have_128_characters),
		cmocka_unit_test(variables_stand_for_what_the_environment_holds),
		cmocka_unit_test(an_included_file_is_read_in_place_and_its_paths_are_its_own),
		cmocka_unit_test(a_file_included_twice_in_a_row_is_no_loop),
		cmocka_unit_test(the_config_may_come_from_a_pipe),
		cmocka_unit_test(a_free_of_nothing_is_nothing),
		cmocka_unit_test(no_secret_is_ever_printed),
		cmocka_unit_test(a_printed_config_loads_as_the_same_config),
		cmocka_unit_test(the_reference_file_is_what_the_table_says),
		cmocka_unit_test(every_default_in_the_reference_is_a_valid_value),
		cmocka_unit_test(every_form_of_the_reference_names_every_option),
		cmocka_unit_test(the_sample_loads_as_it_is),
	};
	return cmocka_run_group_tests(tests, test_rig_set_up_directory, test_rig_tear_down);
}

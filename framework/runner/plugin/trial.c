#include "plugin/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/names.h"
#include "base/plural.h"
#include "stream/output_names.h"
#include "config/options.h"
#include "partition/effects.h"
#include "plugin/answer.h"
#include "plugin/call.h"
#include "plugin/case.h"
#include "plugin/effect_print.h"
#include "plugin/plugin.h"

enum { ARENA_BLOCK = 64 * 1024, UNEXPECTED = 1, EPOCH = 1 };

/* What a section without options allows; but a call may emit and change any amount. */
#define RECORD_BYTES (16 << 20)
#define STATE_LIMIT (64 << 20)

/* An open partition. */
typedef struct opened {
	uint32_t number;
	void *state;
	seg_value_store *values;
	seg_effects effects;
	struct opened *next;
} opened;

typedef struct {
	const char *file;
	unsigned line;
	char place[512]; /* of the line, for a crash */
	seg_config_consumer consumer;
	seg_config_errors errors;
	seg_plugin *plugin;
	seg_plugin_instance *instance;
	seg_plugin_call call;
	char **output_names; /* and NULL; NULL: none */
	seg_effects_setup effects;
	opened *partitions;
	seg_arena arena;
	seg_id last;
	size_t batch_count; /* of the case */
	unsigned cases, unexpected;
	int64_t timeout;    /* ns */
	atomic_llong since; /* seg_now() when the plugin was called; 0: there is no call */
	pthread_t watcher;
	bool watched;
	atomic_bool over;
} trial;

static const seg_handler *handler_of(const trial *t)
{
	return seg_plugin_instance_handler(t->instance);
}

/* --- printing -------------------------------------------------------------------------------- */

static void write_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", seg_log_level_names[event->level & 3], event->text);
}

static int complain(const trial *t, const char *text, int exit_code)
{
	if (t->line)
		fprintf(stderr, "segrunner: %s:%u: %s\n", t->file, t->line, text);
	else
		fprintf(stderr, "segrunner: %s\n", text);
	return exit_code;
}

static void print_expectation(const trial *t, const seg_plugin_expectation *e, size_t index)
{
	printf("; EXPECTED %s", e->expect < 0 ? "another answer" : seg_outcome_name((uint32_t)e->expect));
	if (e->index >= 0 || t->batch_count > 1)
		printf(" at message %lld", e->index >= 0 ? (long long)e->index : (long long)index);
	if (e->reason)
		printf(": %s", e->reason);
}

/* An answer that handler.h does not allow is never as expected. */
static void print_answer(trial *t, const seg_plugin_case *c, seg_answer answer, bool valid)
{
	size_t index;
	t->batch_count = c->batch.count;
	const seg_plugin_expectation *unmet = valid ? seg_plugin_case_unmet(c, answer, &index) : NULL;
	printf("%s:%u: %s", t->file, t->line, seg_outcome_name(answer.outcome));
	if (answer.outcome != SEG_OUTCOME_DONE && c->batch.count > 1)
		printf(" at message %u of %zu", answer.index, c->batch.count);
	if (answer.outcome != SEG_OUTCOME_DONE)
		printf(": %s", answer.reason ? answer.reason : "no reason given");
	if (!valid)
		printf("; EXPECTED a valid answer");
	if (unmet)
		print_expectation(t, unmet, index);
	putchar('\n');
	t->cases++;
	t->unexpected += !valid || unmet;
}

/* --- the calls ------------------------------------------------------------------------------- */

static void begin(trial *t, const char *function, seg_id first)
{
	seg_plugin_call_begin(&t->call, function, first);
	atomic_store(&t->since, seg_now());
}

static void end(trial *t)
{
	atomic_store(&t->since, 0);
	seg_plugin_call_end(&t->call);
}

/* Ends the process when a call takes too long: nothing else ends a handler that hangs. */
static void *watch(void *arg)
{
	trial *t = arg;
	char text[SEG_PLUGIN_CALL_TEXT_MAX], said[512];
	while (!atomic_load(&t->over)) {
		int64_t since = atomic_load(&t->since);
		int64_t left = since ? since + t->timeout - seg_now() : t->timeout;
		if (left <= 0) {
			snprintf(said, sizeof(said),
				 "the plugin has been in %s for %" PRId64
				 " ms (--timeout); find out where it hangs, with a debugger",
				 seg_plugin_call_describe(&t->call, text), t->timeout / SEG_MS);
			complain(t, said, EX_SOFTWARE);
			_exit(EX_SOFTWARE);
		}
		int64_t pause = left < 20 * SEG_MS ? left : 20 * SEG_MS;
		nanosleep(&(struct timespec){.tv_nsec = (long)pause}, NULL);
	}
	return NULL;
}

static int start_watch(trial *t)
{
	t->watched = t->timeout > 0 && pthread_create(&t->watcher, NULL, watch, t) == 0;
	return t->timeout > 0 && !t->watched;
}

/* The watcher looks at the trial, and so ends before it. */
static void end_watch(trial *t)
{
	atomic_store(&t->over, true);
	if (t->watched)
		pthread_join(t->watcher, NULL);
}

/* --- the plugin -------------------------------------------------------------------------------- */

static int read_outputs(trial *t, const char *list)
{
	seg_error error, reason;
	int status = list ? seg_output_names_read(list, &t->output_names, &reason) : 0;
	for (size_t i = 0; status == 0 && t->output_names && t->output_names[i]; i++)
		status = seg_output_names_check((const char *const *)t->output_names, i, NULL, &reason);
	if (status) {
		seg_fail(&error, status, "--outputs: %s", reason.text);
		return complain(t, error.text, status == SEG_ENOMEM ? EX_OSERR : EX_USAGE);
	}
	t->effects = (seg_effects_setup){(const char *const *)t->output_names, RECORD_BYTES, UINT64_MAX,
					 STATE_LIMIT};
	return EX_OK;
}

static int load(trial *t, const char *plugin, seg_config_option *options)
{
	seg_error error;
	t->consumer = (seg_config_consumer){.place = {"command line", 0},
					    .name = "test",
					    .stream = "test",
					    .group = "test",
					    .parallel = 1,
					    .output_names = t->output_names,
					    .options = options,
					    .option_count = t->consumer.option_count};
	if (seg_plugin_load(plugin, NULL, &t->plugin, &error))
		return complain(t, error.text, EX_UNAVAILABLE);
	if (seg_plugin_instance_create(t->plugin, &t->consumer, "test", seg_logger_make(write_log, NULL),
				       &t->errors, &t->instance)) {
		seg_config_errors_print(&t->errors, stderr);
		return EX_USAGE;
	}
	seg_plugin_call_init(&t->call, handler_of(t)->name, SEG_PLUGIN_CALL_NO_PARTITION);
	if (start_watch(t))
		return complain(t, "cannot start a thread", EX_OSERR);
	begin(t, "init", (seg_id){0, 0});
	int status = seg_plugin_instance_init(t->instance, &error);
	end(t);
	return status ? complain(t, error.text, EX_UNAVAILABLE) : EX_OK;
}

/* NULL: out of memory. */
static opened *create_partition(const trial *t, uint32_t number)
{
	opened *p = calloc(1, sizeof(*p));
	seg_value_store *values = p ? seg_value_store_create(false) : NULL;
	if (!values) {
		free(p);
		return NULL;
	}
	p->number = number;
	p->values = values;
	seg_effects_init(&p->effects, &t->effects, values);
	return p;
}

static void destroy_partition(opened *p)
{
	seg_effects_fini(&p->effects);
	seg_value_store_destroy(p->values);
	free(p);
}

static opened *open_partition(trial *t, uint32_t number)
{
	char reason[512] = "", text[640];
	for (opened *p = t->partitions; p; p = p->next)
		if (p->number == number)
			return p;
	opened *p = create_partition(t, number);
	if (!p) {
		complain(t, "out of memory", EX_OSERR);
		return NULL;
	}
	const seg_handler *handler = handler_of(t);
	t->call.partition = number;
	begin(t, "partition_open", (seg_id){0, 0});
	int failure = handler->partition_open &&
		      handler->partition_open(seg_plugin_instance_data(t->instance), number, EPOCH, &p->state,
					      reason, sizeof(reason));
	end(t);
	if (failure) {
		reason[sizeof(reason) - 1] = '\0';
		snprintf(text, sizeof(text), "cannot open partition %u: %s", number, reason);
		complain(t, text, EX_UNAVAILABLE);
		destroy_partition(p);
		return NULL;
	}
	p->next = t->partitions;
	t->partitions = p;
	return p;
}

static void close_partitions(trial *t)
{
	while (t->partitions) {
		opened *p = t->partitions;
		t->partitions = p->next;
		t->call.partition = p->number;
		begin(t, "partition_close", (seg_id){0, 0});
		if (handler_of(t)->partition_close)
			handler_of(t)->partition_close(seg_plugin_instance_data(t->instance), p->state,
						       SEG_CLOSE_RELEASED);
		end(t);
		destroy_partition(p);
	}
}

/* --- the cases ------------------------------------------------------------------------------------ */

/* Keeps what belongs to the messages that are done, as the runner does, and prints it. */
static int end_effects(trial *t, opened *p, const seg_plugin_case *c, seg_answer answer)
{
	seg_completion *completion;
	size_t done = answer.outcome == SEG_OUTCOME_DONE ? c->batch.count : answer.index;
	if (!seg_effects_end(&p->effects, done, &completion))
		return complain(t, "out of memory", EX_OSERR);
	if (completion)
		seg_effect_print(completion, stdout);
	seg_completion_destroy(completion);
	return EX_OK;
}

/* Prints the answer as the runner would take it: an invalid one becomes a retry. */
static int run_case(trial *t, seg_plugin_case *c)
{
	char invalid[SEG_ANSWER_TEXT_MAX];
	opened *p = open_partition(t, c->batch.partition);
	if (!p)
		return EX_UNAVAILABLE;
	t->call.partition = p->number;
	seg_effects_begin(&p->effects, &c->batch, NULL);
	begin(t, "handle", c->batch.messages[0].id);
	seg_answer answer = handler_of(t)->handle(seg_plugin_instance_data(t->instance), p->state, &c->batch);
	end(t);
	seg_answer taken = seg_answer_check(answer, c->batch.count, invalid, sizeof(invalid));
	print_answer(t, c, taken, taken.reason != invalid);
	return end_effects(t, p, c, taken);
}

static int run_line(trial *t, const char *line, size_t length)
{
	seg_plugin_case c;
	seg_error error;
	seg_arena_reset(&t->arena, ARENA_BLOCK);
	if (seg_plugin_case_read(line, length, &t->arena, &t->last, &c, &error))
		return complain(t, error.text, EX_DATAERR);
	return run_case(t, &c);
}

static int run_file(trial *t, FILE *in)
{
	char *line = NULL;
	size_t size = 0;
	int exit_code = EX_OK;
	for (ssize_t length; exit_code == EX_OK && (length = getline(&line, &size, in)) >= 0;) {
		snprintf(t->place, sizeof(t->place), "segrunner: %s:%u: ", t->file, ++t->line);
		if (line[strspn(line, " \t\r\n")])
			exit_code = run_line(t, line, (size_t)length);
	}
	free(line);
	t->line = 0;
	snprintf(t->place, sizeof(t->place), "segrunner: ");
	return exit_code;
}

static int run(trial *t)
{
	FILE *in = strcmp(t->file, "-") == 0 ? stdin : fopen(t->file, "r");
	char text[512];
	if (!in) {
		snprintf(text, sizeof(text), "cannot read %s: %s", t->file, strerror(errno));
		return complain(t, text, EX_NOINPUT);
	}
	int exit_code = run_file(t, in);
	if (in != stdin)
		fclose(in);
	close_partitions(t);
	if (exit_code == EX_OK && t->cases == 0) {
		snprintf(text, sizeof(text),
			 "%s has no cases; write a line for each, such as {\"key\": \"k1\", "
			 "\"data\": \"hello\", \"expect\": \"done\"}",
			 t->file);
		return complain(t, text, EX_DATAERR);
	}
	if (exit_code == EX_OK)
		printf("%u case%s, %u not as expected\n", t->cases, seg_plural(t->cases), t->unexpected);
	return exit_code == EX_OK && t->unexpected ? UNEXPECTED : exit_code;
}

/* The trial of this process, for its last line. */
static const trial *running;

static void put(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* there is nobody left to tell */
}

/* In a signal handler: nothing here may allocate. */
static void say_last(const char *text)
{
	put(running->place);
	put(text);
	put("\n");
}

int seg_plugin_trial(const char *plugin, const char *file, const seg_plugin_trial_options *options,
		     char *const *settings, int count)
{
	trial t = {.file = file, .place = "segrunner: ", .timeout = options->timeout};
	seg_config_option *list = calloc((size_t)count + 1, sizeof(*list));
	int exit_code = list ? EX_OK : EX_OSERR;
	running = &t;
	/* Each answer is seen, though the next case may crash. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	seg_plugin_call_watch(say_last, "; run this case under a debugger, or build with -fsanitize=address");
	seg_arena_init(&t.arena, ARENA_BLOCK);
	for (int i = 0; i < count && exit_code == EX_OK; i++) {
		char *equals = strchr(settings[i], '=');
		if (!equals) {
			fprintf(stderr, "segrunner: \"%s\" is not NAME=VALUE\n", settings[i]);
			exit_code = EX_USAGE;
			break;
		}
		*equals = '\0';
		list[t.consumer.option_count++] =
			(seg_config_option){{"command line", 0}, settings[i], equals + 1};
	}
	if (exit_code == EX_OK)
		exit_code = read_outputs(&t, options->outputs);
	if (exit_code == EX_OK)
		exit_code = load(&t, plugin, list);
	if (exit_code == EX_OK)
		exit_code = run(&t);
	if (t.instance) {
		t.call.partition = SEG_PLUGIN_CALL_NO_PARTITION;
		begin(&t, "fini", (seg_id){0, 0});
		seg_plugin_instance_fini(t.instance);
		end(&t);
	}
	end_watch(&t);
	seg_plugin_instance_destroy(t.instance);
	seg_plugin_unload(t.plugin);
	seg_config_errors_fini(&t.errors);
	seg_arena_fini(&t.arena);
	free(t.output_names);
	free(list);
	return exit_code;
}

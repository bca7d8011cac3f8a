/*
 * sweep [--quick] [--only SCENARIO[:KIND]] - makes the 1st, 2nd, 3rd ... allocation or system call of a small
 * real run fail, until a run ends before it reaches that number. Every run must end, with all work done or
 * with a line that says what was wrong. Every committed message must have been handled, and every
 * acknowledged record must be in its log.
 *
 * Scenarios: `library` (scenario.c); `runner`: segrunner with the plugin record, which stops at the end of
 * its tenth batch; and `reload`: a segrunner with an admin server, which works until a SIGHUP adds three
 * [consumer] sections, one of which stops it. In `reload`, calls fail from the SIGHUP on. Kinds: `memory` and
 * `system` (fail_nth.c); with the suffix -famine, five calls in a row fail. --quick takes every fifth number, or
 * fewer: about a hundred of each kind.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <segmenter/segmenter.h>

#include "harness/environment.h"
#include "harness/server.h"
#include "sweep/sizes.h"

enum {
	AT_ONCE = 4,
	QUICK_STRIDE = 5,
	QUICK_POINTS = 100,
	HANG_MS = 15000,
	STUCK = 3, /* scenario's */
	CANNOT_START = 126,
	SANITIZER = 99, /* the exit code that sanitizers are told to use */
	HANDLED_MAX = 4096,
	ADDED = 3, /* sections that the reload adds */
};

static test_server *server;
static seg_client *client;
static char directory[64], build[256];
static bool quick;

static atomic_long injected, crashes, hangs, lost, recovered, told;

typedef struct {
	const char *name;     /* for people */
	const char *calls;    /* the calls that fail: FAIL_KIND */
	const char *in_a_row; /* FAIL_COUNT */
} failure_kind;

static const failure_kind kinds[] = {
	{"memory", "memory", "1"},
	{"system", "system", "1"},
	{"memory-famine", "memory", "5"},
	{"system-famine", "system", "5"},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

typedef struct {
	const char *scenario;
	const failure_kind *kind;
	long stride; /* the step between call numbers */
	atomic_long next;
	atomic_bool over; /* a run has ended before it reached its number */
} sweep;

/* What a consumer reads and writes: a stream, and the file of handled messages. */
typedef struct {
	char stream[72];
	char handled[160];
} consumed;

/* One run: its files, and how it ended. */
typedef struct {
	const sweep *sweep;
	long nth;
	consumed consumed[1 + ADDED];
	size_t count; /* of them */
	char sent[128], output[128], report[128], config[128], board[128];
	unsigned reloads; /* SIGHUPs sent */
	int status;       /* of waitpid */
	bool hung;
} run;

static bool is(const run *r, const char *scenario)
{
	return strcmp(r->sweep->scenario, scenario) == 0;
}

/* --- telling ------------------------------------------------------------------------------------- */

static void print_file(const char *path)
{
	char text[4096];
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[n] = '\0';
	if (file)
		fclose(file);
	fputs(text, stdout);
}

static void complain(const run *r, atomic_long *counter, const char *what)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	atomic_fetch_add(counter, 1);
	pthread_mutex_lock(&lock);
	printf("%s %s %ld: %s\n", r->sweep->scenario, r->sweep->kind->name, r->nth, what);
	print_file(r->report);
	print_file(r->output);
	fflush(stdout);
	pthread_mutex_unlock(&lock);
}

/* --- running --------------------------------------------------------------------------------------- */

/* Writes a configuration with so many sections. */
static void write_config(const run *r, size_t sections)
{
	FILE *file = fopen(r->config, "w");
	if (!file)
		abort();
	fprintf(file, "[redis]\naddress = %s\n[runner]\nshutdown_timeout = 5s\n%s", server->address,
		is(r, "reload") ? "admin = 127.0.0.1:0\n" : "");
	for (size_t i = 0; i < sections; i++)
		fprintf(file,
			"[consumer c%zu]\nstream = %s\ngroup = %s\nplugin = %s/tests/plugins/record.so\n"
			"batch_size = %d\nretry_backoff = 1ms\noption.path = %s\noption.stop = stop\n",
			i, r->consumed[i].stream, SWEEP_GROUP, build, SWEEP_BATCH, r->consumed[i].handled);
	fclose(file);
}

/* Sends ten batches to each partition. The last message may stop the runner. */
static void fill_stream(const char *name, const char *last)
{
	seg_stream_shape shape = {SWEEP_PARTITIONS, 1000, SEG_OVERFLOW_REJECT};
	seg_stream *stream;
	seg_error error = {0};
	if (seg_stream_register(client, name, &shape, &stream, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(EX_UNAVAILABLE);
	}
	for (uint32_t p = 0; p < SWEEP_PARTITIONS; p++) {
		char key[16];
		int suffix = 0, length;
		do
			length = snprintf(key, sizeof(key), "key-%d", suffix++);
		while (seg_partition_of(key, (size_t)length, SWEEP_PARTITIONS) != p);
		seg_record records[SWEEP_BATCHES * SWEEP_BATCH];
		seg_send_result results[SWEEP_BATCHES * SWEEP_BATCH];
		for (int i = 0; i < SWEEP_BATCHES * SWEEP_BATCH; i++) {
			const char *data = i + 1 < SWEEP_BATCHES * SWEEP_BATCH ? "x" : last;
			records[i] = (seg_record){key, (size_t)length, data, strlen(data), NULL, 0};
		}
		seg_stream_send_batch(stream, records, SWEEP_BATCHES * SWEEP_BATCH, results, NULL);
	}
	seg_stream_close(stream);
}

static void open_gate(const run *r, bool open_now)
{
	char byte = open_now;
	int fd = open(r->board, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(sweep_board)) ||
	    pwrite(fd, &byte, 1, offsetof(sweep_board, open)) != 1)
		abort();
	close(fd);
}

static long count_calls(const run *r)
{
	long calls = 0;
	int fd = open(r->board, O_RDONLY);
	if (fd < 0 || pread(fd, &calls, sizeof(calls), offsetof(sweep_board, calls)) != sizeof(calls))
		abort();
	close(fd);
	return calls;
}

/* What a run executes. Made before the fork, since the child may not allocate. */
typedef struct {
	char number[40], kind[40], in_a_row[40], report[160], board[160], preload[320], program[300];
	const char *argv[6];
	char **environment;
} command;

static void make_command(const run *r, command *c)
{
	const char *const changes[] = {c->number, c->kind,    c->in_a_row, c->report,
				       c->board,  c->preload, NULL};
	const char *const scenario[] = {c->program, server->address,        r->consumed[0].stream,
					r->sent,    r->consumed[0].handled, NULL};
	const char *const runner[] = {c->program, "-c", r->config, NULL, NULL, NULL};
	bool library = is(r, "library");
	snprintf(c->number, sizeof(c->number), "FAIL_NTH=%ld", r->nth);
	snprintf(c->kind, sizeof(c->kind), "FAIL_KIND=%s", r->sweep->kind->calls);
	snprintf(c->in_a_row, sizeof(c->in_a_row), "FAIL_COUNT=%s", r->sweep->kind->in_a_row);
	snprintf(c->report, sizeof(c->report), "FAIL_REPORT=%s", r->report);
	snprintf(c->board, sizeof(c->board), "FAIL_BOARD=%s", r->board);
	snprintf(c->preload, sizeof(c->preload), "LD_PRELOAD=%s/tests/sweep/fail_nth.so", build);
	snprintf(c->program, sizeof(c->program), "%s/%s", build,
		 library ? "tests/sweep/scenario" : "framework/segrunner");
	memcpy(c->argv, library ? scenario : runner, sizeof(c->argv));
	c->environment = test_environment_with(changes);
}

static _Noreturn void become(const run *r, const command *c)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int fd = open(r->output, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execve(c->program, (char *const *)(uintptr_t)c->argv, c->environment);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", c->program, strerror(errno));
	_exit(CANNOT_START);
}

/* How often the output has a text. */
static unsigned said(const run *r, const char *text)
{
	char output[16384];
	unsigned count = 0;
	FILE *file = fopen(r->output, "r");
	size_t n = file ? fread(output, 1, sizeof(output) - 1, file) : 0;
	output[n] = '\0';
	if (file)
		fclose(file);
	for (const char *at = output; (at = strstr(at, text)); at++)
		count++;
	return count;
}

/* Sends SIGHUP with the new configuration once the runner works, and again after each refusal. */
static void reload(run *r, pid_t pid)
{
	bool wanted = r->reloads == 0 ? said(r, " runs as ") > 0
				      : said(r, "SIGHUP: nothing has changed") >= r->reloads;
	if (!wanted)
		return;
	if (r->reloads++ == 0) {
		write_config(r, r->count);
		open_gate(r, true);
	}
	kill(pid, SIGHUP);
}

static void wait_for(run *r, pid_t pid)
{
	long long deadline = test_now_ms() + HANG_MS;
	while (waitpid(pid, &r->status, WNOHANG) == 0) {
		if (test_now_ms() > deadline) {
			r->hung = true;
			kill(pid, SIGKILL);
			waitpid(pid, &r->status, 0);
			return;
		}
		if (is(r, "reload"))
			reload(r, pid);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

/* --- judging ------------------------------------------------------------------------------------------ */

typedef struct {
	uint32_t partition;
	seg_id id;
} handled_message;

static size_t read_handled(const consumed *c, handled_message list[HANDLED_MAX])
{
	size_t count = 0;
	FILE *file = fopen(c->handled, "r");
	while (file && count < HANDLED_MAX &&
	       fscanf(file, "%*s %" SCNu32 " %" SCNu64 "-%" SCNu64 " %*s %*s %*s", &list[count].partition,
		      &list[count].id.ms, &list[count].id.seq) == 3)
		count++;
	if (file)
		fclose(file);
	return count;
}

static bool was_handled(const handled_message *list, size_t count, uint32_t partition, seg_id id)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].partition == partition && seg_id_compare(list[i].id, id) == 0)
			return true;
	return false;
}

/* The group's position; 0-0 if it has none. */
static seg_id position_of(redisContext *redis, const consumed *c, uint32_t partition)
{
	seg_id position = {0, 0};
	redisReply *groups =
		redisCommand(redis, "XINFO GROUPS __default:%s:partition_%u", c->stream, partition);
	if (groups && groups->type == REDIS_REPLY_ARRAY && groups->elements == 1)
		for (size_t i = 0; i + 1 < groups->element[0]->elements; i += 2)
			if (strcmp(groups->element[0]->element[i]->str, "last-delivered-id") == 0)
				seg_id_parse(groups->element[0]->element[i + 1]->str, &position);
	if (groups)
		freeReplyObject(groups);
	return position;
}

/*
 * Marks the numbers that a partition's log has; returns whether all messages up to the position were handled.
 */
static bool check_partition(redisContext *redis, const consumed *c, uint32_t partition, char *there)
{
	static _Thread_local handled_message handled[HANDLED_MAX];
	size_t count = read_handled(c, handled);
	seg_id position = position_of(redis, c, partition);
	bool good = true;
	redisReply *log = redisCommand(redis, "XRANGE __default:%s:partition_%u - +", c->stream, partition);
	for (size_t i = 0; log && i < log->elements; i++) {
		seg_id id = {0, 0};
		seg_id_parse(log->element[i]->element[0]->str, &id);
		int number = atoi(log->element[i]->element[1]->element[3]->str);
		if (number >= 0 && number < SWEEP_BATCHES * SWEEP_BATCH)
			there[number]++;
		if (seg_id_compare(id, position) <= 0 && !was_handled(handled, count, partition, id))
			good = false;
	}
	if (log)
		freeReplyObject(log);
	redisReply *dead = redisCommand(redis, "EXISTS {__default:%s:partition_%u}:%s:dead", c->stream,
					partition, SWEEP_GROUP);
	good = good && dead && dead->integer == 0;
	if (dead)
		freeReplyObject(dead);
	return good;
}

static void check_nothing_lost(const run *r)
{
	char there[SWEEP_BATCHES * SWEEP_BATCH] = {0};
	int number;
	bool good = true;
	redisContext *redis = redisConnectUnix(server->socket);
	if (!redis || redis->err)
		abort();
	for (size_t i = 0; i < r->count; i++)
		for (uint32_t p = 0; p < SWEEP_PARTITIONS; p++)
			good = check_partition(redis, &r->consumed[i], p, there) && good;
	if (!good)
		complain(r, &lost, "committed without having been handled, or dead-lettered");
	FILE *sent = fopen(r->sent, "r");
	while (sent && fscanf(sent, "%d", &number) == 1)
		if (there[number] != 1)
			complain(r, &lost, "a record that was acknowledged is not there, or twice");
	if (sent)
		fclose(sent);
	redisFree(redis);
}

static void judge(const run *r)
{
	int code = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -1;
	bool done = is(r, "library") ? code == EX_OK : code == EX_UNAVAILABLE && said(r, "told to stop") > 0;
	if (code == CANNOT_START) {
		complain(r, &crashes, "it did not start");
		return;
	}
	if (r->hung || code == STUCK)
		complain(r, &hangs, "it did not get on");
	else if (WIFSIGNALED(r->status) || code == SANITIZER || code == EX_SOFTWARE)
		complain(r, &crashes, code == SANITIZER ? "a sanitizer has found something" : "it crashed");
	else if (!done && (code < EX__BASE || code > EX__MAX))
		complain(r, &crashes, "it ended with an exit code that says nothing");
	else if (!done && said(r, "\n") == 0)
		complain(r, &crashes, "it ended without a word");
	atomic_fetch_add(done ? &recovered : &told, 1);
	check_nothing_lost(r);
}

/* --- the sweep ------------------------------------------------------------------------------------------- */

static void prepare(run *r)
{
	char name[48];
	snprintf(name, sizeof(name), "%s-%s-%ld", r->sweep->scenario, r->sweep->kind->name, r->nth);
	snprintf(r->sent, sizeof(r->sent), "%s/%s.sent", directory, name);
	snprintf(r->output, sizeof(r->output), "%s/%s.output", directory, name);
	snprintf(r->report, sizeof(r->report), "%s/%s.report", directory, name);
	snprintf(r->config, sizeof(r->config), "%s/%s.ini", directory, name);
	snprintf(r->board, sizeof(r->board), "%s/%s.board", directory, name);
	r->count = is(r, "reload") ? 1 + ADDED : 1;
	for (size_t i = 0; i < r->count; i++) {
		consumed *c = &r->consumed[i];
		snprintf(c->stream, sizeof(c->stream), "%s-%zu", name, i);
		snprintf(c->handled, sizeof(c->handled), "%s/%s.handled", directory, c->stream);
		/* The runner stops at the last section's last message. */
		if (!is(r, "library"))
			fill_stream(c->stream, i + 1 == r->count ? "stop" : "x");
	}
	write_config(r, 1);
	open_gate(r, !is(r, "reload"));
}

static void clean_up(const run *r)
{
	for (size_t i = 0; i < r->count; i++)
		unlink(r->consumed[i].handled);
	unlink(r->sent);
	unlink(r->output);
	unlink(r->report);
	unlink(r->config);
	unlink(r->board);
}

/* Returns whether the failure was injected. *calls gets how many calls the run made. */
static bool run_once(const sweep *s, long nth, long *calls)
{
	run r = {.sweep = s, .nth = nth};
	command c;
	prepare(&r);
	make_command(&r, &c);
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		become(&r, &c);
	free(c.environment);
	wait_for(&r, pid);
	bool fired = access(r.report, F_OK) == 0;
	if (fired)
		atomic_fetch_add(&injected, 1);
	judge(&r);
	*calls = count_calls(&r);
	clean_up(&r);
	return fired;
}

static void *run_some(void *arg)
{
	sweep *s = arg;
	long calls;
	while (!atomic_load(&s->over))
		if (!run_once(s, 1 + s->stride * atomic_fetch_add(&s->next, 1), &calls))
			atomic_store(&s->over, true);
	return NULL;
}

/* Counts the calls of a run without failures, so that the step leaves about QUICK_POINTS of them. */
static long quick_stride(const sweep *s)
{
	long calls;
	run_once(s, LONG_MAX / 2, &calls);
	return calls > (long)QUICK_STRIDE * QUICK_POINTS ? (calls + QUICK_POINTS - 1) / QUICK_POINTS
							 : QUICK_STRIDE;
}

static void sweep_through(const char *scenario, const failure_kind *kind)
{
	sweep s = {.scenario = scenario, .kind = kind, .stride = 1};
	pthread_t threads[AT_ONCE];
	long before = atomic_load(&injected);
	time_t began = time(NULL);
	if (quick)
		s.stride = quick_stride(&s);
	for (int i = 0; i < AT_ONCE; i++)
		if (pthread_create(&threads[i], NULL, run_some, &s))
			abort();
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	printf("%s %s: %ld failures injected, %lld s\n", scenario, kind->name,
	       atomic_load(&injected) - before, (long long)(time(NULL) - began));
	fflush(stdout);
}

static void start(void)
{
	const char *given = getenv("SEG_BUILD_DIR");
	seg_client_options options;
	seg_error error = {0};
	snprintf(build, sizeof(build), "%s", given ? given : ".");
	/* For the programs that run; this one's sanitizer has read its own already. */
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0:allocator_may_return_null=1:exitcode=99", 1);
	setenv("UBSAN_OPTIONS", "exitcode=99", 1);
	test_directory_make(directory);
	server = test_server_start(NULL);
	seg_client_options_init(&options);
	options.address = server->address;
	if (seg_client_open(&options, &client, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(EX_UNAVAILABLE);
	}
}

int main(int argc, char **argv)
{
	static const char *const scenarios[] = {"library", "runner", "reload"};
	const char *only = NULL;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0) {
			quick = true;
		} else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
			only = argv[++i];
		} else {
			fputs("usage: sweep [--quick] [--only library|runner|reload[:memory|system[-famine]]]\n",
			      stderr);
			return EX_USAGE;
		}
	}
	start();
	for (size_t s = 0; s < sizeof(scenarios) / sizeof(scenarios[0]); s++)
		for (int k = 0; k < KINDS; k++) {
			char name[48];
			snprintf(name, sizeof(name), "%s:%s", scenarios[s], kinds[k].name);
			if (!only || strcmp(only, name) == 0 || strcmp(only, scenarios[s]) == 0)
				sweep_through(scenarios[s], &kinds[k]);
		}
	seg_client_close(client);
	test_server_stop(server);
	test_directory_remove(directory);
	printf("%ld runs succeeded in spite of the failure, %ld ended with an error\n",
	       atomic_load(&recovered), atomic_load(&told));
	printf("sweep: %ld failures injected, %ld crashes, %ld hangs, %ld lost\n", atomic_load(&injected),
	       atomic_load(&crashes), atomic_load(&hangs), atomic_load(&lost));
	return crashes || hangs || lost || !injected ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * consumer.c - chaos_consumer: a member of a pipeline's groups that is no segrunner, but a program with pull consumers. It does what the
 * handlers chaos_transform (without values) and chaos_record do, with as many threads for each group as `parallel` says.
 *
 *     chaos_consumer ADDRESS ACK_REPLICAS SESSION_MS PARALLEL START DIRECTORY
 *
 * SIGTERM ends it. Its exit codes are those of segrunner: EX_OK; EX_TEMPFAIL, if something was left to the next owners; EX_OSERR, if
 * it could not start a thread; EX_UNAVAILABLE, if a consumer failed for good.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sysexits.h>

#include <segmenter/segmenter.h>

#include "chaos/history.h"
#include "chaos/runners.h"
#include "plugins/recorder.h"

enum {
	POLL_MS = 100,
	RETRY_MS = 100,
	TIMEOUT_MS = 5000,
	CLOSE_MS = 5000,
	DELAY_NS = 1000000,
	GROUPS = 2,
	THREADS_MAX = 64
};

typedef struct {
	const char *stream, *group;
	const char *const *outputs;
	const char *start, *subdirectory;
} reading;

static const char *const outputs[] = {CHAOS_OUTPUT, NULL};

static const reading readings[GROUPS] = {
	{"chaos", "workers", outputs, NULL, ""},
	{CHAOS_OUTPUT, "readers", NULL, "earliest", "/output"},
};

/* A group's consumer, and its threads. */
typedef struct {
	const reading *what;
	seg_consumer *consumer;
	recorder recorder;
	pthread_t threads[THREADS_MAX];
	unsigned count;
} member;

static atomic_bool stopping, failed;

static void stop(int number)
{
	(void)number;
	atomic_store(&stopping, true);
}

static void say(void *arg, const seg_log_event *event)
{
	(void)arg;
	fprintf(stderr, "%" PRId64 " %d %s %s %" PRId64 " %" PRIu64 ": %s\n", recorder_now(), event->level,
		event->stream ? event->stream : "-", event->group ? event->group : "-", event->partition,
		event->epoch, event->text);
}

static void pause_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* --- what is done with messages --------------------------------------------------------------- */

/* Tries again while there is no room, or no answer. */
static bool must_go_on(int status)
{
	return status == SEG_ETIMEOUT && !stopping;
}

/* False: it cannot be done now. */
static bool emit_parts(const member *m, const seg_batch *batch, size_t index)
{
	const seg_message *message = &batch->messages[index];
	uint32_t number = (uint32_t)atoi(message->data);
	char data[CHAOS_PART_TEXT];
	int status = 0;
	for (uint32_t part = 0; m->what->outputs && status == 0 && part < chaos_parts_of(number); part++) {
		int length = chaos_part_write(data, part, number, batch->partition, message->id.ms,
					      message->id.seq, &(chaos_chain){0});
		const seg_output output = {.stream = CHAOS_OUTPUT,
					   .key = message->key,
					   .key_length = message->key_length,
					   .data = data,
					   .data_length = (size_t)length};
		do
			status = seg_consumer_emit(m->consumer, batch, index, &output, NULL);
		while (must_go_on(status));
	}
	return status == 0;
}

static seg_answer handle(const member *m, const recorder_lane *lane, const seg_batch *batch)
{
	seg_answer answer;
	for (size_t i = 0; i < batch->count; i++) {
		char action = recorder_message(&m->recorder, lane, batch, &batch->messages[i]);
		if (!emit_parts(m, batch, i))
			return recorder_answer(&m->recorder, lane, batch, i, 't', seg_retry(i, NULL));
		if (recorder_act(&m->recorder, lane, batch, i, action, &answer))
			return answer;
	}
	return recorder_answer(&m->recorder, lane, batch, batch->count - 1, 'd', seg_done());
}

/* What fails here, because the ownership is over, comes to the next owner. */
static void apply(const member *m, const seg_batch *batch, const seg_answer *answer)
{
	size_t done = answer->outcome == SEG_OUTCOME_DONE ? batch->count : answer->index;
	seg_consumer_commit(m->consumer, batch, done, NULL);
	if (answer->outcome == SEG_OUTCOME_DEAD_LETTER)
		while (must_go_on(seg_consumer_dead_letter(m->consumer, batch, done, answer->reason, NULL)))
			;
	seg_consumer_release(m->consumer, batch);
}

static void *run(void *arg)
{
	member *m = arg;
	recorder_lane lane = {.lane = atomic_fetch_add(&m->recorder.lanes, 1)};
	while (!stopping) {
		const seg_batch *batch;
		seg_error error;
		int got = seg_consumer_poll(m->consumer, POLL_MS, &batch, &error);
		if (got < 0) {
			fprintf(stderr, "%s\n", error.text);
			atomic_store(&failed, true);
			atomic_store(&stopping, true);
		}
		if (got <= 0)
			continue;
		seg_answer answer = handle(m, &lane, batch);
		apply(m, batch, &answer);
	}
	return NULL;
}

/* --- its life ------------------------------------------------------------------------------------ */

/* Redis may be away when the program starts. */
static int must_open(int status, const seg_error *error)
{
	if (status == 0)
		return 0;
	fprintf(stderr, "%s\n", error->text);
	if (status == SEG_EINVAL || status == SEG_ESYSTEM)
		exit(status == SEG_ESYSTEM ? EX_OSERR : EX_USAGE);
	if (stopping)
		exit(EX_OK);
	pause_ms(RETRY_MS);
	return status;
}

static seg_client *open_client(char **argv)
{
	seg_client_options options;
	seg_client *client;
	seg_error error;
	seg_client_options_init(&options);
	options.address = argv[1];
	options.ack_replicas = (uint32_t)atoi(argv[2]);
	options.connect_timeout_ms = 1000;
	options.timeout_ms = TIMEOUT_MS;
	options.log = say;
	while (must_open(seg_client_open(&options, &client, &error), &error))
		;
	return client;
}

static void open_member(member *m, const reading *what, seg_client *client, char **argv)
{
	char directory[512], failure[512];
	seg_consumer_options options;
	seg_error error;
	snprintf(directory, sizeof(directory), "%s%s", argv[6], what->subdirectory);
	*m = (member){.what = what};
	if (recorder_start(&m->recorder, directory, DELAY_NS, failure, sizeof(failure))) {
		fprintf(stderr, "%s\n", failure);
		exit(EX_CANTCREAT);
	}
	seg_consumer_options_init(&options);
	options.group = what->group;
	options.outputs = what->outputs;
	options.session_timeout_ms = (uint32_t)atoi(argv[3]);
	options.parallel = (uint32_t)atoi(argv[4]);
	options.batch_size = CHAOS_BATCH_SIZE;
	options.in_flight_batches = CHAOS_IN_FLIGHT_BATCHES;
	seg_start_parse(what->start ? what->start : argv[5], &options.start, NULL);
	while (must_open(seg_consumer_open(client, what->stream, &options, &m->consumer, &error), &error))
		;
}

static void start_threads(member *m, unsigned count)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; m->count < count && m->count < THREADS_MAX; m->count++)
		if (pthread_create(&m->threads[m->count], NULL, run, m))
			exit(EX_OSERR);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int close_member(member *m)
{
	for (unsigned i = 0; i < m->count; i++)
		pthread_join(m->threads[i], NULL);
	return seg_consumer_close(m->consumer, CLOSE_MS, NULL);
}

int main(int argc, char **argv)
{
	static member members[GROUPS];
	int status = 0;
	if (argc != 7)
		return EX_USAGE;
	signal(SIGTERM, stop);
	signal(SIGPIPE, SIG_IGN);
	/* A log callback must not block, and nobody may read the log. */
	fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) | O_NONBLOCK);
	seg_client *client = open_client(argv);
	for (int i = 0; i < GROUPS; i++)
		open_member(&members[i], &readings[i], client, argv);
	for (int i = 0; i < GROUPS; i++)
		start_threads(&members[i], (unsigned)atoi(argv[4]));
	while (!stopping)
		pause_ms(RETRY_MS);
	for (int i = 0; i < GROUPS; i++)
		if (close_member(&members[i]))
			status = EX_TEMPFAIL;
	seg_client_close(client);
	return atomic_load(&failed) ? EX_UNAVAILABLE : status;
}

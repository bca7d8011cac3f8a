/*
 * consumer - prints the messages of a stream, "key<TAB>data", as a member of a group.
 *
 *     consumer ADDRESS STREAM GROUP [NAMESPACE [OUTPUT]]          (ADDRESS as in redis://127.0.0.1:6379)
 *
 * Start it several times with the same group: each process prints its share of the partitions. It commits a
 * message after it has printed its line, so after a crash some lines can be printed twice, and none is
 * missing. At SIGINT and SIGTERM, it commits what it has printed and leaves the group; the other processes
 * take over its partitions at once.
 *
 * With OUTPUT, a registered stream, it copies each message there, too: exactly once, whatever crashes.
 */
#include <signal.h>
#include <stdio.h>

#include <segmenter/segmenter.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void print_log(void *arg, const seg_log_event *event)
{
	(void)arg;
	if (event->level >= SEG_LOG_WARNING)
		fprintf(stderr, "consumer: %s\n", event->text);
}

static int print_batch(const seg_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *message = &batch->messages[i];
		fwrite(message->key, 1, message->key_length, stdout);
		putchar('\t');
		fwrite(message->data, 1, message->data_length, stdout);
		putchar('\n');
	}
	return fflush(stdout);
}

/* The copies are added once the batch is committed. */
static int copy_batch(seg_consumer *consumer, const seg_batch *batch, const char *stream, seg_error *error)
{
	int result = SEG_OK;
	for (size_t i = 0; i < batch->count && result == SEG_OK; i++) {
		const seg_message *message = &batch->messages[i];
		const seg_output output = {
			.stream = stream,
			.key = message->key,
			.key_length = message->key_length,
			.data = message->data,
			.data_length = message->data_length,
			.headers = message->headers,
			.header_count = message->header_count,
		};
		result = seg_consumer_emit(consumer, batch, i, &output, error);
	}
	return result;
}

/* Returns at a signal, when the consumer has failed for good, or when Redis has refused it something for a session_timeout_ms. */
static int print_messages(seg_consumer *consumer, const char *output, seg_error *error)
{
	while (!interrupted) {
		const seg_batch *batch;
		int result = seg_consumer_poll(consumer, 200, &batch, error);
		if (result < 0)
			return result;
		if (result == 0)
			continue;
		if (print_batch(batch) != 0) {
			perror("consumer: cannot write");
			seg_consumer_release(consumer, batch);
			return SEG_OK;
		}
		result = output ? copy_batch(consumer, batch, output, error) : SEG_OK;
		if (result == SEG_OK)
			result = seg_consumer_commit(consumer, batch, batch->count, error);
		/* What is not committed is not copied, and comes again. */
		seg_consumer_release(consumer, batch);
		/* SEG_EFENCED: the partition has a new owner, which prints these messages again. SEG_ETIMEOUT: OUTPUT is full. */
		if (result < 0 && result != SEG_EFENCED && result != SEG_ETIMEOUT)
			return result;
	}
	return SEG_OK;
}

int main(int argc, char **argv)
{
	if (argc < 4 || argc > 6) {
		fprintf(stderr, "usage: consumer ADDRESS STREAM GROUP [NAMESPACE [OUTPUT]]\n");
		return 64;
	}
	sigaction(SIGINT, &(struct sigaction){.sa_handler = interrupt}, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = interrupt}, NULL);

	seg_client *client = NULL;
	seg_consumer *consumer = NULL;
	seg_error error = {0};

	seg_client_options client_options;
	seg_client_options_init(&client_options);
	client_options.address = argv[1];
	if (argc >= 5)
		client_options.name_space = argv[4];
	client_options.log = print_log;
	seg_consumer_options options;
	seg_consumer_options_init(&options);
	options.group = argv[3];
	const char *const outputs[] = {argc == 6 ? argv[5] : NULL, NULL};
	options.outputs = outputs;

	int result = seg_client_open(&client_options, &client, &error);
	if (result == SEG_OK)
		result = seg_consumer_open(client, argv[2], &options, &consumer, &error);
	if (result == SEG_OK)
		result = print_messages(consumer, outputs[0], &error);
	if (result != SEG_OK)
		fprintf(stderr, "consumer: %s\n", error.text);

	if (seg_consumer_close(consumer, 10000, &error) != SEG_OK)
		fprintf(stderr, "consumer: %s\n", error.text);
	seg_client_close(client);
	return result == SEG_OK ? 0 : 1;
}

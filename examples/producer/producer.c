/*
 * producer - sends lines from standard input, "key<TAB>data", to a stream.
 *
 *     producer ADDRESS STREAM [NAMESPACE] < lines        (ADDRESS as in redis://127.0.0.1:6379)
 *
 * A line without a tab is a key with empty data. The stream must be registered: a segrunner that reads it
 * does that, or `segctl stream create`. Lines with the same key arrive in the order in which they were read.
 * At SIGINT, the program stops reading and sends the lines that it has read.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <segmenter/segmenter.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* The producer's thread writes these; main reads them after the producer is closed. */
struct tally {
	unsigned long delivered;
	unsigned long failed;
};

static void note_delivery(void *arg, const seg_delivery *delivery)
{
	struct tally *tally = arg;
	if (delivery->status == SEG_OK) {
		tally->delivered++;
		return;
	}
	if (tally->failed++ == 0)
		fprintf(stderr, "producer: %s: %s\n", seg_status_name(delivery->status), delivery->text);
}

static int send_line(seg_producer *producer, char *line, size_t length, seg_error *error)
{
	char *tab = memchr(line, '\t', length);
	seg_record record = {.key = line, .key_length = tab ? (size_t)(tab - line) : length};
	if (tab) {
		record.data = tab + 1;
		record.data_length = length - record.key_length - 1;
	}
	return seg_producer_send(producer, &record, NULL, error);
}

/* Returns at the end of the input, at SIGINT, or when the producer does not accept a line. */
static int send_lines(seg_producer *producer, seg_error *error)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	int result = SEG_OK;
	while (result == SEG_OK && !interrupted && (length = getline(&line, &size, stdin)) > 0) {
		if (line[length - 1] == '\n')
			length--;
		result = send_line(producer, line, (size_t)length, error);
	}
	free(line);
	return result;
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: producer ADDRESS STREAM [NAMESPACE] < lines of key<TAB>data\n");
		return 64;
	}
	/* Without SA_RESTART, so that the signal interrupts a read that waits for input. */
	sigaction(SIGINT, &(struct sigaction){.sa_handler = interrupt}, NULL);

	seg_client *client = NULL;
	seg_stream *stream = NULL;
	seg_producer *producer = NULL;
	seg_error error = {0};
	struct tally tally = {0};

	seg_client_options client_options;
	seg_client_options_init(&client_options);
	client_options.address = argv[1];
	if (argc == 4)
		client_options.name_space = argv[3];
	seg_producer_options options;
	seg_producer_options_init(&options);
	options.wait_when_full = 1; /* if consumers lag, wait for them */
	options.delivery = note_delivery;
	options.delivery_arg = &tally;

	int result = seg_client_open(&client_options, &client, &error);
	if (result == SEG_OK)
		result = seg_stream_open(client, argv[2], &stream, &error);
	if (result == SEG_OK)
		result = seg_producer_open(stream, &options, &producer, &error);
	if (result == SEG_OK)
		result = send_lines(producer, &error);
	if (result != SEG_OK)
		fprintf(stderr, "producer: %s\n", error.text);

	if (seg_producer_close(producer, 30000, &error) != SEG_OK)
		fprintf(stderr, "producer: %s\n", error.text);
	if (stream)
		seg_stream_close(stream);
	seg_client_close(client);
	fprintf(stderr, "producer: %lu delivered, %lu failed\n", tally.delivered, tally.failed);
	return result == SEG_OK && tally.failed == 0 ? 0 : 1;
}

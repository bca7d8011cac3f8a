/*
 * scenario ADDRESS STREAM SENT HANDLED - a small application, one of whose calls fails: it sends ten batches,
 * consumes and commits ten, and frees everything.
 *
 * It appends each acknowledged record to SENT, and each handled one to HANDLED, as the plugin record does.
 * Exit codes: 0 all was done; 69 a call failed, and an error said so; 3 it did not finish in time.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <segmenter/segmenter.h>

#include "sweep/sizes.h"

enum { STUCK = 3, TIMEOUT_MS = 3000, LONGEST_S = 10 };

static int sent_file, handled_file;

/* Does not use write(2), which is one of the calls that fail. */
static void append_line(int fd, const char *line, int length)
{
	syscall(SYS_write, fd, line, (size_t)length);
}

static int failed(const char *what, const seg_error *error)
{
	fprintf(stderr, "%s: %s\n", what, error->text);
	return EX_UNAVAILABLE;
}

static int send_batch(seg_stream *stream, int number)
{
	seg_record records[SWEEP_BATCH];
	seg_send_result results[SWEEP_BATCH];
	char texts[SWEEP_BATCH][16], line[32];
	seg_error error = {0};
	for (int i = 0; i < SWEEP_BATCH; i++) {
		int length = snprintf(texts[i], sizeof(texts[i]), "%d", number * SWEEP_BATCH + i);
		records[i] = (seg_record){texts[i], (size_t)length, texts[i], (size_t)length, NULL, 0};
	}
	int status = seg_stream_send_batch(stream, records, SWEEP_BATCH, results, &error);
	for (int i = 0; i < SWEEP_BATCH; i++)
		if (results[i].status == SEG_OK)
			append_line(sent_file, line, snprintf(line, sizeof(line), "%s\n", texts[i]));
	return status ? failed("sending", &error) : EX_OK;
}

static void note_handled(const seg_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message *m = &batch->messages[i];
		char line[128];
		append_line(handled_file, line,
			    snprintf(line, sizeof(line),
				     "%" PRIu64 " %" PRIu32 " %" PRIu64 "-%" PRIu64 " k %.*s 1\n",
				     batch->epoch, batch->partition, m->id.ms, m->id.seq, (int)m->data_length,
				     (const char *)m->data));
	}
}

static int consume(seg_consumer *consumer)
{
	seg_error error = {0};
	time_t end = time(NULL) + LONGEST_S;
	for (size_t handled = 0; handled < SWEEP_BATCHES * SWEEP_BATCH;) {
		const seg_batch *batch;
		int status = seg_consumer_poll(consumer, 100, &batch, &error);
		if (status < 0)
			return failed("polling", &error);
		if (time(NULL) > end)
			return STUCK;
		if (status == 0)
			continue;
		note_handled(batch);
		if (seg_consumer_commit(consumer, batch, batch->count, &error) == 0)
			handled += batch->count;
		seg_consumer_release(consumer, batch);
	}
	return seg_consumer_sync(consumer, TIMEOUT_MS, &error) ? failed("syncing", &error) : EX_OK;
}

static int consume_all(seg_client *client, const char *stream)
{
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_error error = {0};
	seg_consumer_options_init(&options);
	options.group = SWEEP_GROUP;
	options.batch_size = SWEEP_BATCH;
	if (seg_consumer_open(client, stream, &options, &consumer, &error))
		return failed("opening a consumer", &error);
	int result = consume(consumer);
	if (seg_consumer_close(consumer, TIMEOUT_MS, &error) && result == EX_OK)
		result = failed("closing the consumer", &error);
	return result;
}

static int work(const char *address, const char *name)
{
	seg_client_options options;
	seg_client *client;
	seg_stream *stream;
	seg_stream_shape shape = {SWEEP_PARTITIONS, 1000, SEG_OVERFLOW_REJECT};
	seg_error error = {0};
	seg_client_options_init(&options);
	options.address = address;
	options.timeout_ms = TIMEOUT_MS;
	if (seg_client_open(&options, &client, &error))
		return failed("opening a client", &error);
	int result = EX_OK;
	if (seg_stream_register(client, name, &shape, &stream, &error)) {
		result = failed("registering", &error);
	} else {
		for (int i = 0; i < SWEEP_BATCHES && result == EX_OK; i++)
			result = send_batch(stream, i);
		if (result == EX_OK)
			result = consume_all(client, name);
		seg_stream_close(stream);
	}
	seg_client_close(client);
	return result;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fputs("usage: scenario ADDRESS STREAM SENT HANDLED\n", stderr);
		return EX_USAGE;
	}
	sent_file = open(argv[3], O_WRONLY | O_APPEND | O_CREAT, 0600);
	handled_file = open(argv[4], O_WRONLY | O_APPEND | O_CREAT, 0600);
	return work(argv[1], argv[2]);
}

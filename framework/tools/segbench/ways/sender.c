#include "ways/sender.h"

#include <err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>

#include "measure/entries.h"
#include "measure/process.h"
#include "ways/client.h"

enum { PATIENCE_MS = 30000 };

/* The state of a sender in its process. */
typedef struct {
	const bench_sender *sender;
	char keys[TALLY_PARTITIONS][WORKLOAD_KEY_MAX];
	char logs[TALLY_PARTITIONS][WORKLOAD_KEY_MAX];
	char *data;
	bench_pipe pipe; /* for SENDER_XADD; likewise the next two */
	bench_entries replies;
	uint64_t unanswered;
	bench_client client;    /* for the other kinds */
	seg_producer *producer; /* for SENDER_PRODUCER, else NULL */
} sending;

int64_t bench_sender_stamp(const void *data, size_t length)
{
	int64_t stamp = 0;
	if (length >= sizeof(stamp))
		memcpy(&stamp, data, sizeof(stamp));
	return stamp;
}

/* Sleeps until the message is due. Returns the start of the message's latency. */
static int64_t wait_until(int64_t due)
{
	if (tally_now() >= due)
		return due;
	struct timespec t = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
	return tally_now();
}

/* --- ways to send ------------------------------------------------------------------------- */

static void take_replies(sending *s, int timeout_ms)
{
	struct pollfd ready = {.fd = s->pipe.fd, .events = POLLIN};
	void *reply;
	while (s->unanswered > 0 && poll(&ready, 1, timeout_ms) > 0) {
		bench_pipe_receive(&s->pipe);
		while (bench_pipe_next(&s->pipe, &reply))
			s->unanswered--;
	}
}

static void send_xadd(sending *s, uint32_t partition)
{
	const char *words[] = {"XADD", s->logs[partition], "*", "partitionKey", s->keys[partition], "data",
			       s->data};
	size_t lengths[] = {4, strlen(words[1]), 1, 12, strlen(words[4]), 4, s->sender->workload->size};
	bench_pipe_add(&s->pipe, 7, words, lengths);
	bench_pipe_flush(&s->pipe);
	s->unanswered++;
	take_replies(s, 0);
}

static void send_record(sending *s, uint32_t partition)
{
	seg_error error;
	seg_record record = {
		.key = s->keys[partition],
		.key_length = strlen(s->keys[partition]),
		.data = s->data,
		.data_length = s->sender->workload->size,
	};
	int status = s->producer ? seg_producer_send(s->producer, &record, NULL, &error)
				 : seg_stream_send(s->client.stream, &record, NULL, &error);
	bench_client_check(status, &error);
}

static void open_sending(sending *s)
{
	const bench_workload *workload = s->sender->workload;
	seg_producer_options options;
	seg_error error;
	if (s->sender->kind == SENDER_XADD) {
		bench_pipe_open(&s->pipe, workload->server, &bench_entries_functions, &s->replies);
		return;
	}
	bench_client_open(&s->client, workload);
	if (s->sender->kind == SENDER_SEND)
		return;
	seg_producer_options_init(&options);
	options.linger_us = 0;
	bench_client_check(seg_producer_open(s->client.stream, &options, &s->producer, &error), &error);
}

/* Waits until Redis has added all messages. */
static void close_sending(sending *s)
{
	seg_error error;
	if (s->sender->kind == SENDER_XADD) {
		take_replies(s, PATIENCE_MS);
		bench_pipe_close(&s->pipe);
		return;
	}
	if (s->producer)
		bench_client_check(seg_producer_close(s->producer, PATIENCE_MS, &error), &error);
	bench_client_close(&s->client);
}

/* --- the open loop ------------------------------------------------------------------------------ */

static sending *make_sending(const bench_sender *sender)
{
	sending *s = calloc(1, sizeof(*s));
	if (!s)
		err(EX_OSERR, "cannot allocate a sender");
	s->sender = sender;
	s->data = bench_workload_data(sender->workload);
	for (uint32_t p = 0; p < sender->workload->partitions; p++) {
		bench_workload_key(p, s->logs[p]);
		bench_workload_partition_key(sender->workload, p, s->keys[p]);
	}
	open_sending(s);
	return s;
}

static int send_all(void *arg)
{
	const bench_sender *sender = arg;
	sending *s = make_sending(sender);
	/* By default, Linux may delay timers by 50 us. */
	prctl(PR_SET_TIMERSLACK, 1);
	int64_t start = tally_now();
	for (uint64_t i = 0; i < sender->warm_up + sender->messages; i++) {
		int64_t stamp = wait_until(start + (int64_t)(i * 1000000000 / sender->rate));
		if (i < sender->warm_up)
			stamp = 0;
		memcpy(s->data, &stamp, sizeof(stamp));
		if (sender->kind == SENDER_XADD)
			send_xadd(s, (uint32_t)(i % sender->workload->partitions));
		else
			send_record(s, (uint32_t)(i % sender->workload->partitions));
	}
	close_sending(s);
	free(s->data);
	free(s);
	return 0;
}

pid_t bench_sender_start(bench_sender *sender)
{
	return bench_process_fork(send_all, sender);
}

/*
 * nats.c - sends to and consumes from JetStream with libnats, as its users do. One stream in memory, a subject for each
 * partition; the sender publishes asynchronously, the receiver fetches batches from one pull consumer. A consumer that
 * acknowledges the last message of a batch acknowledges the whole batch: the cheapest way that JetStream has.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "measure/process.h"
#include "ways/nats_library.h"
#include "ways/way.h"

#define STREAM "LOAD"
#define INBOX "bench.inbox"

/* So many messages may wait for their acknowledgement; then the sender waits for all of them. */
enum { PENDING = 16384, TIMEOUT_MS = 10000, SUBJECT_MAX = 32, TEXT_MAX = 320 };

typedef struct {
	bench_nats_library library;
	void *connection;
} nats;

static void check(const nats *n, int status, const char *what)
{
	if (status)
		errx(EX_UNAVAILABLE, "nats-server: %s: %s", what, n->library.text(status));
}

static void open_nats(nats *n, const bench_workload *workload)
{
	char url[64];
	if (!bench_nats_library_load(&n->library))
		errx(EX_UNAVAILABLE, "libnats is not installed");
	snprintf(url, sizeof(url), "nats://127.0.0.1:%d", workload->peer->port);
	check(n, n->library.connect(&n->connection, url), "connect");
}

/* Calls JetStream; an error in its answer ends the program, unless it may fail. */
static void call(const nats *n, const char *subject, const char *text, bool may_fail)
{
	char answer[TEXT_MAX];
	void *reply = NULL;
	check(n, n->library.request(&reply, n->connection, subject, text, TIMEOUT_MS), subject);
	snprintf(answer, sizeof(answer), "%.*s", n->library.data_length(reply), n->library.data(reply));
	n->library.release(reply);
	if (strstr(answer, "\"error\"") && !may_fail)
		errx(EX_UNAVAILABLE, "nats-server: %s: %s", subject, answer);
}

/* A number in JetStream's answer to a call without a text. */
static uint64_t ask(const nats *n, const char *subject, const char *name)
{
	void *reply = NULL;
	check(n, n->library.request(&reply, n->connection, subject, "", TIMEOUT_MS), subject);
	const char *data = n->library.data(reply);
	const char *found = memmem(data, (size_t)n->library.data_length(reply), name, strlen(name));
	if (!found)
		errx(EX_PROTOCOL, "nats-server: %s: no %s in the answer", subject, name);
	uint64_t number = strtoull(found + strlen(name), NULL, 10);
	n->library.release(reply);
	return number;
}

/* --- sending ------------------------------------------------------------------------------ */

static void subject_of(uint32_t partition, char subject[SUBJECT_MAX])
{
	snprintf(subject, SUBJECT_MAX, "load.%" PRIu32, partition);
}

/* A new, empty stream. */
static void make_stream(const nats *n)
{
	call(n, "$JS.API.STREAM.DELETE." STREAM, "", true);
	call(n, "$JS.API.STREAM.CREATE." STREAM,
	     "{\"name\":\"" STREAM
	     "\",\"subjects\":[\"load.*\"],\"storage\":\"memory\",\"retention\":\"limits\"}",
	     false);
}

static void publish_all(const nats *n, const bench_workload *workload)
{
	char subjects[TALLY_PARTITIONS][SUBJECT_MAX], *data = bench_workload_data(workload);
	void *jetstream;
	for (uint32_t p = 0; p < workload->partitions; p++)
		subject_of(p, subjects[p]);
	check(n, n->library.jetstream(&jetstream, n->connection, NULL), "JetStream");
	for (uint64_t i = 0; i < workload->round; i++) {
		check(n,
		      n->library.add(jetstream, subjects[i % workload->partitions], data, (int)workload->size,
				     NULL),
		      "publish");
		if (i % PENDING == PENDING - 1)
			check(n, n->library.added(jetstream, NULL), "publish");
	}
	check(n, n->library.added(jetstream, NULL), "publish");
	n->library.jetstream_free(jetstream);
	free(data);
}

static int publish(void *arg)
{
	bench_workload *workload = arg;
	nats n = {0};
	open_nats(&n, workload);
	make_stream(&n);
	int64_t first_at = tally_begin(workload->tally);
	publish_all(&n, workload);
	int64_t last_at = tally_now();
	uint64_t added = ask(&n, "$JS.API.STREAM.INFO." STREAM, "\"messages\":");
	if (added != workload->round)
		errx(EX_SOFTWARE, "nats-server has %" PRIu64 " messages; expected %" PRIu64, added,
		     workload->round);
	for (uint32_t p = 0; p < workload->partitions; p++)
		tally_sent(workload->tally, p, workload->round / workload->partitions, first_at, last_at);
	n.library.disconnect(n.connection);
	return 0;
}

/* --- receiving ---------------------------------------------------------------------------- */

/* A pull consumer that only this round uses, from the first message on. */
static void make_consumer(const nats *n, const char *policy, char name[SUBJECT_MAX])
{
	char subject[96], text[TEXT_MAX];
	snprintf(name, SUBJECT_MAX, "reader%" PRId64, tally_now());
	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.DURABLE.CREATE." STREAM ".%s", name);
	snprintf(text, sizeof(text),
		 "{\"stream_name\":\"" STREAM
		 "\",\"config\":{\"durable_name\":\"%s\",\"deliver_policy\":\"all\","
		 "\"ack_policy\":\"%s\",\"max_ack_pending\":%d,\"mem_storage\":true}}",
		 name, policy, 4 * WORKLOAD_BATCH);
	call(n, subject, text, false);
}

static void handle(const nats *n, const bench_workload *workload, void *message, bool acknowledge)
{
	const char *subject = n->library.subject(message);
	uint32_t partition = (uint32_t)strtoul(subject + strlen("load."), NULL, 10);
	if (strncmp(subject, "load.", strlen("load.")) != 0 || partition >= workload->partitions)
		errx(EX_PROTOCOL, "nats-server: unexpected message of %s", subject);
	tally_arrived(workload->tally, partition, 1);
	if (acknowledge)
		check(n, n->library.publish(n->connection, n->library.reply(message), "+ACK"), "acknowledge");
}

static void fetch_all(const nats *n, const bench_workload *workload, void *inbox, const char *consumer,
		      bool each)
{
	char subject[96], request[64];
	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.MSG.NEXT." STREAM ".%s", consumer);
	for (uint64_t left = workload->round, step; left > 0; left -= step) {
		step = left < bench_workload_batch(workload) ? left : bench_workload_batch(workload);
		snprintf(request, sizeof(request), "{\"batch\":%" PRIu64 ",\"expires\":%d000000000}", step,
			 TIMEOUT_MS / 1000);
		check(n, n->library.publish_request(n->connection, subject, INBOX, request), "fetch");
		for (uint64_t i = 0; i < step; i++) {
			void *message;
			check(n, n->library.next(&message, inbox, TIMEOUT_MS), "fetch");
			handle(n, workload, message, each || i + 1 == step);
			n->library.release(message);
		}
	}
	check(n, n->library.flush(n->connection), "acknowledge");
}

/* Waits until the server knows that each message is acknowledged. */
static void wait_acknowledged(const nats *n, const char *consumer)
{
	char subject[96];
	int64_t since = tally_now();
	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.INFO." STREAM ".%s", consumer);
	while (ask(n, subject, "\"num_ack_pending\":") > 0) {
		if (tally_now() - since > (int64_t)TIMEOUT_MS * 1000000)
			errx(EX_SOFTWARE, "nats-server: messages stay without an acknowledgement");
		bench_pause_ms(1);
	}
}

static int fetch(bench_workload *workload, bool each)
{
	nats n = {0};
	void *inbox;
	char consumer[SUBJECT_MAX];
	open_nats(&n, workload);
	make_consumer(&n, each ? "explicit" : "all", consumer);
	check(&n, n.library.subscribe(&inbox, n.connection, INBOX), "subscribe");
	fetch_all(&n, workload, inbox, consumer, each);
	wait_acknowledged(&n, consumer);
	n.library.unsubscribe(inbox);
	n.library.disconnect(n.connection);
	return 0;
}

static int fetch_batches(void *workload)
{
	return fetch(workload, false);
}

static int fetch_each(void *workload)
{
	return fetch(workload, true);
}

/* --- the ways ----------------------------------------------------------------------------- */

static void run_publish(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(publish, workload, measure, "the publisher of NATS");
}

static void run_fetch(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(fetch_batches, workload, measure, "the reader of NATS");
}

static void run_fetch_each(bench_workload *workload, bench_measure *measure)
{
	bench_way_run_child(fetch_each, workload, measure, "the reader of NATS");
}

const bench_way bench_way_nats_publish = {
	.name = "nats-publish",
	.help = "JetStream in memory: asynchronous publish of libnats",
	.sends = true,
	.peer = true,
	.run = run_publish,
};

const bench_way bench_way_nats_fetch = {
	.name = "nats-fetch",
	.help = "JetStream in memory: a pull consumer, one acknowledgement for each batch",
	.peer = true,
	.run = run_fetch,
};

const bench_way bench_way_nats_fetch_each = {
	.name = "nats-fetch-each",
	.help = "JetStream in memory: a pull consumer, an acknowledgement for each message",
	.part = 2,
	.peer = true,
	.run = run_fetch_each,
};

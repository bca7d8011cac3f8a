#include "ways/receiver.h"

#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "measure/entries.h"
#include "measure/process.h"
#include "ways/sender.h"

typedef struct {
	bench_entries entries; /* the first field: the callbacks cast their argument to a receiver */
	bench_workload *workload;
	char ids[TALLY_PARTITIONS][ENTRIES_ID_MAX];
	uint32_t partition; /* of the stream that the reply is at */
} receiver;

static void got_stream(bench_entries *entries, const char *key, size_t length)
{
	receiver *r = (receiver *)entries;
	const char *separator = memrchr(key, '_', length);
	/* A CR follows the key in the reader's buffer, so strtoul stops there. */
	unsigned long partition = separator ? strtoul(separator + 1, NULL, 10) : ULONG_MAX;
	if (partition >= r->workload->partitions)
		errx(EX_PROTOCOL, "redis-server: unexpected reply to XREAD: the stream %.*s", (int)length,
		     key);
	r->partition = (uint32_t)partition;
}

static void got_data(bench_entries *entries, const char *data, size_t length)
{
	receiver *r = (receiver *)entries;
	tally_received(r->workload->tally, r->partition, bench_sender_stamp(data, length), tally_now());
	strcpy(r->ids[r->partition], entries->id);
}

static void ask(receiver *r, bench_pipe *pipe)
{
	enum { HEAD = 6 };
	uint32_t n = r->workload->partitions;
	char keys[TALLY_PARTITIONS][WORKLOAD_KEY_MAX];
	const char *words[HEAD + 2 * TALLY_PARTITIONS] = {"XREAD", "COUNT", "512", "BLOCK", "0", "STREAMS"};
	for (uint32_t p = 0; p < n; p++) {
		bench_workload_key(p, keys[p]);
		words[HEAD + p] = keys[p];
		words[HEAD + n + p] = r->ids[p];
	}
	bench_pipe_add(pipe, (int)(HEAD + 2 * n), words, NULL);
	bench_pipe_flush(pipe);
}

/* Runs until the process is killed. */
__attribute__((noreturn)) static int receive(void *arg)
{
	receiver *r = arg;
	bench_pipe pipe;
	void *reply;
	bench_pipe_open(&pipe, r->workload->server, &bench_entries_functions, r);
	for (;;) {
		ask(r, &pipe);
		while (!bench_pipe_next(&pipe, &reply))
			bench_pipe_receive(&pipe);
	}
}

pid_t bench_receiver_start(bench_workload *workload)
{
	receiver *r = calloc(1, sizeof(*r));
	if (!r)
		err(EX_OSERR, "cannot allocate a receiver");
	r->workload = workload;
	r->entries = (bench_entries){.stream = got_stream, .data = got_data};
	for (uint32_t p = 0; p < workload->partitions; p++)
		strcpy(r->ids[p], "0");
	pid_t pid = bench_process_fork(receive, r);
	free(r);
	return pid;
}

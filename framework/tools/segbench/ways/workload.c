#include "ways/workload.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include <segmenter/segmenter.h>

#include "measure/topology.h"

/* The entries that one call of the script adds: few, so that the script does not block Redis for long. */
enum { FILL_STEP = 1000 };

/* The most memory that a workload may need in Redis, and an entry's memory besides its data. */
enum { WORKLOAD_BYTES = 512 << 20, ENTRY_OVERHEAD = 40 };

/* The same as segrunner's in_flight_bytes. */
enum { READ_BYTES = 4 << 20 };

void bench_workload_init(bench_workload *workload, bench_server *server)
{
	*workload = (bench_workload){.server = server};
	snprintf(workload->tally_path, sizeof(workload->tally_path), "%s/tally", server->directory);
	int fd = open(workload->tally_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(tally)))
		err(EX_CANTCREAT, "cannot create %s", workload->tally_path);
	workload->tally = mmap(NULL, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (workload->tally == MAP_FAILED)
		err(EX_OSERR, "cannot map %s", workload->tally_path);
	close(fd);
}

void bench_workload_fini(bench_workload *workload)
{
	munmap(workload->tally, sizeof(tally));
}

void bench_workload_key(uint32_t partition, char key[WORKLOAD_KEY_MAX])
{
	snprintf(key, WORKLOAD_KEY_MAX, "__" WORKLOAD_NAMESPACE ":" WORKLOAD_STREAM ":partition_%" PRIu32,
		 partition);
}

void bench_workload_set(bench_workload *workload, uint32_t partitions, uint32_t size, uint64_t messages)
{
	uint64_t most = WORKLOAD_BYTES / (size + ENTRY_OVERHEAD);
	uint64_t each = (messages < most ? messages : most) / partitions;
	workload->partitions = partitions;
	workload->size = size;
	workload->messages = each * partitions;
}

uint32_t bench_workload_batch(const bench_workload *workload)
{
	uint32_t most = READ_BYTES / workload->size;
	return most < WORKLOAD_BATCH ? most : WORKLOAD_BATCH;
}

const char *bench_workload_packing(seg_packing packing)
{
	static const char *const names[] = {"off", "on", "lz4", "zstd"};
	return names[packing];
}

char *bench_workload_data(const bench_workload *workload)
{
	char *data = calloc(1, workload->size + 1);
	if (!data)
		err(EX_OSERR, "cannot allocate a message of %" PRIu32 " bytes", workload->size);
	memset(data, 'x', workload->size);
	return data;
}

void bench_workload_partition_key(const bench_workload *workload, uint32_t partition,
				  char key[WORKLOAD_KEY_MAX])
{
	int n = 0;
	do
		snprintf(key, WORKLOAD_KEY_MAX, "key-%d", n++);
	while (seg_partition_of(key, strlen(key), workload->partitions) != partition);
}

static void fill_partition(bench_workload *workload, uint32_t partition, const char *data)
{
	static const char script[] =
		"for i = 1, ARGV[1] do"
		" redis.call('XADD', KEYS[1], '*', 'partitionKey', ARGV[2], 'data', ARGV[3]) end";
	char key[WORKLOAD_KEY_MAX], partition_key[WORKLOAD_KEY_MAX];
	bench_workload_key(partition, key);
	bench_workload_partition_key(workload, partition, partition_key);
	for (uint64_t left = workload->messages / workload->partitions; left > 0;) {
		uint64_t step = left < FILL_STEP ? left : FILL_STEP;
		bench_server_do(bench_topology_owner(workload->server, key), "EVAL %s 1 %s %" PRIu64 " %s %s",
				script, key, step, partition_key, data);
		left -= step;
	}
}

static void fill_partitions(bench_workload *workload)
{
	char *data = bench_workload_data(workload);
	for (uint32_t p = 0; p < workload->partitions; p++)
		fill_partition(workload, p, data);
	free(data);
}

void bench_workload_clear(bench_workload *workload)
{
	for (bench_server *server = workload->server; server; server = server->next)
		if (!server->replica)
			bench_server_do(server, "FLUSHALL");
}

void bench_workload_fill(bench_workload *workload)
{
	bench_workload_clear(workload);
	fill_partitions(workload);
}

void bench_workload_append(bench_workload *workload)
{
	fill_partitions(workload);
}

void bench_workload_add(bench_workload *workload)
{
	bench_server_do(workload->server, "MULTI");
	fill_partitions(workload);
	bench_server_do(workload->server, "EXEC");
}

void bench_workload_reset(bench_workload *workload)
{
	memset(workload->tally, 0, sizeof(tally));
}

uint64_t bench_workload_arrived(const bench_workload *workload)
{
	uint64_t count = 0;
	for (uint32_t p = 0; p < workload->partitions; p++)
		count += atomic_load_explicit(&workload->tally->partitions[p].count, memory_order_acquire);
	return count;
}

int64_t bench_workload_wall(const bench_workload *workload)
{
	int64_t first = INT64_MAX, last = 0;
	for (uint32_t i = 0; i < workload->partitions; i++) {
		const tally_partition *p = &workload->tally->partitions[i];
		if (atomic_load(&p->count) == 0)
			continue;
		if (p->first_at < first)
			first = p->first_at;
		if (p->last_at > last)
			last = p->last_at;
	}
	return last - first;
}

#include "ways/host.h"

#include <err.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "measure/process.h"

/* Without a message for so long, something is broken. */
#define PATIENCE ((int64_t)30 * 1000000000)

static void write_config(const bench_workload *workload, const bench_host_options *options, const char *path)
{
	char plugin[PATH_MAX];
	bench_process_find("segbench_noop.so", plugin, sizeof(plugin));
	FILE *file = fopen(path, "w");
	if (!file)
		err(EX_CANTCREAT, "cannot write %s", path);
	fprintf(file,
		"[redis]\naddress = %s\n\n"
		"[runner]\nnamespace = " WORKLOAD_NAMESPACE "\nlog_level = warning\n%s\n"
		"[consumer bench]\nstream = " WORKLOAD_STREAM "\npartitions = %" PRIu32
		"\npartition_size = 1_000_000_000\npacking = %s\n"
		"group = %s\nplugin = %s\nbatch_size = %d\noption.tally = %s\n%s\n",
		workload->server->address, options->runner, workload->partitions,
		bench_workload_packing(workload->packing), options->group, plugin, WORKLOAD_BATCH,
		workload->tally_path, options->consumer);
	if (fclose(file))
		err(EX_IOERR, "cannot write %s", path);
}

pid_t bench_host_start(const bench_workload *workload, const bench_host_options *options)
{
	static int started;
	char config[128], log[128], program[PATH_MAX];
	snprintf(config, sizeof(config), "%s/runner-%d.ini", workload->server->directory, started++);
	snprintf(log, sizeof(log), "%s/runner.log", workload->server->directory);
	write_config(workload, options, config);
	bench_process_find("segrunner", program, sizeof(program));
	const char *argv[] = {program, "-c", config, NULL};
	const char *preload[] = {"LD_PRELOAD", options->preload, TALLY_VARIABLE, workload->tally_path, NULL};
	return bench_process_start(argv, options->preload ? preload : NULL, log);
}

uint64_t bench_host_stop(pid_t pid)
{
	kill(pid, SIGTERM);
	return bench_process_wait(pid, "segrunner");
}

void bench_host_wait_arrived(const bench_workload *workload, uint64_t messages)
{
	uint64_t before = 0, now;
	int64_t since = tally_now();
	while ((now = bench_workload_arrived(workload)) < messages) {
		if (now != before)
			since = tally_now();
		if (tally_now() - since > PATIENCE)
			errx(EX_UNAVAILABLE,
			     "segrunner has handled %" PRIu64 " of %" PRIu64
			     " messages and goes on with none; see %s/runner.log",
			     now, messages, workload->server->directory);
		before = now;
		bench_pause_ms(1);
	}
}

static bool has_owner(const bench_workload *workload, const char *group, uint32_t partition)
{
	char key[WORKLOAD_KEY_MAX];
	bench_workload_key(partition, key);
	redisReply *reply = bench_server_command(workload->server, "HEXISTS {%s}:%s:state owner", key, group);
	bool owned = reply->integer == 1;
	freeReplyObject(reply);
	return owned;
}

void bench_host_wait_claimed(const bench_workload *workload, const char *group)
{
	int64_t since = tally_now();
	for (uint32_t p = 0; p < workload->partitions; p++)
		while (!has_owner(workload, group, p)) {
			if (tally_now() - since > PATIENCE)
				errx(EX_UNAVAILABLE,
				     "segrunner does not claim partition %" PRIu32 "; see %s/runner.log", p,
				     workload->server->directory);
			bench_pause_ms(2);
		}
}

typedef char owner_name[128];

static void read_owners(const bench_workload *workload, const char *group, owner_name *owners)
{
	char key[WORKLOAD_KEY_MAX];
	for (uint32_t p = 0; p < workload->partitions; p++) {
		bench_workload_key(p, key);
		redisReply *reply =
			bench_server_command(workload->server, "HGET {%s}:%s:state owner", key, group);
		snprintf(owners[p], sizeof(owners[p]), "%s", reply->str ? reply->str : "");
		freeReplyObject(reply);
	}
}

static bool is_shared(const bench_workload *workload, const char *group, uint32_t members)
{
	owner_name owners[TALLY_PARTITIONS];
	read_owners(workload, group, owners);
	for (uint32_t p = 0; p < workload->partitions; p++) {
		uint32_t share = 0;
		for (uint32_t i = 0; i < workload->partitions; i++)
			share += *owners[p] && strcmp(owners[i], owners[p]) == 0;
		if (share != workload->partitions / members)
			return false;
	}
	return true;
}

void bench_host_wait_shared(const bench_workload *workload, const char *group, uint32_t members)
{
	int64_t since = tally_now();
	while (!is_shared(workload, group, members)) {
		if (tally_now() - since > PATIENCE)
			errx(EX_UNAVAILABLE, "segrunners do not share the partitions; see %s/runner.log",
			     workload->server->directory);
		bench_pause_ms(5);
	}
}

/* The entry behind `name` in a flat list of names and values. */
static const char *member_text(const redisReply *reply, const char *name)
{
	for (size_t i = 0; i + 1 < reply->elements; i += 2)
		if (strcmp(reply->element[i]->str, name) == 0)
			return reply->element[i + 1]->str;
	return "";
}

static bool has_committed(const bench_workload *workload, const char *group, uint32_t partition)
{
	char key[WORKLOAD_KEY_MAX];
	bool committed = false;
	bench_workload_key(partition, key);
	redisReply *stream = bench_server_command(workload->server, "XINFO STREAM %s", key);
	redisReply *groups = bench_server_command(workload->server, "XINFO GROUPS %s", key);
	for (size_t i = 0; i < groups->elements; i++)
		committed = committed || (strcmp(member_text(groups->element[i], "name"), group) == 0 &&
					  strcmp(member_text(groups->element[i], "last-delivered-id"),
						 member_text(stream, "last-generated-id")) == 0);
	freeReplyObject(stream);
	freeReplyObject(groups);
	return committed;
}

void bench_host_wait_committed(const bench_workload *workload, const char *group)
{
	int64_t since = tally_now();
	for (uint32_t p = 0; p < workload->partitions; p++)
		while (!has_committed(workload, group, p)) {
			if (tally_now() - since > PATIENCE)
				errx(EX_UNAVAILABLE,
				     "segrunner does not commit partition %" PRIu32 "; see %s/runner.log", p,
				     workload->server->directory);
			bench_pause_ms(2);
		}
}

static void run(bench_workload *workload, bench_measure *measure)
{
	static int rounds;
	char group[32];
	snprintf(group, sizeof(group), "round-%d", rounds++);
	bench_host_options options = {.group = group, .runner = "", .consumer = ""};
	pid_t pid = bench_host_start(workload, &options);
	bench_host_wait_arrived(workload, workload->round);
	bench_host_wait_committed(workload, group);
	measure->client_cpu = bench_process_cpu(pid) - workload->tally->first_cpu;
	measure->client_peak = bench_host_stop(pid);
}

const bench_way bench_way_segrunner = {
	.name = "segrunner",
	.help = "a segrunner process, no-op plugin, commits included",
	.run = run,
};

/*
 * chaos.c - runs real runners, a real Redis and a producer, injects faults, and then runs the checker.
 *
 *     chaos [--topology TOPOLOGY] [--ack-replicas N] --seed N --faults K [--only FAULT] [--start latest|earliest] [--directory DIR]
 *     chaos --rolling N [--directory DIR]
 *     chaos --pipeline [--parallel N [--consumers]] [--topology cluster|sentinel] --seed N --faults K [--only FAULT] [--directory DIR]
 *
 * The same seed draws the same faults. --rolling injects none: it restarts the runners, and no message may
 * come twice. --pipeline: the runners write a second stream and keep values. --consumers: every other one of them is a program with pull
 * consumers, and none keeps values. The history of the run is kept in a directory. The directory is removed if nothing was wrong
 * and --directory did not name it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "chaos/checker.h"
#include "chaos/ending.h"
#include "chaos/faults.h"
#include "chaos/load.h"
#include "chaos/pipeline.h"
#include "chaos/progress.h"
#include "chaos/replay.h"
#include "chaos/report.h"
#include "chaos/rolling.h"
#include "chaos/schedule.h"

/* Where no message may come twice, a session must not expire, however slow the machine. */
enum { SESSION_MS = 1000, CLEAN_SESSION_MS = 10000 };

enum { WARM_UP_MS = 1500, CLAIM_MS = 30000, LOOK_MS = 20 };

/* So small that it fills up when no runner handles for a while, and is trimmed all the time; or never. */
enum { SMALL_PARTITION = 1000, LARGE_PARTITION = 10000000 };

typedef struct {
	chaos_report report;
	bool ack_given;
	bool clean; /* no message may come twice */
	const char *only;
	const char *start; /* latest or earliest */
	const char *directory;
	const char *program;
	const char *plugin;
} settings;

/* --- a run ------------------------------------------------------------------------------------ */

static void inject(const settings *set, const chaos_fault *faults, chaos_world *world, FILE *log)
{
	bool *idle = calloc(set->report.faults + 1, sizeof(*idle));
	if (!idle)
		exit(1);
	for (size_t i = 0; i < set->report.faults; i++) {
		const chaos_fault *f = &faults[i];
		int64_t from = seg_now();
		world->idle[0] = '\0';
		f->kind->inject(f, world);
		idle[i] = world->idle[0];
		fprintf(log, "%" PRId64 " %" PRId64 " %s slot=%d which=%u ms=%d%s%s\n", from, seg_now(),
			f->kind->name, f->slot, f->which, f->ms, idle[i] ? " did nothing: " : "",
			world->idle);
		fflush(log);
		chaos_progress("faults", i + 1, set->report.faults);
		chaos_world_pass(world, f->gap_ms);
		/* Time to reconnect and to notice another history of Redis. */
		if (f->kind->outage)
			chaos_append(&world->history->outages, (chaos_outage){from, seg_now() + SEG_SECOND});
	}
	chaos_progress_end();
	chaos_report_faults(faults, idle, set->report.faults);
	free(idle);
}

/*
 * Bursts make batches; an even flow makes pauses visible. Logs that are never trimmed get less, and still less where each output waits
 * for all replicas: what is left at the end must be handled in bounded time.
 */
static void begin_load(const settings *set, chaos_load *load)
{
	bool all = chaos_topology_keeps_all(set->report.topology);
	int burst = !all ? 100 : set->report.pipeline ? 5 : 40;
	chaos_load_begin(load, set->report.rolling ? 5 : burst, set->report.rolling ? 2 : 40);
}

/* The records come once the group is there: what came before, it would not get if it starts at the latest one. */
static void start_all(const settings *set, chaos_world *world, chaos_load *load)
{
	*world->runners = (chaos_runners){.program = set->program,
					  .plugin = set->report.pipeline ? CHAOS_TRANSFORM : set->plugin,
					  .reader = set->report.pipeline ? set->plugin : NULL,
					  .consumer = set->report.consumers ? CHAOS_CONSUMER : NULL,
					  .parallel = set->report.parallel,
					  .directory = set->directory,
					  .servers = world->servers,
					  .session_ms = set->clean ? CLEAN_SESSION_MS : SESSION_MS,
					  .start = set->start,
					  .history = world->history};
	chaos_runners_init(world->runners);
	for (int slot = 0; slot < CHAOS_SLOTS_STEADY; slot++)
		chaos_runners_start(world->runners, slot);
	for (int64_t deadline = seg_now() + CLAIM_MS * SEG_MS;
	     !chaos_are_all_claimed(world) && seg_now() < deadline;)
		chaos_world_pass(world, LOOK_MS);
	begin_load(set, load);
	chaos_world_pass(world, WARM_UP_MS);
}

/* With odd seeds, records do not linger, and the thread that sends may write them itself. */
static chaos_load *open_load(const chaos_servers *servers, uint64_t seed)
{
	bool all = chaos_topology_keeps_all(servers->topology);
	chaos_load *load = chaos_load_open(servers, CHAOS_PARTITIONS, all ? LARGE_PARTITION : SMALL_PARTITION,
					   seed % 2 == 1);
	if (!load)
		exit(1);
	return load;
}

static int trouble(const settings *set, const chaos_fault *faults, chaos_world *world)
{
	char path[512];
	int wrong = 0;
	snprintf(path, sizeof(path), "%s/faults", set->directory);
	FILE *log = fopen(path, "w");
	if (!log) {
		perror(path);
		exit(1);
	}
	if (set->report.rolling)
		wrong = chaos_rolling(world, set->report.rolling, CHAOS_PARTITIONS);
	else
		inject(set, faults, world, log);
	fclose(log);
	chaos_progress_end();
	return wrong;
}

/* Checks what the checker cannot see. Returns how many things were wrong. */
static int run(const settings *set, const chaos_fault *faults, chaos_history *history, chaos_history *output)
{
	chaos_servers servers = {.topology = set->report.topology,
				 .crashes = set->report.rolling == 0,
				 .ack_replicas = set->report.ack_replicas};
	chaos_runners runners;
	chaos_world world = {.runners = &runners, .servers = &servers, .history = history};
	world.clean = set->clean;
	world.output = set->report.pipeline ? output : NULL;
	history->processes_died = !set->clean;
	history->whole_log = chaos_topology_keeps_all(servers.topology);
	history->durable =
		history->whole_log && servers.ack_replicas >= chaos_topology_replicas(servers.topology);
	chaos_servers_start(&servers);
	chaos_load *load = open_load(&servers, set->report.seed);
	if (world.output)
		chaos_pipeline_open(&servers);
	start_all(set, &world, load);
	int wrong = trouble(set, faults, &world);
	wrong += chaos_end(&world, load) + world.wrong;
	chaos_report_reloads(&world);
	if (world.forced)
		printf("chaos: %u failovers needed CLUSTER FAILOVER TAKEOVER\n", world.forced);
	if (world.given_back)
		printf("chaos: the cluster was mended as with redis-cli --cluster fix: %u slots, on whose owner the nodes disagreed for good, "
		       "were given to one\n",
		       world.given_back);
	if (world.split)
		printf("chaos: %u times a replica replaced the master of a slot in the middle of its move, and made keys anew "
		       "that had moved already\n",
		       world.split);
	if (world.unasked)
		printf("chaos: %u failovers that no fault asked for, as on a busy machine\n", world.unasked);
	if (world.output && !history->no_values)
		wrong += chaos_pipeline_read_values(&world);
	chaos_servers_stop(&servers, history);
	if (chaos_history_read_records(history, set->directory))
		wrong++;
	if (world.output)
		wrong += chaos_pipeline_read_records(history, output, set->directory);
	return wrong + runners.crashes;
}

/* --- the result ------------------------------------------------------------------------ */

/* Of a pipeline, what is read and what is written; and what became of the one in the other. */
static bool judge_pipeline(const settings *set, chaos_history *history, chaos_history *output,
			   const chaos_verdict *input)
{
	chaos_verdict verdict;
	chaos_replay_verdict replay;
	chaos_check(output, &verdict, stderr);
	chaos_replay_check(history, &replay, stderr);
	chaos_report_pipeline(&set->report, input, &verdict, &replay);
	return chaos_verdict_good(&verdict) && chaos_replay_good(&replay) &&
	       !(set->clean && verdict.duplicates);
}

static int judge(const settings *set, chaos_history *history, chaos_history *output, int wrong, bool keep)
{
	chaos_verdict verdict;
	chaos_check(history, &verdict, stderr);
	bool good = chaos_verdict_good(&verdict) && wrong == 0 && !(set->clean && verdict.duplicates);
	if (set->report.pipeline)
		good = judge_pipeline(set, history, output, &verdict) && good;
	if (good && !keep) {
		test_directory_remove(set->directory);
	} else {
		chaos_history_write(history, set->directory);
		fprintf(good ? stdout : stderr, "chaos: the history is in %s\n", set->directory);
	}
	chaos_report_verdict(&set->report, history, &verdict);
	return good ? 0 : 1;
}

/* --- the command line ---------------------------------------------------------------------------- */

static void usage(FILE *out)
{
	fputs("usage: chaos [--topology TOPOLOGY] [--ack-replicas N] --seed N --faults K [--only FAULT] "
	      "[--start latest|earliest] [--directory DIR]\n"
	      "       chaos --rolling N [--directory DIR]\n"
	      "       chaos --pipeline [--parallel N [--consumers]] [--topology cluster|sentinel] --seed N --faults K [--only FAULT] [--directory DIR]\n",
	      out);
	for (int i = 0; i < CHAOS_TOPOLOGIES; i++) {
		fprintf(out, "faults of %s: ", chaos_topology_name((chaos_topology)i));
		chaos_schedule_names((chaos_topology)i, false, out);
	}
	fputs("faults of a pipeline: ", out);
	chaos_schedule_names(CHAOS_SINGLE, true, out);
}

static bool parse(int argc, char **argv, settings *set)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},         {"faults", required_argument, NULL, 'f'},
		{"only", required_argument, NULL, 'o'},         {"directory", required_argument, NULL, 'd'},
		{"rolling", required_argument, NULL, 'r'},      {"program", required_argument, NULL, 'p'},
		{"plugin", required_argument, NULL, 'l'},       {"topology", required_argument, NULL, 't'},
		{"ack-replicas", required_argument, NULL, 'a'}, {"start", required_argument, NULL, 'b'},
		{"pipeline", no_argument, NULL, 'i'},           {"parallel", required_argument, NULL, 'n'},
		{"consumers", no_argument, NULL, 'c'},          {NULL, 0, NULL, 0},
	};
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (option) {
		case 's':
			set->report.seed = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			set->report.faults = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			set->report.rolling = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			set->only = optarg;
			break;
		case 'b':
			set->start = optarg;
			break;
		case 'd':
			set->directory = optarg;
			break;
		case 'i':
			set->report.pipeline = true;
			break;
		case 'n':
			set->report.parallel = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			set->report.consumers = true;
			break;
		case 'p':
			set->program = optarg;
			break;
		case 'l':
			set->plugin = optarg;
			break;
		case 't':
			if (!chaos_topology_parse(optarg, &set->report.topology))
				return false;
			break;
		case 'a':
			set->report.ack_replicas = (unsigned)strtoul(optarg, NULL, 10);
			set->ack_given = true;
			break;
		default:
			return false;
		}
	}
	if (strcmp(set->start, "latest") != 0 && strcmp(set->start, "earliest") != 0 && *set->start)
		return false;
	bool single = set->report.topology == CHAOS_SINGLE;
	bool pipes = set->report.topology != CHAOS_TLS;
	return optind == argc && (single || !set->report.rolling) && (pipes || !set->report.pipeline) &&
	       (set->report.pipeline || set->report.parallel == 1) &&
	       (set->report.parallel > 1 || !set->report.consumers);
}

/*
 * Without and with replicas that confirm, by the seed, where no fault of the primary alone may lose anything. A pipeline needs all of them:
 * its output may be on another master than its position, and what that one forgets nobody would write again.
 */
static void draw_replicas(settings *set)
{
	if (set->report.pipeline && chaos_topology_keeps_all(set->report.topology))
		set->report.ack_replicas = chaos_topology_replicas(set->report.topology);
	else if (!set->ack_given && chaos_topology_keeps_all(set->report.topology))
		set->report.ack_replicas =
			(unsigned)(set->report.seed % (chaos_topology_replicas(set->report.topology) + 1));
}

int main(int argc, char **argv)
{
	char directory[64];
	settings set = {.report = {.seed = 1, .faults = 50, .parallel = 1},
			.start = "",
			.program = CHAOS_PROGRAM,
			.plugin = CHAOS_PLUGIN};
	if (!parse(argc, argv, &set)) {
		usage(stderr);
		return 64;
	}
	chaos_fault *faults = calloc(set.report.faults + 1, sizeof(*faults));
	if (!faults || !chaos_schedule_draw(set.report.topology, set.report.pipeline, set.report.seed,
					    set.only, faults, set.report.faults)) {
		usage(stderr);
		return 64;
	}
	set.clean = set.report.rolling || chaos_schedule_clean(faults, set.report.faults);
	draw_replicas(&set);
	if (!*set.start)
		set.start = set.report.seed % 3 == 0 ? "earliest" : "latest";
	signal(SIGPIPE, SIG_IGN);
	bool keep = set.directory != NULL;
	if (keep) {
		mkdir(set.directory, 0755);
	} else {
		test_directory_make(directory);
		set.directory = directory;
	}
	chaos_history history = {0}, output = {0};
	int wrong = run(&set, faults, &history, &output);
	int status = judge(&set, &history, &output, wrong, keep);
	chaos_history_fini(&history);
	chaos_history_fini(&output);
	free(faults);
	return status;
}

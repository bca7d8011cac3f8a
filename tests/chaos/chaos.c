/*
 * chaos.c - runs real runners, a real Redis and a producer, injects faults, and then runs the checker.
 *
 *     chaos --seed N --faults K [--only FAULT] [--directory DIR]
 *     chaos --rolling N [--directory DIR]
 *
 * The same seed draws the same faults. --rolling injects none: it restarts the runners, and no message may
 * come twice. The history of the run is kept in a directory. The directory is removed if nothing was wrong
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
#include "chaos/faults.h"
#include "chaos/load.h"
#include "chaos/pauses.h"
#include "chaos/progress.h"
#include "chaos/rolling.h"

/* Where no message may come twice, a session must not expire, however slow the machine. */
enum { SESSION_MS = 1000, CLEAN_SESSION_MS = 10000 };

enum { WARM_UP_MS = 1500, DRAIN_MS = 60000, END_MS = 15000 };

typedef struct {
	uint64_t seed;
	size_t faults;
	size_t rolling; /* restarts, and no faults; or 0 */
	bool clean;     /* no message may come twice */
	const char *only;
	const char *directory;
	const char *program;
	const char *plugin;
} settings;

/* --- the end of a run --------------------------------------------------------------------- */

/* The text after the newest `field` in an XINFO reply, or "". */
static const char *text_in(const redisReply *fields, const char *field)
{
	for (size_t i = 0; fields && fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2)
		if (fields->element[i]->str && strcmp(fields->element[i]->str, field) == 0 &&
		    fields->element[i + 1]->str)
			return fields->element[i + 1]->str;
	return "";
}

static bool is_drained(chaos_servers *servers, int partition)
{
	redisReply *stream =
		chaos_servers_command(servers, "XINFO STREAM __default:chaos:partition_%d", partition);
	redisReply *groups =
		chaos_servers_command(servers, "XINFO GROUPS __default:chaos:partition_%d", partition);
	bool one = groups && groups->type == REDIS_REPLY_ARRAY && groups->elements == 1;
	const char *last = text_in(stream, "last-generated-id");
	bool drained = one && *last && strcmp(text_in(groups->element[0], "last-delivered-id"), last) == 0;
	if (stream)
		freeReplyObject(stream);
	if (groups)
		freeReplyObject(groups);
	return drained;
}

static bool drain(chaos_world *world)
{
	for (int64_t deadline = seg_now() + DRAIN_MS * SEG_MS; seg_now() < deadline;
	     chaos_world_pass(world, 20)) {
		int drained = 0;
		while (drained < CHAOS_PARTITIONS && is_drained(world->servers, drained))
			drained++;
		if (drained == CHAOS_PARTITIONS)
			return true;
	}
	return false;
}

static void read_dead_letters(chaos_world *world)
{
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(world->servers,
					      "XRANGE {__default:chaos:partition_%u}:workers:dead - +", p);
		for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
			chaos_dead_letter letter = {.partition = p};
			const redisReply *fields = reply->element[i]->element[1];
			if (strncmp(text_in(fields, "reason"), "the process died",
				    strlen("the process died")) == 0)
				letter.deaths = (uint32_t)atoi(text_in(fields, "attempts"));
			if (seg_id_parse(text_in(fields, "id"), &letter.id) == 0)
				chaos_append(&world->history->dead_letters, letter);
		}
		if (reply)
			freeReplyObject(reply);
	}
}

/* --- a run ------------------------------------------------------------------------------------ */

static void inject(const settings *set, const chaos_fault *faults, chaos_world *world, FILE *log)
{
	for (size_t i = 0; i < set->faults; i++) {
		const chaos_fault *f = &faults[i];
		int64_t from = seg_now();
		f->kind->inject(f, world);
		fprintf(log, "%" PRId64 " %" PRId64 " %s slot=%d which=%u ms=%d\n", from, seg_now(),
			f->kind->name, f->slot, f->which, f->ms);
		fflush(log);
		chaos_progress("faults", i + 1, set->faults);
		chaos_world_pass(world, f->gap_ms);
		/* Time to reconnect and to notice another history of Redis. */
		if (f->kind->outage)
			chaos_append(&world->history->outages, (chaos_outage){from, seg_now() + SEG_SECOND});
	}
}

static void heal(chaos_world *world)
{
	chaos_proxy_heal(world->servers->proxy);
	for (int slot = 0; slot < CHAOS_SLOTS; slot++)
		chaos_runners_wake(world->runners, slot);
	for (int slot = 0; slot < CHAOS_SLOTS_STEADY; slot++)
		if (!world->runners->slots[slot].pid)
			chaos_runners_start(world->runners, slot);
}

static void start_all(const settings *set, chaos_world *world)
{
	int port = chaos_proxy_port(world->servers->proxy);
	chaos_runners_init(world->runners, set->program, set->plugin, set->directory, port,
			   set->clean ? CLEAN_SESSION_MS : SESSION_MS, world->history);
	for (int slot = 0; slot < CHAOS_SLOTS_STEADY; slot++)
		chaos_runners_start(world->runners, slot);
	chaos_world_pass(world, WARM_UP_MS);
}

/* Bursts make batches; an even flow makes pauses visible. */
static chaos_load *start_load(const settings *set, const chaos_servers *servers)
{
	int port = chaos_proxy_port(servers->proxy);
	chaos_load *load = set->rolling ? chaos_load_start(port, CHAOS_PARTITIONS, 5, 2)
					: chaos_load_start(port, CHAOS_PARTITIONS, 100, 40);
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
	if (set->rolling)
		wrong = chaos_rolling(world, set->rolling, CHAOS_PARTITIONS);
	else
		inject(set, faults, world, log);
	fclose(log);
	chaos_progress_end();
	return wrong;
}

static bool are_all_claimed(chaos_servers *servers)
{
	int claimed = 0;
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(servers,
					      "HGET {__default:chaos:partition_%d}:workers:state clean", p);
		claimed += reply && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "0") == 0;
		if (reply)
			freeReplyObject(reply);
	}
	return claimed == CHAOS_PARTITIONS;
}

/*
 * How many entries the group counts as removed unread. The next owner finds at its claim those that members
 * did not notice.
 */
static int count_removed(chaos_world *world)
{
	chaos_runners_start(world->runners, 0);
	int64_t deadline = seg_now() + DRAIN_MS * SEG_MS;
	while (!are_all_claimed(world->servers) && seg_now() < deadline)
		chaos_world_pass(world, 20);
	bool clean = are_all_claimed(world->servers) && chaos_runners_end(world->runners, END_MS);
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(world->servers,
					      "HGET {__default:chaos:partition_%d}:workers:state lost", p);
		if (reply && reply->type == REDIS_REPLY_STRING)
			world->history->removed_unread += strtoull(reply->str, NULL, 10);
		if (reply)
			freeReplyObject(reply);
	}
	if (!clean)
		fputs("violation: a runner did not claim all partitions, or did not stop\n", stderr);
	return !clean;
}

/* After the last fault the group must recover and handle everything. Returns how many things went wrong. */
static int come_to_rest(chaos_world *world, chaos_load *load)
{
	int wrong = 0;
	heal(world);
	if (!chaos_servers_wait(world->servers)) {
		fputs("violation: Redis did not come back\n", stderr);
		wrong++;
	}
	wrong += chaos_load_stop(load, world->history);
	if (!drain(world)) {
		fprintf(stderr,
			"violation: not all partitions were drained within %d ms after the last fault\n",
			DRAIN_MS);
		wrong++;
	}
	read_dead_letters(world);
	if (!chaos_runners_end(world->runners, END_MS)) {
		fprintf(stderr, "violation: a runner did not stop within %d ms of SIGTERM\n", END_MS);
		wrong++;
	}
	return wrong + count_removed(world);
}

static void print_reloads(const chaos_world *world)
{
	const unsigned *n = world->reloads;
	unsigned all = 0;
	for (int i = 0; i < CHAOS_RELOADS; i++)
		all += n[i];
	if (all)
		printf("chaos: %u reloads: %u handed over, %u untouched, %u refused as broken, %u while Redis was away, "
		       "%u at the end of a process\n",
		       all, n[CHAOS_RELOAD_EXCHANGED], n[CHAOS_RELOAD_UNTOUCHED], n[CHAOS_RELOAD_REFUSED],
		       n[CHAOS_RELOAD_HINDERED], n[CHAOS_RELOAD_SILENT]);
}

/* Checks what the checker cannot see. Returns how many things were wrong. */
static int run(const settings *set, const chaos_fault *faults, chaos_history *history)
{
	chaos_servers servers;
	chaos_runners runners;
	chaos_world world = {.runners = &runners, .servers = &servers, .history = history};
	world.clean = set->clean;
	history->processes_died = !set->clean;
	chaos_servers_start(&servers, set->rolling == 0);
	chaos_load *load = start_load(set, &servers);
	start_all(set, &world);
	int wrong = trouble(set, faults, &world);
	wrong += come_to_rest(&world, load) + world.wrong;
	print_reloads(&world);
	chaos_servers_stop(&servers, history);
	if (chaos_history_read_records(history, set->directory))
		wrong++;
	return wrong + runners.crashes;
}

/* --- the result ------------------------------------------------------------------------ */

static void print_pauses(const chaos_history *history)
{
	chaos_pauses pauses;
	chaos_pauses_measure(history, &pauses);
	printf("chaos: pauses of %zu partitions that moved: p50 %ld us, p99 %ld us, max %ld us\n",
	       pauses.moved, pauses.moved_p50, pauses.moved_p99, pauses.moved_max);
	printf("chaos: pauses of %zu partitions that stayed: p50 %ld us, p99 %ld us, max %ld us\n",
	       pauses.stayed, pauses.stayed_p50, pauses.stayed_p99, pauses.stayed_max);
}

/* How many of the rollbacks lost entries of a log. */
static size_t count_losses(const chaos_history *history)
{
	size_t count = 0;
	for (size_t i = 0; i < history->rollbacks.count; i++) {
		const chaos_rollback *r = &history->rollbacks.items[i];
		count += seg_id_compare(r->lost, r->kept) > 0;
	}
	return count;
}

static void print_verdict(const settings *set, const chaos_history *history, const chaos_verdict *v)
{
	if (v->excessive)
		fprintf(stderr, "chaos: %zu takeovers repeated more messages than allowed\n", v->excessive);
	if (history->rollbacks.count)
		printf("chaos: %zu failovers lost the end of %zu logs, with %zu unhandled entries; %zu calls under "
		       "a lease of a lost history, after another owner had begun\n",
		       history->rollbacks.count / CHAOS_PARTITIONS, count_losses(history), v->vanished,
		       v->outlived);
	if (set->rolling) {
		print_pauses(history);
		printf("chaos: rolling=%zu ", set->rolling);
	} else {
		printf("chaos: %zu partitions were taken over from killed runners while nothing else was wrong\n",
		       v->takeovers);
		printf("chaos: seed=%" PRIu64 " faults=%zu ", set->seed, set->faults);
	}
	printf("sent=%zu handled=%zu lost=%zu reordered=%zu stale-commits=%zu duplicates=%zu", v->sent,
	       v->handled, v->lost, v->reordered, v->stale, v->duplicates);
	if (set->rolling)
		printf("\n");
	else
		printf(" takeover-p99-ms=%ld gaps=%zu vanished=%zu\n", v->takeover_p99_ms, v->gaps,
		       v->vanished);
}

static int judge(const settings *set, chaos_history *history, int wrong, bool keep)
{
	chaos_verdict verdict;
	chaos_check(history, &verdict, stderr);
	bool good = chaos_verdict_good(&verdict) && wrong == 0 && !(set->clean && verdict.duplicates);
	if (good && !keep) {
		test_directory_remove(set->directory);
	} else {
		chaos_history_write(history, set->directory);
		fprintf(good ? stdout : stderr, "chaos: the history is in %s\n", set->directory);
	}
	print_verdict(set, history, &verdict);
	return good ? 0 : 1;
}

/* --- the command line ---------------------------------------------------------------------------- */

static void usage(FILE *out)
{
	fputs("usage: chaos --seed N --faults K [--only FAULT] [--directory DIR]\n"
	      "       chaos --rolling N [--directory DIR]\nfaults: ",
	      out);
	chaos_faults_names(out);
}

static bool parse(int argc, char **argv, settings *set)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},    {"faults", required_argument, NULL, 'f'},
		{"only", required_argument, NULL, 'o'},    {"directory", required_argument, NULL, 'd'},
		{"rolling", required_argument, NULL, 'r'}, {"program", required_argument, NULL, 'p'},
		{"plugin", required_argument, NULL, 'l'},  {NULL, 0, NULL, 0},
	};
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (option) {
		case 's':
			set->seed = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			set->faults = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			set->rolling = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			set->only = optarg;
			break;
		case 'd':
			set->directory = optarg;
			break;
		case 'p':
			set->program = optarg;
			break;
		case 'l':
			set->plugin = optarg;
			break;
		default:
			return false;
		}
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	char directory[64];
	settings set = {.seed = 1, .faults = 50, .program = CHAOS_PROGRAM, .plugin = CHAOS_PLUGIN};
	if (!parse(argc, argv, &set)) {
		usage(stderr);
		return 64;
	}
	chaos_fault *faults = calloc(set.faults + 1, sizeof(*faults));
	if (!faults || !chaos_faults_draw(set.seed, set.only, faults, set.faults)) {
		usage(stderr);
		return 64;
	}
	set.clean = set.rolling || chaos_faults_clean(faults, set.faults);
	signal(SIGPIPE, SIG_IGN);
	bool keep = set.directory != NULL;
	if (keep) {
		mkdir(set.directory, 0755);
	} else {
		test_directory_make(directory);
		set.directory = directory;
	}
	chaos_history history = {0};
	int wrong = run(&set, faults, &history);
	int status = judge(&set, &history, wrong, keep);
	chaos_history_fini(&history);
	free(faults);
	return status;
}

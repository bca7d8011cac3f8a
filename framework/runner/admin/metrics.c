/*
 * metrics.c - /metrics, in Prometheus's text format. Each table lists one kind of metric; docs and dashboards follow the
 * tables.
 *
 * Counters of this process are read without a lock. Partitions are read from Redis at a scrape, at most every 5 s: so
 * lag is true for a stuck worker, too, and costs nothing while nobody scrapes. What could not be read for a
 * session_timeout is left out, as Prometheus expects: an old number looks like a new one there, and another runner
 * may export the partition by now. When the group was last read stays.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "group/outputs.h"
#include "group/value_load.h"
#include "base/clock.h"
#include "admin/view.h"

#define SNAPSHOT_AGE (5 * SEG_SECOND)

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP segmenter_%s %s\n# TYPE segmenter_%s %s\n", name, help, name, type);
}

/* Names of streams and groups contain no character that needs escaping. */
static void labels(FILE *out, const seg_config_consumer *consumer)
{
	fprintf(out, "stream=\"%s\",group=\"%s\"", consumer->stream, consumer->group);
}

/* --- what this process counts ------------------------------------------------------------- */

typedef struct {
	const char *name, *help;
	size_t offset; /* of an atomic_ullong */
} counter_row;

static const counter_row member_counters[] = {
	{"messages_fetched_total", "Messages read from Redis.", offsetof(seg_member_counters, fetched)},
	{"messages_committed_total", "Messages committed, dead-lettered ones included.",
	 offsetof(seg_member_counters, committed)},
	{"messages_lost_total", "Messages removed from the log before the group read them.",
	 offsetof(seg_member_counters, lost)},
	{"dead_letters_total", "Messages moved to the dead-letter stream.",
	 offsetof(seg_member_counters, dead_letters)},
	{"commits_total", "Commits that Redis confirmed.", offsetof(seg_member_counters, commits)},
	{"commits_fenced_total", "Commits refused because a later owner had claimed the partition.",
	 offsetof(seg_member_counters, fenced)},
	{"rebalances_total", "Changes of the set of partitions that this runner owns.",
	 offsetof(seg_member_counters, rebalances)},
	{"heartbeats_total", "Heartbeats that Redis answered.", offsetof(seg_member_counters, heartbeats)},
	{"claims_total", "Partitions claimed.", offsetof(seg_member_counters, claims)},
	{"heartbeats_refused_total",
	 "Heartbeats that Redis refused (an error answer); before the first one, also calls to open the group.",
	 offsetof(seg_member_counters, refused[SEG_REFUSED_MEMBERSHIP])},
	{"claims_refused_total", "Claims of partitions that Redis refused.",
	 offsetof(seg_member_counters, refused[SEG_REFUSED_CLAIM])},
	{"reads_refused_total", "Reads of a partition that Redis refused.",
	 offsetof(seg_member_counters, refused[SEG_REFUSED_READ])},
	{"commits_refused_total", "Commits, releases, dead letters and marks that Redis refused.",
	 offsetof(seg_member_counters, refused[SEG_REFUSED_COMMIT])},
	{"rewinds_total",
	 "Positions that Redis lost in a failover or a restart; the group resumed from the newest known one.",
	 offsetof(seg_member_counters, rewinds)},
};

static const counter_row worker_counters[] = {
	{"messages_handled_total", "Messages done: handled, or dead-lettered.",
	 offsetof(seg_section_counters, handled)},
	{"retries_total", "Attempts at a message after the first one.",
	 offsetof(seg_section_counters, retries)},
};

static const counter_row worker_gauges[] = {
	{"partitions_owned", "Partitions that this runner owns and handles.",
	 offsetof(seg_section_counters, owned)},
	{"partitions_retrying", "Partitions whose next message has failed and is being retried.",
	 offsetof(seg_section_counters, retrying)},
	{"slots_waiting", "Slots of keys whose first message waits for its next attempt (parallel above 1).",
	 offsetof(seg_section_counters, slots_waiting)},
	{"lanes_busy", "Lanes that are in a call of the handler (parallel above 1).",
	 offsetof(seg_section_counters, lanes_busy)},
};

static const void *counters_of_member(const seg_section *section)
{
	return &section->member->counters;
}

static const void *counters_of_workers(const seg_section *section)
{
	return &section->counters;
}

static void write_numbers(FILE *out, const struct seg_admin *admin, const char *type, const counter_row *rows,
			  size_t count, const void *(*counters_of)(const seg_section *))
{
	for (size_t r = 0; r < count; r++) {
		family(out, rows[r].name, type, rows[r].help);
		for (size_t i = 0; i < admin->config->consumer_count; i++) {
			const seg_section *section = admin->sections[i];
			if (!section)
				continue;
			const char *base = (const char *)counters_of(section) + rows[r].offset;
			uint64_t value = strcmp(type, "gauge") == 0
						 ? atomic_load((const atomic_uint *)(const void *)base)
						 : atomic_load((const atomic_ullong *)(const void *)base);
			fprintf(out, "segmenter_%s{", rows[r].name);
			labels(out, section->config);
			fprintf(out, "} %" PRIu64 "\n", value);
		}
	}
}

#define WRITE(rows, type, counters_of) \
	write_numbers(out, admin, type, rows, sizeof(rows) / sizeof((rows)[0]), counters_of)

/* Of the sections with outputs. */
static void write_outputs(FILE *out, const struct seg_admin *admin)
{
	const seg_config *config = admin->config;
	family(out, "outputs_total", "counter",
	       "Messages that the handler has emitted, and that were added, by stream.");
	for (size_t i = 0; i < config->consumer_count; i++) {
		const seg_section *section = admin->sections[i];
		int64_t emitted;
		for (size_t k = 0; section && (emitted = seg_outputs_emitted(section->member, k)) >= 0; k++) {
			fputs("segmenter_outputs_total{", out);
			labels(out, section->config);
			fprintf(out, ",output=\"%s\"} %" PRId64 "\n", section->config->output_names[k],
				emitted);
		}
	}
	family(out, "outputs_waiting", "gauge",
	       "Messages that the handler has emitted, and that are not added yet.");
	for (size_t i = 0; i < config->consumer_count; i++) {
		const seg_section *section = admin->sections[i];
		if (!section || section->config->output_count == 0)
			continue;
		fputs("segmenter_outputs_waiting{", out);
		labels(out, section->config);
		fprintf(out, "} %" PRIu64 "\n", seg_outputs_waiting(section->member));
	}
}

static const struct {
	const char *name, *help;
} state_gauges[] = {
	{"state_bytes", "Bytes of the names and values that handlers keep for a partition of this runner."},
	{"state_values", "Values that handlers keep for a partition of this runner."},
};

/* Of a partition that keeps values. */
static void write_state(FILE *out, const struct seg_admin *admin)
{
	for (size_t g = 0; g < sizeof(state_gauges) / sizeof(state_gauges[0]); g++) {
		family(out, state_gauges[g].name, "gauge", state_gauges[g].help);
		for (size_t i = 0; i < admin->config->consumer_count; i++) {
			const seg_section *section = admin->sections[i];
			for (uint32_t p = 0; section && p < section->stream->shape.partitions; p++) {
				uint64_t bytes, count;
				if (!seg_value_load_look(section->member, p, &bytes, &count))
					continue;
				fprintf(out, "segmenter_%s{", state_gauges[g].name);
				labels(out, section->config);
				fprintf(out, ",partition=\"%" PRIu32 "\"} %" PRIu64 "\n", p,
					g ? count : bytes);
			}
		}
	}
}

static void write_histogram(FILE *out, const char *name, const seg_config_consumer *consumer,
			    const seg_durations *durations)
{
	uint64_t count = 0;
	for (unsigned i = 0; i <= SEG_DURATIONS_BOUNDS; i++) {
		count += atomic_load_explicit(&durations->buckets[i], memory_order_relaxed);
		fprintf(out, "segmenter_%s_bucket{", name);
		labels(out, consumer);
		if (i < SEG_DURATIONS_BOUNDS)
			fprintf(out, ",le=\"%g\"} %" PRIu64 "\n", (double)seg_durations_bounds[i] / 1e9,
				count);
		else
			fprintf(out, ",le=\"+Inf\"} %" PRIu64 "\n", count);
	}
	fprintf(out, "segmenter_%s_sum{", name);
	labels(out, consumer);
	fprintf(out, "} %.9g\nsegmenter_%s_count{",
		(double)atomic_load_explicit(&durations->sum, memory_order_relaxed) / 1e9, name);
	labels(out, consumer);
	fprintf(out, "} %" PRIu64 "\n", count);
}

static void write_histograms(FILE *out, const struct seg_admin *admin)
{
	family(out, "handler_duration_seconds", "histogram", "Time that the handler took for a batch.");
	for (size_t i = 0; i < admin->config->consumer_count; i++)
		if (admin->sections[i])
			write_histogram(out, "handler_duration_seconds", &admin->config->consumers[i],
					&admin->sections[i]->counters.handling);
	family(out, "commit_duration_seconds", "histogram",
	       "Time from sending a commit to Redis's confirmation.");
	for (size_t i = 0; i < admin->config->consumer_count; i++)
		if (admin->sections[i])
			write_histogram(out, "commit_duration_seconds", &admin->config->consumers[i],
					&admin->sections[i]->member->counters.committing);
}

/* --- what the plugins count ------------------------------------------------------------------- */

/* The format wants all samples of a name together, those of all sections. */
static bool is_named_before(const struct seg_admin *admin, size_t section, const char *name)
{
	seg_plugin_counter counter;
	for (size_t i = 0; i < section; i++)
		for (size_t j = 0; admin->sections[i] &&
				   seg_plugin_instance_counter(admin->sections[i]->instance, j, &counter);
		     j++)
			if (strcmp(counter.name, name) == 0)
				return true;
	return false;
}

static const char *suffix_of(const char *name)
{
	size_t length = strlen(name);
	return length >= 6 && strcmp(name + length - 6, "_total") == 0 ? "" : "_total";
}

static void write_help(FILE *out, const char *help)
{
	for (; *help; help++) {
		if (*help == '\\' || *help == '\n')
			fputc('\\', out);
		fputc(*help == '\n' ? 'n' : *help, out);
	}
}

static void write_plugin_samples(FILE *out, const struct seg_admin *admin, size_t first, const char *name)
{
	seg_plugin_counter counter;
	for (size_t i = first; i < admin->config->consumer_count; i++) {
		const seg_section *section = admin->sections[i];
		for (size_t j = 0; section && seg_plugin_instance_counter(section->instance, j, &counter);
		     j++) {
			if (strcmp(counter.name, name) != 0)
				continue;
			fprintf(out, "segmenter_plugin_%s%s{", name, suffix_of(name));
			labels(out, section->config);
			fprintf(out, "} %" PRIu64 "\n", counter.value);
		}
	}
}

static void write_plugins(FILE *out, const struct seg_admin *admin)
{
	seg_plugin_counter counter;
	for (size_t i = 0; i < admin->config->consumer_count; i++) {
		for (size_t j = 0; admin->sections[i] &&
				   seg_plugin_instance_counter(admin->sections[i]->instance, j, &counter);
		     j++) {
			if (is_named_before(admin, i, counter.name))
				continue;
			const char *suffix = suffix_of(counter.name);
			fprintf(out, "# HELP segmenter_plugin_%s%s ", counter.name, suffix);
			write_help(out, counter.help[0] ? counter.help : "A counter of the plugin.");
			fprintf(out, "\n# TYPE segmenter_plugin_%s%s counter\n", counter.name, suffix);
			write_plugin_samples(out, admin, i, counter.name);
		}
	}
}

/* --- groups, as Redis has them --------------------------------------------------------------------- */

/* False where the value is not known. */
typedef bool partition_fn(const seg_partition_snapshot *partition, double *value);

static bool lag_messages(const seg_partition_snapshot *partition, double *value)
{
	*value = (double)partition->info.lag;
	return partition->info.lag >= 0;
}

static bool lag_seconds(const seg_partition_snapshot *partition, double *value)
{
	*value = partition->behind;
	return !partition->unreachable && partition->behind >= 0;
}

static bool epoch(const seg_partition_snapshot *partition, double *value)
{
	*value = (double)partition->info.epoch;
	return true;
}

static bool position_timestamp(const seg_partition_snapshot *partition, double *value)
{
	*value = (double)partition->info.position.ms / 1e3;
	return !partition->unreachable;
}

static bool dead_letters(const seg_partition_snapshot *partition, double *value)
{
	*value = (double)partition->info.dead_letters;
	return !partition->unreachable;
}

static bool dead_letters_dropped(const seg_partition_snapshot *partition, double *value)
{
	*value = (double)partition->letters_dropped;
	return !partition->unreachable;
}

static bool dead_letters_full(const seg_partition_snapshot *partition, double *value)
{
	*value = partition->hindrance.kind == SEG_HINDRANCE_FULL;
	return !partition->unreachable;
}

static bool beyond(const seg_partition_snapshot *partition, double *value)
{
	*value = (double)partition->beyond;
	return !partition->unreachable;
}

static bool length(const seg_partition_snapshot *partition, double *value)
{
	*value = (double)partition->info.length;
	return !partition->unreachable;
}

static bool unreachable(const seg_partition_snapshot *partition, double *value)
{
	*value = partition->unreachable;
	return partition->node[0];
}

static bool on_a_node(const seg_partition_snapshot *partition, double *value)
{
	*value = 1;
	return partition->node[0];
}

static const struct {
	const char *name, *help;
	partition_fn *value;
	bool names_node; /* in a label */
} partition_gauges[] = {
	{"partition_lag_messages", "Messages of the partition that are not committed yet.", lag_messages,
	 false},
	{"partition_lag_seconds",
	 "Age of the oldest uncommitted message; 0: there is none; missing: its id is ahead of Redis's clock.",
	 lag_seconds, false},
	{"partition_epoch", "Epoch of the partition's newest assignment.", epoch, false},
	{"partition_position_timestamp_seconds",
	 "Unix time at which the newest committed message was added; 0: none is committed.",
	 position_timestamp, false},
	{"partition_dead_letters", "Dead letters in the partition's dead-letter stream.", dead_letters,
	 false},
	{"partition_dead_letters_dropped",
	 "Dead letters of the partition that ever made room for later ones (dead_letter_limit).",
	 dead_letters_dropped, false},
	{"partition_dead_letters_full",
	 "1: the partition waits, because it has dead_letter_limit dead letters; else 0.", dead_letters_full,
	 false},
	{"partition_beyond_messages",
	 "Messages of the partition after its position that are done (parallel above 1).", beyond, false},
	{"partition_log_messages",
	 "Entries in the partition's log, committed ones included; a packed entry holds many messages.",
	 length, false},
	{"partition_unreachable",
	 "1: the cluster's node that has the partition does not answer; else 0. Only on a cluster.",
	 unreachable, false},
	{"partition_node_info",
	 "Always 1; the label node holds the cluster's node that has the partition. Only on a cluster.",
	 on_a_node, true},
};

/* A node's name comes from the network. */
static void write_label(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			fputc('\\', out);
		fputc(*value == '\n' ? 'n' : *value, out);
	}
}

static void write_partitions(FILE *out, const struct seg_admin *admin, size_t i, size_t gauge)
{
	seg_observer *observer = atomic_load(&admin->observer);
	seg_observation seen = seg_observer_hold(observer, i);
	const seg_group_snapshot *group = seen.stale ? NULL : seen.group;
	for (uint32_t n = 0; group && n < group->partition_count; n++) {
		const seg_partition_snapshot *partition = &group->partitions[n];
		double value;
		if (strcmp(partition->info.owner, admin->name) != 0 ||
		    !partition_gauges[gauge].value(partition, &value))
			continue;
		fprintf(out, "segmenter_%s{", partition_gauges[gauge].name);
		labels(out, &admin->config->consumers[i]);
		fprintf(out, ",partition=\"%" PRIu32 "\"", n);
		if (partition_gauges[gauge].names_node) {
			fputs(",node=\"", out);
			write_label(out, partition->node);
			fputc('"', out);
		}
		fprintf(out, "} %.16g\n", value);
	}
	seg_observer_let_go(observer);
}

typedef double group_fn(const seg_observation *seen);

static double members(const seg_observation *seen)
{
	return (double)seen->group->roster.live;
}

static double unowned(const seg_observation *seen)
{
	uint32_t count = 0;
	for (uint32_t n = 0; n < seen->group->partition_count; n++)
		count += !seg_group_snapshot_owned(seen->group, n);
	return count;
}

static double partitions(const seg_observation *seen)
{
	return seen->group->partition_count;
}

static double generation(const seg_observation *seen)
{
	return (double)seen->group->generation;
}

static double taken_at(const seg_observation *seen)
{
	return (double)seen->taken_at / 1e9;
}

static const struct {
	const char *name, *help;
	group_fn *value;
	bool stays; /* while the group cannot be read */
} group_gauges[] = {
	{"group_members", "Members of the group with a valid lease. Each member reports the same.", members,
	 false},
	{"group_partitions", "Partitions of the stream. Each member reports the same.", partitions, false},
	{"group_partitions_unowned", "Partitions without an owner. Each member reports the same.", unowned,
	 false},
	{"group_generation",
	 "Generation of the assignment; rises with each change. Each member reports the same.", generation,
	 false},
	{"group_read_timestamp_seconds", "Unix time at which the group was last read from Redis.", taken_at,
	 true},
};

static void write_groups(FILE *out, const struct seg_admin *admin)
{
	seg_observer *observer = atomic_load(&admin->observer);
	for (size_t g = 0; g < sizeof(partition_gauges) / sizeof(partition_gauges[0]); g++) {
		family(out, partition_gauges[g].name, "gauge", partition_gauges[g].help);
		for (size_t i = 0; i < admin->config->consumer_count; i++)
			write_partitions(out, admin, i, g);
	}
	for (size_t g = 0; g < sizeof(group_gauges) / sizeof(group_gauges[0]); g++) {
		family(out, group_gauges[g].name, "gauge", group_gauges[g].help);
		for (size_t i = 0; i < admin->config->consumer_count; i++) {
			seg_observation seen = seg_observer_hold(observer, i);
			if (seen.group && (group_gauges[g].stays || !seen.stale)) {
				fprintf(out, "segmenter_%s{", group_gauges[g].name);
				labels(out, &admin->config->consumers[i]);
				fprintf(out, "} %.16g\n", group_gauges[g].value(&seen));
			}
			seg_observer_let_go(observer);
		}
	}
}

/* --- this process ----------------------------------------------------------------------------------- */

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static long resident_pages(void)
{
	long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");
	if (!statm)
		return 0;
	if (fscanf(statm, "%*d %ld", &pages) != 1)
		pages = 0;
	fclose(statm);
	return pages;
}

static int count_descriptors(void)
{
	int count = -3; /* "." and "..", and the directory's own */
	DIR *directory = opendir("/proc/self/fd");
	if (!directory)
		return 0;
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* Names that all exporters use. */
static void write_process(FILE *out, const struct seg_admin *admin)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	fprintf(out,
		"# HELP process_start_time_seconds Unix time at which the process started.\n"
		"# TYPE process_start_time_seconds gauge\n"
		"process_start_time_seconds %.3f\n"
		"# HELP process_cpu_seconds_total User and system CPU time.\n"
		"# TYPE process_cpu_seconds_total counter\n"
		"process_cpu_seconds_total %.6f\n"
		"# HELP process_resident_memory_bytes Resident memory.\n"
		"# TYPE process_resident_memory_bytes gauge\n"
		"process_resident_memory_bytes %ld\n"
		"# HELP process_open_fds Open file descriptors.\n"
		"# TYPE process_open_fds gauge\n"
		"process_open_fds %d\n",
		(double)admin->started_at / 1e9, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
		resident_pages() * sysconf(_SC_PAGESIZE), count_descriptors());
}

static void write_runner(FILE *out, const struct seg_admin *admin)
{
	family(out, "build_info", "gauge", "Always 1; the label holds the version.");
	fprintf(out, "segmenter_build_info{version=\"%s\"} 1\n", seg_version());
	family(out, "ready", "gauge", "1: every section has joined its group and Redis answers; else 0.");
	fprintf(out, "segmenter_ready %d\n", seg_health_judge(admin, NULL, NULL) != SEG_HEALTH_NOT_READY);
	family(out, "log_lines_lost_total", "counter",
	       "Lines of the log that could not be written, or that nobody read.");
	fprintf(out, "segmenter_log_lines_lost_total %" PRIu64 "\n", atomic_load(&admin->lost_lines));
}

void seg_metrics_answer(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	struct seg_admin *admin = arg;
	FILE *out = answer->body;
	(void)request;
	answer->type = "text/plain; version=0.0.4; charset=utf-8";
	seg_observer_refresh(atomic_load(&admin->observer), SNAPSHOT_AGE);
	pthread_mutex_lock(&admin->lock);
	write_runner(out, admin);
	write_process(out, admin);
	WRITE(member_counters, "counter", counters_of_member);
	WRITE(worker_counters, "counter", counters_of_workers);
	WRITE(worker_gauges, "gauge", counters_of_workers);
	write_outputs(out, admin);
	write_state(out, admin);
	write_histograms(out, admin);
	write_plugins(out, admin);
	write_groups(out, admin);
	pthread_mutex_unlock(&admin->lock);
}

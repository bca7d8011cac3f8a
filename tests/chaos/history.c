#include "chaos/history.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *chaos_reserve(void *items, size_t *room, size_t count, size_t size)
{
	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 64;
	items = realloc(items, *room * size);
	if (!items) {
		fputs("chaos: out of memory\n", stderr);
		exit(1);
	}
	return items;
}

/* --- reading --------------------------------------------------------------------- */

static bool kind_of(char event, char how, chaos_record_kind *kind)
{
	switch (event) {
	case 'o':
		*kind = CHAOS_OPEN;
		return true;
	case 'm':
		*kind = CHAOS_MESSAGE;
		return true;
	case 'c':
		*kind = how == '0' ? CHAOS_CLOSE_RELEASED : CHAOS_CLOSE_LOST;
		return true;
	case 'r':
		*kind = how == 'd' ? CHAOS_RETURN_DONE : how == 'l' ? CHAOS_RETURN_DEAD : CHAOS_RETURN_AGAIN;
		return true;
	default:
		return false;
	}
}

/* What follows in the line of a message, if a pipeline wrote the message. */
static bool parse_origin(const char *rest, const chaos_record *r, chaos_origin *origin)
{
	*origin = (chaos_origin){.partition = r->partition,
				 .key = r->key,
				 .id = r->id,
				 .number = r->number / CHAOS_PARTS_MOST,
				 .part = r->number % CHAOS_PARTS_MOST};
	return sscanf(rest, " %" SCNu32 " %" SCNu64 "-%" SCNu64 " %" SCNu64 " %" SCNx64,
		      &origin->source_partition, &origin->source_id.ms, &origin->source_id.seq,
		      &origin->chain.count, &origin->chain.hash) == 5;
}

/* *remainder: what follows in the line. */
static bool parse_record(const char *line, int process, chaos_record *record, const char **remainder)
{
	char event, how = 0;
	int used = 0, more = 0;
	*record = (chaos_record){.process = process};
	if (sscanf(line, "%c %" SCNd64 " %" SCNu64 " %" SCNu32 "%n", &event, &record->time, &record->epoch,
		   &record->partition, &used) != 4)
		return false;
	const char *rest = line + used;
	if (event == 'm' &&
	    sscanf(rest, " %" SCNu64 "-%" SCNu64 " k%" SCNu32 " %" SCNu32 "%n", &record->id.ms,
		   &record->id.seq, &record->key, &record->number, &more) != 4)
		return false;
	if (event == 'r' &&
	    sscanf(rest, " %" SCNu64 "-%" SCNu64 " %c%n", &record->id.ms, &record->id.seq, &how, &more) != 3)
		return false;
	if (event == 'c' && sscanf(rest, " %c%n", &how, &more) != 1)
		return false;
	used = 0;
	sscanf(rest + more, " %" SCNu32 "%n", &record->lane, &used);
	*remainder = rest + more + used;
	return kind_of(event, how, &record->kind);
}

static int read_file(chaos_history *history, const char *path, int process)
{
	char line[1024];
	FILE *file = fopen(path, "r");
	int status = file ? 0 : -1;
	while (file && fgets(line, sizeof(line), file)) {
		chaos_record record;
		chaos_origin origin;
		const char *rest;
		if (!parse_record(line, process, &record, &rest)) {
			fprintf(stderr, "chaos: %s: not a record: %s", path, line);
			status = -1;
			break;
		}
		chaos_append(&history->records, record);
		if (record.kind == CHAOS_MESSAGE && parse_origin(rest, &record, &origin))
			chaos_append(&history->origins, origin);
	}
	if (file)
		fclose(file);
	return status;
}

int chaos_history_read_records(chaos_history *history, const char *directory)
{
	DIR *entries = opendir(directory);
	int status = entries ? 0 : -1;
	for (const struct dirent *entry; entries && (entry = readdir(entries));) {
		char path[1024];
		int process;
		if (sscanf(entry->d_name, "records.%d", &process) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (read_file(history, path, process))
			status = -1;
	}
	if (entries)
		closedir(entries);
	return status;
}

/* --- writing --------------------------------------------------------------------- */

static FILE *create(const char *directory, const char *name, const char *title)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	if (file)
		fprintf(file, "%s\n", title);
	return file;
}

static void write_sends(const chaos_history *h, const char *directory)
{
	FILE *file = create(directory, "sends", "partition key number acknowledged id");
	for (size_t i = 0; file && i < h->sends.count; i++) {
		const chaos_send *s = &h->sends.items[i];
		fprintf(file, "%u k%u %u %s %" PRIu64 "-%" PRIu64 "\n", s->partition, s->key, s->number,
			s->acknowledged ? "yes" : "unknown", s->id.ms, s->id.seq);
	}
	if (file)
		fclose(file);
}

static void write_audits(const chaos_history *h, const char *directory)
{
	static const char *const names[] = {"claim", "commit",   "again",      "release",    "rollback",
					    "gap",   "log-lost", "group-lost", "state-lost", "all-lost"};
	FILE *file = create(directory, "audit", "time what partition epoch position");
	for (size_t i = 0; file && i < h->audits.count; i++) {
		const chaos_audit *a = &h->audits.items[i];
		fprintf(file, "%" PRId64 " %s %u %" PRIu64 " %" PRIu64 "-%" PRIu64 "\n", a->time,
			names[a->kind], a->partition, a->epoch, a->id.ms, a->id.seq);
	}
	if (file)
		fclose(file);
}

static void write_processes(const chaos_history *h, const char *directory)
{
	FILE *file = create(directory, "processes", "process what from to");
	for (size_t i = 0; file && i < h->processes.count; i++) {
		const chaos_process *p = &h->processes.items[i];
		fprintf(file, "%d %s %" PRId64 " %" PRId64 "\n", p->process, p->killed ? "killed" : "ended",
			p->killed ? p->killed_at : p->ended, p->ended);
	}
	for (size_t i = 0; file && i < h->freezes.count; i++) {
		const chaos_freeze *f = &h->freezes.items[i];
		fprintf(file, "%d frozen %" PRId64 " %" PRId64 "\n", f->process, f->from, f->to);
	}
	if (file)
		fclose(file);
}

static void write_dead_letters(const chaos_history *h, const char *directory)
{
	FILE *file = create(directory, "dead-letters", "partition id deaths");
	for (size_t i = 0; file && i < h->dead_letters.count; i++)
		fprintf(file, "%u %" PRIu64 "-%" PRIu64 " %u\n", h->dead_letters.items[i].partition,
			h->dead_letters.items[i].id.ms, h->dead_letters.items[i].id.seq,
			h->dead_letters.items[i].deaths);
	if (file)
		fclose(file);
}

static void write_deletions(const chaos_history *h, const char *directory)
{
	FILE *file = create(directory, "deletions", "time partition key number id");
	for (size_t i = 0; file && i < h->deletions.count; i++) {
		const chaos_deletion *d = &h->deletions.items[i];
		fprintf(file, "%" PRId64 " %u k%u %u %" PRIu64 "-%" PRIu64 "\n", d->time, d->partition,
			d->key, d->number, d->id.ms, d->id.seq);
	}
	if (file)
		fclose(file);
}

static void write_rollbacks(const chaos_history *h, const char *directory)
{
	FILE *file = create(directory, "rollbacks", "time until partition kept lost position epoch released");
	for (size_t i = 0; file && i < h->rollbacks.count; i++) {
		const chaos_rollback *r = &h->rollbacks.items[i];
		fprintf(file,
			"%" PRId64 " %" PRId64 " %u %" PRIu64 "-%" PRIu64 " %" PRIu64 "-%" PRIu64 " %" PRIu64
			"-%" PRIu64 " %" PRIu64 " %d\n",
			r->time, r->until, r->partition, r->kept.ms, r->kept.seq, r->lost.ms, r->lost.seq,
			r->position.ms, r->position.seq, r->epoch, r->released);
	}
	if (file)
		fclose(file);
}

static void write_losses(const chaos_history *h, const char *directory)
{
	FILE *file = create(directory, "losses", "time partition position leases");
	for (size_t i = 0; file && i < h->losses.count; i++) {
		const chaos_loss *l = &h->losses.items[i];
		fprintf(file, "%" PRId64 " %u %" PRIu64 "-%" PRIu64 " %d\n", l->time, l->partition,
			l->position.ms, l->position.seq, l->leases);
	}
	if (file)
		fclose(file);
	file = create(directory, "lost", "partition generation key number id");
	for (size_t i = 0; file && i < h->lost.count; i++) {
		const chaos_lost *l = &h->lost.items[i];
		fprintf(file, "%u %u k%u %u %" PRIu64 "-%" PRIu64 "\n", l->partition, l->generation, l->key,
			l->number, l->id.ms, l->id.seq);
	}
	if (file)
		fclose(file);
}

static void write_logged(const chaos_history *h, const char *directory)
{
	FILE *file = create(directory, "log", "partition key number id");
	for (size_t i = 0; file && i < h->logged.count; i++) {
		const chaos_logged *e = &h->logged.items[i];
		fprintf(file, "%u k%u %u %" PRIu64 "-%" PRIu64 "\n", e->partition, e->key, e->number,
			e->id.ms, e->id.seq);
	}
	if (file)
		fclose(file);
}

void chaos_history_write(const chaos_history *history, const char *directory)
{
	write_sends(history, directory);
	write_audits(history, directory);
	write_processes(history, directory);
	write_dead_letters(history, directory);
	write_deletions(history, directory);
	write_rollbacks(history, directory);
	write_losses(history, directory);
	if (history->whole_log)
		write_logged(history, directory);
}

void chaos_history_fini(chaos_history *history)
{
	free(history->sends.items);
	free(history->records.items);
	free(history->audits.items);
	free(history->processes.items);
	free(history->freezes.items);
	free(history->outages.items);
	free(history->dead_letters.items);
	free(history->deletions.items);
	free(history->rollbacks.items);
	free(history->losses.items);
	free(history->lost.items);
	free(history->logged.items);
	free(history->jumps.items);
	free(history->origins.items);
	free(history->values.items);
	free(history->held.items);
	free(history->restarts.items);
	*history = (chaos_history){0};
}

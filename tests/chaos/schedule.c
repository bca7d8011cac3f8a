#include "chaos/schedule.h"

#include <stdio.h>
#include <string.h>

enum { TABLES_MAX = 3 };

/* The tables of a topology: that of the runners, then its own. */
typedef struct {
	const chaos_fault_table *tables[TABLES_MAX];
} kinds;

static kinds kinds_of(chaos_topology topology, bool pipeline)
{
	static const kinds of_pipeline = {
		{&chaos_faults_runners, &chaos_faults_network, &chaos_faults_pipeline}};
	static const kinds all[] = {
		[CHAOS_SINGLE] = {{&chaos_faults_runners, &chaos_faults_network, &chaos_faults_single}},
		[CHAOS_CLUSTER] = {{&chaos_faults_runners, &chaos_faults_cluster}},
		[CHAOS_SENTINEL] = {{&chaos_faults_runners, &chaos_faults_sentinel}},
		[CHAOS_TLS] = {{&chaos_faults_runners, &chaos_faults_network, &chaos_faults_tls}},
	};
	/* Of a pipeline, a log that is never trimmed cannot be full. */
	return pipeline && topology == CHAOS_SINGLE ? of_pipeline : all[topology];
}

static size_t count_kinds(const kinds *k)
{
	size_t count = 0;
	for (int i = 0; i < TABLES_MAX && k->tables[i]; i++)
		count += k->tables[i]->count;
	return count;
}

static const chaos_fault_kind *kind_at(const kinds *k, size_t i)
{
	const chaos_fault_table *const *table = k->tables;
	for (; i >= (*table)->count; table++)
		i -= (*table)->count;
	return &(*table)->kinds[i];
}

void chaos_schedule_names(chaos_topology topology, bool pipeline, FILE *out)
{
	kinds k = kinds_of(topology, pipeline);
	for (size_t i = 0; i < count_kinds(&k); i++)
		fprintf(out, "%s%s", i ? " " : "", kind_at(&k, i)->name);
	fputc('\n', out);
}

bool chaos_schedule_clean(const chaos_fault *faults, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!faults[i].kind->clean)
			return false;
	return true;
}

/* SplitMix64 (Steele, Lea, Flood): the same numbers for the same seed, everywhere. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static const chaos_fault_kind *draw_kind(const kinds *k, uint64_t number)
{
	unsigned total = 0;
	for (size_t i = 0; i < count_kinds(k); i++)
		total += kind_at(k, i)->weight;
	unsigned at = (unsigned)(number % total);
	size_t i = 0;
	for (; at >= kind_at(k, i)->weight; i++)
		at -= kind_at(k, i)->weight;
	return kind_at(k, i);
}

bool chaos_schedule_draw(chaos_topology topology, bool pipeline, uint64_t seed, const char *only,
			 chaos_fault *faults, size_t count)
{
	const chaos_fault_kind *wanted = NULL;
	uint64_t state = seed;
	kinds k = kinds_of(topology, pipeline);
	for (size_t i = 0; only && i < count_kinds(&k); i++)
		if (strcmp(kind_at(&k, i)->name, only) == 0)
			wanted = kind_at(&k, i);
	if (only && !wanted)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint64_t number = next_random(&state);
		faults[i].kind = wanted ? wanted : draw_kind(&k, number);
		faults[i].slot = (int)(next_random(&state) % CHAOS_SLOTS_STEADY);
		faults[i].which = (unsigned)(next_random(&state) & 0xffffff);
		faults[i].ms = (int)(next_random(&state) % 1000);
		faults[i].gap_ms = faults[i].kind->settle_ms + 20 + (int)(next_random(&state) % 450);
	}
	return true;
}

/*
 * counters.h - the counters that a plugin publishes in one section. Any thread, but for _init and _fini.
 *
 * Readers need no lock: a counter is complete before it is counted, and never moves.
 */
#ifndef SEG_PLUGIN_COUNTERS_H
#define SEG_PLUGIN_COUNTERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <segmenter/handler.h>
#include <segmenter/segmenter.h>

enum { SEG_PLUGIN_COUNTERS_MAX = 64, SEG_PLUGIN_COUNTER_NAME_MAX = 63, SEG_PLUGIN_COUNTER_ALIGNMENT = 64 };

/* A counter's value now. The texts live as long as the counters. */
typedef struct seg_plugin_counter {
	const char *name;
	const char *help;
	uint64_t value;
} seg_plugin_counter;

typedef struct seg_plugin_counters {
	pthread_mutex_t lock; /* held to add a counter */
	_Atomic size_t count; /* published after the counter is complete */
	struct {
		/* On a cache line of its own, because workers add to it. */
		_Alignas(SEG_PLUGIN_COUNTER_ALIGNMENT) seg_counter published;
		char name[SEG_PLUGIN_COUNTER_NAME_MAX + 1];
		char *help;
	} list[SEG_PLUGIN_COUNTERS_MAX];
} seg_plugin_counters;

void seg_plugin_counters_init(seg_plugin_counters *counters);
void seg_plugin_counters_fini(seg_plugin_counters *counters);

/*
 * The counter of that name, which the first call makes; it lives as long as the counters. NULL with the
 * reason in error for an invalid name, for more than 64 counters, or if memory ran out.
 */
seg_counter *seg_plugin_counters_get(seg_plugin_counters *counters, const char *name, const char *help,
				     seg_error *error);

/* Reads counter number `index`, in the order they were made; false if there are not so many. Never blocks. */
bool seg_plugin_counters_read(const seg_plugin_counters *counters, size_t index, seg_plugin_counter *counter);

#endif

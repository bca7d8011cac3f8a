#include "plugin/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void seg_plugin_counters_init(seg_plugin_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	pthread_mutex_init(&counters->lock, NULL);
}

void seg_plugin_counters_fini(seg_plugin_counters *counters)
{
	for (size_t i = 0; i < atomic_load(&counters->count); i++)
		free(counters->list[i].help);
	pthread_mutex_destroy(&counters->lock);
}

static bool is_counter_name(const char *name)
{
	size_t length = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
	return length > 0 && length <= SEG_PLUGIN_COUNTER_NAME_MAX && !name[length];
}

/* The counter's number, or `count` if there is none. */
static size_t find(const seg_plugin_counters *counters, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(counters->list[i].name, name) == 0)
			return i;
	return count;
}

/* 0, or a status with the reason. */
static int add(seg_plugin_counters *counters, size_t count, const char *name, const char *help,
	       seg_error *error)
{
	if (count == SEG_PLUGIN_COUNTERS_MAX)
		return seg_fail(error, SEG_EINVAL, "more than %d counters; \"%s\" is ignored",
				SEG_PLUGIN_COUNTERS_MAX, name);
	counters->list[count].help = strdup(help ? help : "");
	if (!counters->list[count].help)
		return seg_fail(error, SEG_ENOMEM, "out of memory; the counter \"%s\" is ignored", name);
	snprintf(counters->list[count].name, sizeof(counters->list[count].name), "%s", name);
	atomic_store_explicit(&counters->count, count + 1, memory_order_release);
	return 0;
}

seg_counter *seg_plugin_counters_get(seg_plugin_counters *counters, const char *name, const char *help,
				     seg_error *error)
{
	if (!is_counter_name(name)) {
		seg_fail(error, SEG_EINVAL,
			 "the counter \"%.80s\" is ignored; a name is 1 to %d characters of a-z 0-9 _",
			 name ? name : "", SEG_PLUGIN_COUNTER_NAME_MAX);
		return NULL;
	}
	pthread_mutex_lock(&counters->lock);
	size_t count = atomic_load_explicit(&counters->count, memory_order_relaxed);
	size_t index = find(counters, count, name);
	int status = index == count ? add(counters, count, name, help, error) : 0;
	pthread_mutex_unlock(&counters->lock);
	return status ? NULL : &counters->list[index].published;
}

bool seg_plugin_counters_read(const seg_plugin_counters *counters, size_t index, seg_plugin_counter *counter)
{
	if (index >= atomic_load_explicit(&counters->count, memory_order_acquire))
		return false;
	*counter = (seg_plugin_counter){
		.name = counters->list[index].name,
		.help = counters->list[index].help,
		.value = __atomic_load_n(&counters->list[index].published.value, __ATOMIC_RELAXED),
	};
	return true;
}

#include "measure/entries.h"

#include <err.h>
#include <string.h>
#include <sysexits.h>

/*
 * The depth of a value in a reply to XREAD: 0 the list of streams, 1 a stream, 2 its key and its list of
 * entries, 3 an entry, 4 its ID and its list of fields, 5 the texts of the fields. The "object" of an array
 * is the mark of the array's depth.
 */
enum { DEPTHS = 8 };

/* The index of the data among the texts of an entry: partitionKey, key, data, value. */
enum { DATA_VALUE = 3 };

static char marks[DEPTHS];

static size_t depth_of(const redisReadTask *task)
{
	return task->parent ? (size_t)((char *)task->parent->obj - marks) + 1 : 0;
}

static void *take_text(const redisReadTask *task, char *text, size_t length)
{
	bench_entries *entries = task->privdata;
	if (task->type == REDIS_REPLY_ERROR)
		errx(EX_SOFTWARE, "redis-server: %s", text);
	size_t depth = depth_of(task);
	if (depth == 4 && length < ENTRIES_ID_MAX) {
		memcpy(entries->id, text, length);
		entries->id[length] = '\0';
		entries->count++;
	} else if (depth == 5 && task->idx == DATA_VALUE && entries->data) {
		entries->data(entries, text, length);
	} else if (depth == 2 && entries->stream) {
		entries->stream(entries, text, length);
	}
	return marks;
}

/* hiredis 1.0 made the number of elements a size_t. */
#if HIREDIS_MAJOR >= 1
static void *take_array(const redisReadTask *task, size_t elements)
#else
static void *take_array(const redisReadTask *task, int elements)
#endif
{
	(void)elements;
	size_t depth = depth_of(task);
	return depth < DEPTHS ? &marks[depth] : NULL;
}

static void *take_integer(const redisReadTask *task, long long value)
{
	(void)task;
	(void)value;
	return marks;
}

static void *take_nil(const redisReadTask *task)
{
	(void)task;
	return marks;
}

static void free_nothing(void *object)
{
	(void)object;
}

redisReplyObjectFunctions bench_entries_functions = {
	.createString = take_text,
	.createArray = take_array,
	.createInteger = take_integer,
	.createNil = take_nil,
	.freeObject = free_nothing,
};

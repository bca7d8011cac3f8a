/*
 * recorder.h - records for the chaos checker which messages a handler gets, when, and what it answers: what chaos_record,
 * chaos_transform and chaos_consumer share.
 *
 * Each event is one line, in one write(2), so that lines survive a kill of the process:
 *
 *     o TIME EPOCH PARTITION LANE               partition_open
 *     c TIME EPOCH PARTITION 0|1 LANE           partition_close: released, or lost
 *     m TIME EPOCH PARTITION ID KEY NUMBER LANE REST
 *                                               the handling of a message begins
 *     r TIME EPOCH PARTITION ID d|l|t LANE      the call returns: done up to ID; or ID is a dead letter, or to be retried
 *
 * TIME is ns of CLOCK_BOOTTIME. LANE is a number of its own for each partition_open of the process: with `parallel`, each of a
 * partition's lanes; of a pull consumer, which has no such calls, each of its threads. Data is "NUMBER ACTION REST". Action -: done; l: dead-lettered; t: retried once, then done.
 */
#ifndef TEST_PLUGINS_RECORDER_H
#define TEST_PLUGINS_RECORDER_H

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <segmenter/handler.h>

enum { RECORDER_REST = 128 };

typedef struct recorder {
	int fd;
	struct timespec delay; /* for each message */
	atomic_uint lanes;
} recorder;

/* A partition, or one of its lanes. */
typedef struct recorder_lane {
	uint32_t partition, lane;
	uint64_t epoch;
} recorder_lane;

static inline int64_t recorder_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void recorder_append(const recorder *r, const char *line, int length)
{
	if (write(r->fd, line, (size_t)length) != length)
		abort();
}

/* delay: ns for each message. -1, with one line in `error`: the file cannot be opened. */
static inline int recorder_start(recorder *r, const char *directory, int64_t delay, char *error,
				 size_t error_size)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/records.%d", directory, (int)getpid());
	r->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	r->delay = (struct timespec){.tv_sec = delay / 1000000000, .tv_nsec = delay % 1000000000};
	if (r->fd < 0)
		snprintf(error, error_size, "cannot open %.200s: %m", path);
	return r->fd < 0 ? -1 : 0;
}

static inline int recorder_init(recorder *r, const seg_host *host, char *error, size_t error_size)
{
	return recorder_start(r, host->option(host, "directory"), host->option_duration(host, "delay"), error,
			      error_size);
}

static inline int recorder_open(recorder *r, uint32_t partition, uint64_t epoch, recorder_lane *lane)
{
	char line[128];
	*lane = (recorder_lane){partition, atomic_fetch_add(&r->lanes, 1), epoch};
	recorder_append(r, line,
			snprintf(line, sizeof(line), "o %" PRId64 " %" PRIu64 " %" PRIu32 " %" PRIu32 "\n",
				 recorder_now(), epoch, partition, lane->lane));
	return 0;
}

static inline void recorder_close(const recorder *r, const recorder_lane *lane, seg_close_reason reason)
{
	char line[128];
	recorder_append(r, line,
			snprintf(line, sizeof(line), "c %" PRId64 " %" PRIu64 " %" PRIu32 " %d %" PRIu32 "\n",
				 recorder_now(), lane->epoch, lane->partition, (int)reason, lane->lane));
}

/* The word after the number, and what follows the word. */
static inline char recorder_action(const seg_message *m, const char **rest, size_t *rest_length)
{
	const char *data = m->data, *end = data + m->data_length;
	const char *blank = memchr(data, ' ', m->data_length);
	*rest = blank && end - blank > 3 ? blank + 3 : end;
	*rest_length = (size_t)(end - *rest);
	return blank ? blank[1] : '-';
}

/* The handling of a message begins; it takes the recorder's delay. Returns the message's action. */
static inline char recorder_message(const recorder *r, const recorder_lane *lane, const seg_batch *batch,
				    const seg_message *m)
{
	char line[512];
	const char *rest;
	size_t length;
	char action = recorder_action(m, &rest, &length);
	recorder_append(r, line,
			snprintf(line, sizeof(line),
				 "m %" PRId64 " %" PRIu64 " %" PRIu32 " %" PRIu64 "-%" PRIu64
				 " %.*s %d %" PRIu32 " %.*s\n",
				 recorder_now(), batch->epoch, batch->partition, m->id.ms, m->id.seq,
				 (int)m->key_length, (const char *)m->key, atoi(m->data), lane->lane,
				 (int)(length < RECORDER_REST ? length : RECORDER_REST), rest));
	nanosleep(&r->delay, NULL);
	return action;
}

static inline seg_answer recorder_answer(const recorder *r, const recorder_lane *lane, const seg_batch *batch,
					 size_t index, char how, seg_answer value)
{
	char line[128];
	const seg_message *m = &batch->messages[index];
	recorder_append(r, line,
			snprintf(line, sizeof(line),
				 "r %" PRId64 " %" PRIu64 " %" PRIu32 " %" PRIu64 "-%" PRIu64 " %c %" PRIu32
				 "\n",
				 recorder_now(), batch->epoch, batch->partition, m->id.ms, m->id.seq, how,
				 lane->lane));
	return value;
}

/* Whether the message's action is an answer of its own; if so, it is recorded, and in *answer. */
static inline bool recorder_act(const recorder *r, const recorder_lane *lane, const seg_batch *batch,
				size_t index, char action, seg_answer *answer)
{
	bool first = index > 0 || batch->attempt == 1;
	if (action == 'l')
		*answer = recorder_answer(r, lane, batch, index, 'l',
					  seg_dead_letter(index, "told to dead-letter"));
	else if (action == 't' && first)
		*answer = recorder_answer(r, lane, batch, index, 't', seg_retry(index, "told to try again"));
	return action == 'l' || (action == 't' && first);
}

#endif

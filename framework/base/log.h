/*
 * log.h - the way an event takes from any depth of the library to whoever writes it down.
 *
 * A seg_logger is a callback plus what its holder is about; it is copied by value and
 * narrowed on the way down (client -> stream and group -> partition and epoch). Any thread.
 */
#ifndef SEG_BASE_LOG_H
#define SEG_BASE_LOG_H

#include <segmenter/segmenter.h>

typedef struct seg_logger {
	seg_log_fn fn; /* or NULL: silence */
	void *arg;
	const char *stream; /* borrowed: outlives the logger */
	const char *group;
	int64_t partition; /* -1: none */
	uint64_t epoch;    /* 0: none */
} seg_logger;

static inline seg_logger seg_logger_make(seg_log_fn fn, void *arg)
{
	return (seg_logger){.fn = fn, .arg = arg, .partition = -1};
}

__attribute__((format(printf, 3, 4))) void seg_log(const seg_logger *logger, int level, const char *format,
						   ...);

#endif

/*
 * log.h - passes log events to the application's callback.
 *
 * A seg_logger is the callback and the things that its holder is about. It is copied by value, and each layer
 * adds what it knows: the client nothing, then stream and group, then partition and epoch. Any thread may use
 * a logger; its owner alone changes it.
 */
#ifndef SEG_BASE_LOG_H
#define SEG_BASE_LOG_H

#include <segmenter/segmenter.h>

typedef struct seg_logger {
	seg_log_fn fn; /* or NULL: no log */
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

/* Logs one sentence, cut at 1,023 bytes; control characters become blanks, and secrets *** (redact.h). logger NULL: no log. */
__attribute__((format(printf, 3, 4))) void seg_log(const seg_logger *logger, int level, const char *format,
						   ...);

#endif

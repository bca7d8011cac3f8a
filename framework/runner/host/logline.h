/*
 * logline.h - a log event as one line, as text or as JSON. Pure; any thread.
 *
 *     2026-11-23T13:00:00.123Z INFO    the partition was claimed stream=orders group=billing partition=3 epoch=17
 *     {"time":"2026-11-23T13:00:00.123Z","level":"info","message":"the partition was claimed","stream":"orders",...}
 *
 * No text can forge a line or reach the reader's terminal: control characters, and bytes that are not UTF-8, are written
 * as \xHH.
 */
#ifndef SEG_HOST_LOGLINE_H
#define SEG_HOST_LOGLINE_H

#include <stddef.h>

#include <segmenter/segmenter.h>

typedef enum seg_logfile_format { SEG_LOGFILE_TEXT = 0, SEG_LOGFILE_JSON = 1 } seg_logfile_format;

/* Room for the longest line: JSON doubles the \ of each \xHH. */
enum { SEG_LOGLINE_MAX = 5 * 2048 + 10 * 128 + 256 };

/* Writes the event, cut after 2,048 bytes of text. Returns the length, newline included; 0 if memory ran out. */
size_t seg_logline_make(char line[SEG_LOGLINE_MAX], seg_logfile_format format, const seg_log_event *event);

/*
 * The last line of a process that dies, at level error, for a signal handler: `text` has only printable ASCII without " and \,
 * and is cut after 1,024 bytes. Returns the length.
 */
size_t seg_logline_make_last(char line[SEG_LOGLINE_MAX], seg_logfile_format format, const char *text);

#endif

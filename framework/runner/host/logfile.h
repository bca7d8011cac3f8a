/*
 * logfile.h - where segrunner's log goes: one line an event, to standard error or to a file.
 *
 *     2026-11-23T13:00:00.123Z INFO    the partition was claimed stream=orders group=billing partition=3 epoch=17
 *     {"time":"2026-11-23T13:00:00.123Z","level":"info","message":"the partition was claimed","stream":"orders",...}
 *
 * A line is written with one write(2), and files are opened for appending, so lines of several threads and
 * processes do not mix. No text can forge a line or reach the reader's terminal: control characters and bytes
 * that are no UTF-8 are escaped. A process that logs to a pipe should ignore SIGPIPE.
 */
#ifndef SEG_HOST_LOGFILE_H
#define SEG_HOST_LOGFILE_H

#include <stdint.h>

#include <segmenter/segmenter.h>

typedef struct seg_logfile seg_logfile;

typedef enum seg_logfile_format { SEG_LOGFILE_TEXT = 0, SEG_LOGFILE_JSON = 1 } seg_logfile_format;

/*
 * Opens a log. path NULL is standard error; a file is made (mode 0640) where there is none, but not its
 * directory. Events below `level` (SEG_LOG_DEBUG to SEG_LOG_ERROR) are left out. 0, SEG_EINVAL with the
 * reason, or SEG_ENOMEM.
 */
int seg_logfile_open(const char *path, int level, seg_logfile_format format, seg_logfile **logfile,
		     seg_error *error);

/*
 * Writes one event; a seg_log_fn whose arg is the seg_logfile. Any thread, several at once. What cannot be
 * written is lost and counted: a log must not stop what it tells of. A text over 2,048 bytes is cut.
 */
void seg_logfile_write(void *logfile, const seg_log_event *event);

/*
 * Opens the path again, after the file was renamed (by logrotate, say); lines go to the old or to the new
 * one, and none is lost. One thread at a time, while others write. 0, or SEG_EINVAL with the reason: then the
 * old one goes on.
 */
int seg_logfile_reopen(seg_logfile *logfile, seg_error *error);

/* Any thread. */
void seg_logfile_set_level(seg_logfile *logfile, int level);

/* Any thread. */
void seg_logfile_set_format(seg_logfile *logfile, seg_logfile_format format);

/* Lines that could not be written, or not whole. Any thread. */
uint64_t seg_logfile_lost(const seg_logfile *logfile);

/* Nobody may be writing any more. NULL is allowed. */
void seg_logfile_close(seg_logfile *logfile);

#endif

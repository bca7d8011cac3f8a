/*
 * logfile.h - segrunner's log: one line for each event (logline.h), to standard error or to a file.
 *
 * Files are opened for appending, and a line is written with one write(2) where the file takes it whole, so lines of several
 * threads and processes do not mix. No thread waits for the reader of a pipe (outlet.h). A process that logs to a pipe should
 * ignore SIGPIPE.
 */
#ifndef SEG_HOST_LOGFILE_H
#define SEG_HOST_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/logline.h"

typedef struct seg_logfile seg_logfile;

/* Whether this process could open the log, which it neither opens nor creates. 0, or SEG_EINVAL with an error. Any thread. */
int seg_logfile_check(const char *path, seg_error *error);

/*
 * Opens a log; path NULL is standard error. Creates the file (mode 0640) where there is none, but not its directory. Leaves
 * out events below `level` (SEG_LOG_DEBUG to SEG_LOG_ERROR). 0, or SEG_EINVAL or SEG_ENOMEM with an error.
 */
int seg_logfile_open(const char *path, int level, seg_logfile_format format, seg_logfile **logfile,
		     seg_error *error);

/*
 * Writes one event; a seg_log_fn whose arg is the seg_logfile. Any thread, several at once. A line that cannot be written
 * is lost and counted: a full disk, or a reader that stands still, must not stop the runner. A text over 2,048 bytes is cut.
 */
void seg_logfile_write(void *logfile, const seg_log_event *event);

/*
 * Writes the lines that wait for a reader, as far as it takes them, and then how many were lost. Call it now and then, as long as
 * it returns false: lines still wait. Any thread.
 */
bool seg_logfile_flush(seg_logfile *logfile);

/*
 * The last line of a process that dies, at level error; on standard error, too, where the log is a file. For signal handlers, too, whatever they interrupted. `text` has only
 * printable ASCII without " and \\.
 */
void seg_logfile_write_last(seg_logfile *logfile, const char *text);

/*
 * Opens the path again, after logrotate, for example, has renamed the file. Other threads may write meanwhile: each line goes to
 * the old file or to the new one, and none is lost. One thread at a time. 0, or SEG_EINVAL with an error; then the log
 * keeps the old file.
 */
int seg_logfile_reopen(seg_logfile *logfile, seg_error *error);

/* Any thread. */
void seg_logfile_set_level(seg_logfile *logfile, int level);

/* Any thread. */
void seg_logfile_set_format(seg_logfile *logfile, seg_logfile_format format);

/* How many lines could not be written, or not whole. Any thread. */
uint64_t seg_logfile_lost(const seg_logfile *logfile);

/* Lines that still wait are lost. No thread may be writing any more. NULL is allowed. */
void seg_logfile_close(seg_logfile *logfile);

#endif

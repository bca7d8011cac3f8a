#include "host/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/error.h"

enum {
	TEXT_MAX = 2048,
	NAME_MAX_BYTES = 128,
	ESCAPED_MAX = 4 * TEXT_MAX + 1,
	LINE_MAX_BYTES = 5 * TEXT_MAX + 10 * NAME_MAX_BYTES + 256, /* JSON doubles the \ of \xHH */
	TIME_MAX = 32
};

struct seg_logfile {
	char *path;         /* NULL: standard error */
	int fd;             /* the number never changes: reopening puts the new file behind it */
	_Atomic int format; /* a seg_logfile_format */
	_Atomic int level;
	_Atomic uint64_t lost;
};

static const struct {
	const char *text;
	const char *json;
} level_names[] = {
	[SEG_LOG_DEBUG] = {"DEBUG  ", "debug"},
	[SEG_LOG_INFO] = {"INFO   ", "info"},
	[SEG_LOG_WARNING] = {"WARNING", "warning"},
	[SEG_LOG_ERROR] = {"ERROR  ", "error"},
};

static int known_level(int level)
{
	return level < SEG_LOG_DEBUG ? SEG_LOG_DEBUG : level > SEG_LOG_ERROR ? SEG_LOG_ERROR : level;
}

/* --- text that is safe to show -------------------------------------------------- */

/* Bytes of a UTF-8 character that begins with this one; 0 if none does. */
static size_t utf8_announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* Bytes of the UTF-8 character at c (which ends with a NUL), or 0 if it is none. */
static size_t utf8_length(const unsigned char *c)
{
	size_t length = utf8_announced(c[0]);
	for (size_t i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
	bool surrogate = c[0] == 0xed && c[1] > 0x9f;
	bool too_high = c[0] == 0xf4 && c[1] > 0x8f;
	return overlong || surrogate || too_high ? 0 : length;
}

/* C0, DEL, and C1 (as UTF-8), which terminals obey too. */
static bool is_control(const unsigned char *c)
{
	return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

/*
 * Copies up to `max` bytes of text as UTF-8 without control characters: those, and bytes that are no UTF-8,
 * as \xHH. out has room for 4 * max + 1.
 */
static char *escape(const char *text, size_t max, char *out)
{
	char *end = out;
	const unsigned char *c = (const unsigned char *)text, *stop = c + strnlen(text, max);
	while (c < stop) {
		size_t length = utf8_length(c);
		if (length == 0 || is_control(c)) {
			end += sprintf(end, "\\x%02x", *c);
			/*
			 * The second byte of a C1 character is no character of its own, and is escaped in its
			 * turn.
			 */
			c++;
			continue;
		}
		if (c + length > stop)
			break;
		memcpy(end, c, length);
		end += length;
		c += length;
	}
	*end = '\0';
	return out;
}

static void format_time(char text[TIME_MAX])
{
	int64_t now = seg_wall_clock();
	time_t seconds = (time_t)(now / SEG_SECOND);
	struct tm utc;
	gmtime_r(&seconds, &utc);
	size_t length = strftime(text, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, TIME_MAX - length, ".%03dZ", (int)(now % SEG_SECOND / SEG_MS));
}

/* --- lines: each returns its length, newline included, and 0 if memory ran out --- */

__attribute__((format(printf, 3, 4))) static void append(char *line, size_t *length, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	*length += (size_t)vsnprintf(line + *length, LINE_MAX_BYTES - *length, format, args);
	va_end(args);
}

static size_t make_text(char line[LINE_MAX_BYTES], const char *text, const seg_log_event *event)
{
	char when[TIME_MAX], name[4 * NAME_MAX_BYTES + 1];
	size_t length = 0;
	format_time(when);
	append(line, &length, "%s %s %s", when, level_names[known_level(event->level)].text, text);
	if (event->stream)
		append(line, &length, " stream=%s", escape(event->stream, NAME_MAX_BYTES, name));
	if (event->group)
		append(line, &length, " group=%s", escape(event->group, NAME_MAX_BYTES, name));
	if (event->partition >= 0)
		append(line, &length, " partition=%" PRId64, event->partition);
	if (event->epoch)
		append(line, &length, " epoch=%" PRIu64, event->epoch);
	append(line, &length, "\n");
	return length;
}

/* Names come escaped: jansson takes only what is UTF-8. */
static json_t *make_object(const char *text, const seg_log_event *event)
{
	char when[TIME_MAX], name[4 * NAME_MAX_BYTES + 1];
	format_time(when);
	json_t *object = json_pack("{ssssss}", "time", when, "level",
				   level_names[known_level(event->level)].json, "message", text);
	if (!object)
		return NULL;
	if (event->stream)
		json_object_set_new(object, "stream",
				    json_string(escape(event->stream, NAME_MAX_BYTES, name)));
	if (event->group)
		json_object_set_new(object, "group", json_string(escape(event->group, NAME_MAX_BYTES, name)));
	if (event->partition >= 0)
		json_object_set_new(object, "partition", json_integer(event->partition));
	if (event->epoch)
		json_object_set_new(object, "epoch", json_integer((json_int_t)event->epoch));
	return object;
}

static size_t make_json(char line[LINE_MAX_BYTES], const char *text, const seg_log_event *event)
{
	json_t *object = make_object(text, event);
	size_t length = object ? json_dumpb(object, line, LINE_MAX_BYTES - 1, JSON_COMPACT) : 0;
	json_decref(object);
	if (length == 0 || length > LINE_MAX_BYTES - 1)
		return 0;
	line[length] = '\n';
	return length + 1;
}

/* --- the file --------------------------------------------------------------------- */

static int open_path(const char *path, seg_error *error)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		return seg_fail(error, SEG_EINVAL,
				"cannot write the log to %s: %s; correct log_file, or its directory's rights",
				path, strerror(errno));
	return fd;
}

int seg_logfile_open(const char *path, int level, seg_logfile_format format, seg_logfile **out,
		     seg_error *error)
{
	*out = NULL;
	seg_logfile *logfile = calloc(1, sizeof(*logfile));
	if (!logfile)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	logfile->fd = STDERR_FILENO;
	atomic_store(&logfile->format, (int)format);
	atomic_store(&logfile->level, level);
	int result = 0;
	if (path) {
		logfile->path = strdup(path);
		logfile->fd = result =
			logfile->path ? open_path(path, error) : seg_fail(error, SEG_ENOMEM, "out of memory");
	}
	if (result < 0) {
		free(logfile->path);
		free(logfile);
		return result;
	}
	*out = logfile;
	return 0;
}

void seg_logfile_write(void *arg, const seg_log_event *event)
{
	seg_logfile *logfile = arg;
	if (event->level < atomic_load_explicit(&logfile->level, memory_order_relaxed))
		return;
	char text[ESCAPED_MAX], line[LINE_MAX_BYTES];
	escape(event->text, TEXT_MAX, text);
	size_t length = 0;
	switch ((seg_logfile_format)atomic_load_explicit(&logfile->format, memory_order_relaxed)) {
	case SEG_LOGFILE_TEXT:
		length = make_text(line, text, event);
		break;
	case SEG_LOGFILE_JSON:
		length = make_json(line, text, event);
		break;
	}
	int saved = errno;
	ssize_t written;
	do
		written = write(logfile->fd, line, length);
	while (written < 0 && errno == EINTR);
	if (length == 0 || written != (ssize_t)length)
		atomic_fetch_add_explicit(&logfile->lost, 1, memory_order_relaxed);
	errno = saved;
}

int seg_logfile_reopen(seg_logfile *logfile, seg_error *error)
{
	if (!logfile->path)
		return 0;
	int fd = open_path(logfile->path, error);
	if (fd < 0)
		return fd;
	/* One step: whoever writes meanwhile has the old file or the new one behind the same number. */
	int result = dup3(fd, logfile->fd, O_CLOEXEC);
	if (result < 0)
		result = seg_fail(error, SEG_EINVAL, "cannot switch the log to the new %s: %s", logfile->path,
				  strerror(errno));
	close(fd);
	return result < 0 ? result : 0;
}

void seg_logfile_set_level(seg_logfile *logfile, int level)
{
	atomic_store_explicit(&logfile->level, level, memory_order_relaxed);
}

void seg_logfile_set_format(seg_logfile *logfile, seg_logfile_format format)
{
	atomic_store_explicit(&logfile->format, (int)format, memory_order_relaxed);
}

uint64_t seg_logfile_lost(const seg_logfile *logfile)
{
	return atomic_load_explicit(&logfile->lost, memory_order_relaxed);
}

void seg_logfile_close(seg_logfile *logfile)
{
	if (!logfile)
		return;
	if (logfile->path)
		close(logfile->fd);
	free(logfile->path);
	free(logfile);
}

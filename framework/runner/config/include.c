#include "config/include.h"

#include <stdlib.h>
#include <string.h>

#include "config/expand.h"
#include "config/file.h"
#include "base/memstream.h"
#include "config/path.h"

enum { INCLUDE_DEPTH_MAX = 16, FILES_MAX = 256 };

/* A file that is being read. */
typedef struct frame {
	const seg_config_reader *reader;
	const struct frame *parent; /* the file that includes it, or NULL */
	const seg_config_file *file;
	unsigned depth;
	bool in_section;
	bool no_memory;
} frame;

/* --- the list of files ------------------------------------------------------------ */

/* NULL if memory ran out. stat may be NULL. */
static const seg_config_file *add_file(seg_config_file **files, const char *name, const struct stat *stat)
{
	seg_config_file *file = calloc(1, sizeof(*file));
	char *copy = strdup(name);
	if (!file || !copy) {
		free(file);
		free(copy);
		return NULL;
	}
	file->name = copy;
	if (stat) {
		file->device = stat->st_dev;
		file->inode = stat->st_ino;
		file->mode = stat->st_mode;
	}
	file->next = *files;
	*files = file;
	return file;
}

static size_t count_files(const seg_config_file *file)
{
	size_t count = 0;
	for (; file; file = file->next)
		count++;
	return count;
}

void seg_config_files_free(seg_config_file *files)
{
	while (files) {
		seg_config_file *file = files;
		files = file->next;
		free(file->name);
		free(file);
	}
}

/* --- whether a file may be included -------------------------------------------------- */

/* "a.ini -> b.ini -> path" */
static char *include_chain(const frame *innermost, const char *path)
{
	const frame *frames[INCLUDE_DEPTH_MAX + 1];
	size_t count = 0, size;
	char *text = NULL;
	for (const frame *f = innermost; f && count <= INCLUDE_DEPTH_MAX; f = f->parent)
		frames[count++] = f;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	while (count--)
		fprintf(out, "%s -> ", frames[count]->file->name);
	fputs(path, out);
	return seg_memstream_close(out, &text);
}

static bool is_open(const frame *innermost, const struct stat *stat)
{
	for (const frame *f = innermost; f; f = f->parent)
		if (f->file->inode == stat->st_ino && f->file->device == stat->st_dev)
			return true;
	return false;
}

/* Reports why the file may not be included. */
static bool check_include(const frame *parent, seg_config_place place, const char *path,
			  const struct stat *stat)
{
	seg_config_errors *errors = parent->reader->errors;
	bool loop = is_open(parent, stat);
	if (loop || parent->depth == INCLUDE_DEPTH_MAX) {
		char *chain = include_chain(parent, path);
		if (loop)
			seg_config_error_add(errors, place,
					     "include: %s includes itself: %s; remove one of these includes",
					     path, chain ? chain : "");
		else
			seg_config_error_add(errors, place,
					     "include: more than %d files deep: %s; nest fewer includes",
					     INCLUDE_DEPTH_MAX, chain ? chain : "");
		free(chain);
		return false;
	}
	if (count_files(*parent->reader->files) >= FILES_MAX) {
		seg_config_error_add(errors, place, "include: more than %d files in all; join some files",
				     FILES_MAX);
		return false;
	}
	return true;
}

/* --- reading -------------------------------------------------------------------------- */

static void take_section(void *arg, seg_config_place place, char *name);
static void take_pair(void *arg, seg_config_place place, const char *name, const char *value);

/* Reads the text of a file in a frame of its own. */
static void read_text(frame *f, const char *name, const struct stat *stat, const char *text, size_t length)
{
	const seg_config_sink sink = {.section = take_section, .pair = take_pair, .arg = f};
	f->file = add_file(f->reader->files, name, stat);
	if (!f->file) {
		f->no_memory = true;
		return;
	}
	f->reader->file(f->reader->sink.arg, f->file);
	seg_config_text_parse(f->file->name, text, length, &sink, f->reader->errors);
}

static void include_file(frame *parent, seg_config_place place, const char *path)
{
	const seg_config_reader *reader = parent->reader;
	seg_config_content content;
	seg_error error;
	int status = seg_config_file_read(path, false, SEG_CONFIG_FILE_MAX, &content, &error);
	if (status == SEG_ENOMEM)
		parent->no_memory = true;
	else if (status)
		seg_config_error_add(reader->errors, place, "include: %s %s", path, error.text);
	if (status)
		return;
	if (check_include(parent, place, path, &content.stat)) {
		frame child = {.reader = reader, .parent = parent, .depth = parent->depth + 1};
		read_text(&child, path, &content.stat, content.text, content.length);
		parent->no_memory |= child.no_memory;
		reader->file(reader->sink.arg, parent->file);
	}
	seg_config_content_fini(&content);
}

static void include(frame *f, seg_config_place place, const char *value)
{
	char *expanded = NULL, *path = NULL;
	seg_error error;
	int status = seg_config_expand(value, &expanded, &error);
	if (status == SEG_EINVAL)
		seg_config_error_add(f->reader->errors, place, "include: %s", error.text);
	else if (status == 0 && !*expanded)
		seg_config_error_add(f->reader->errors, place,
				     "include: the path is missing; write include = PATH");
	else if (status || !(path = seg_config_path(place.file, expanded)))
		f->no_memory = true;
	else
		include_file(f, place, path);
	free(expanded);
	free(path);
}

static void take_section(void *arg, seg_config_place place, char *name)
{
	frame *f = arg;
	f->in_section = true;
	f->reader->sink.section(f->reader->sink.arg, place, name);
}

static void take_pair(void *arg, seg_config_place place, const char *name, const char *value)
{
	frame *f = arg;
	if (!f->in_section && strcmp(name, SEG_CONFIG_INCLUDE) == 0)
		include(f, place, value);
	else
		f->reader->sink.pair(f->reader->sink.arg, place, name, value);
}

int seg_config_files_read(const seg_config_reader *reader, const char *name, const struct stat *stat,
			  const char *text, size_t length)
{
	frame top = {.reader = reader};
	read_text(&top, name, stat, text, length);
	return top.no_memory ? SEG_ENOMEM : 0;
}

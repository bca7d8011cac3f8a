/* include.c - a file's text through the parser, and the files it includes. */
#include <stdlib.h>
#include <string.h>

#include "config/expand.h"
#include "config/file.h"
#include "config/loader.h"
#include "config/memory.h"
#include "config/text.h"
#include "config/plugin_option.h"

enum { INCLUDE_DEPTH_MAX = 16, FILES_MAX = 256 };

/* Owned by the config; NULL when memory ran out. stat may be NULL. */
static struct seg_config_file *add_file(seg_config *config, const char *name, const struct stat *stat)
{
	struct seg_config_file *file = calloc(1, sizeof(*file));
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
	file->next = config->files;
	config->files = file;
	return file;
}

static void begin_section(void *arg, seg_config_place place, char *name)
{
	seg_config_section_begin(arg, place, name);
}

static void take_pair(void *arg, seg_config_place place, const char *name, const char *value)
{
	seg_config_pair_take(arg, place, name, value);
}

static void read_text(seg_config_frame *frame, const char *text, size_t length)
{
	const seg_config_sink sink = {.section = begin_section, .pair = take_pair, .arg = frame};
	seg_config_text_parse(frame->file->name, text, length, &sink, frame->loader->errors);
}

/* "a.ini -> b.ini -> path" */
static char *include_chain(const seg_config_frame *innermost, const char *path)
{
	const seg_config_frame *frames[INCLUDE_DEPTH_MAX + 1];
	size_t count = 0, size;
	char *text = NULL;
	for (const seg_config_frame *f = innermost; f && count <= INCLUDE_DEPTH_MAX; f = f->parent)
		frames[count++] = f;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	while (count--)
		fprintf(out, "%s -> ", frames[count]->file->name);
	fputs(path, out);
	return seg_config_memory_close(out, &text);
}

static bool is_open(const seg_config_frame *innermost, const struct stat *stat)
{
	for (const seg_config_frame *f = innermost; f; f = f->parent)
		if (f->file->inode == stat->st_ino && f->file->device == stat->st_dev)
			return true;
	return false;
}

static size_t count_files(const seg_config *config)
{
	size_t count = 0;
	for (const struct seg_config_file *file = config->files; file; file = file->next)
		count++;
	return count;
}

/* Whether the file may be included here; if not, says why. */
static bool check_include(seg_config_frame *frame, seg_config_place place, const char *path,
			  const struct stat *stat)
{
	seg_config_errors *errors = frame->loader->errors;
	bool loop = is_open(frame, stat);
	if (loop || frame->depth == INCLUDE_DEPTH_MAX) {
		char *chain = include_chain(frame, path);
		if (loop)
			seg_config_error_add(
				errors, place,
				"include: %s leads back to itself: %s; remove one of these includes", path,
				chain ? chain : "");
		else
			seg_config_error_add(errors, place,
					     "include: more than %d files deep: %s; include fewer in a row",
					     INCLUDE_DEPTH_MAX, chain ? chain : "");
		free(chain);
		return false;
	}
	if (count_files(frame->loader->config) >= FILES_MAX) {
		seg_config_error_add(errors, place, "include: more than %d files in all; join some",
				     FILES_MAX);
		return false;
	}
	return true;
}

static void include_file(seg_config_frame *parent, seg_config_place place, const char *path)
{
	seg_config_content content;
	seg_error error;
	int status = seg_config_file_read(path, false, SEG_CONFIG_FILE_MAX, &content, &error);
	if (status == SEG_ENOMEM)
		parent->loader->no_memory = true;
	else if (status)
		seg_config_error_add(parent->loader->errors, place, "include: %s %s", path, error.text);
	if (status)
		return;
	if (check_include(parent, place, path, &content.stat)) {
		seg_config_frame child = {.loader = parent->loader,
					  .parent = parent,
					  .depth = parent->depth + 1};
		child.file = add_file(parent->loader->config, path, &content.stat);
		if (child.file)
			read_text(&child, content.text, content.length);
		else
			parent->loader->no_memory = true;
	}
	seg_config_content_fini(&content);
}

void seg_config_include(seg_config_frame *frame, seg_config_place place, const char *value)
{
	char *expanded = NULL, *path = NULL;
	seg_error error;
	int status = seg_config_expand(value, &expanded, &error);
	if (status == SEG_EINVAL)
		seg_config_error_add(frame->loader->errors, place, "include: %s", error.text);
	else if (status == 0 && !*expanded)
		seg_config_error_add(frame->loader->errors, place,
				     "include: there is no path; write include = path");
	else if (status || !(path = seg_option_to_path(place.file, expanded)))
		frame->loader->no_memory = true;
	else
		include_file(frame, place, path);
	free(expanded);
	free(path);
}

void seg_config_main_read(seg_config_loader *loader, const char *name, const struct stat *stat,
			  const char *text, size_t length)
{
	seg_config_frame top = {.loader = loader};
	top.file = add_file(loader->config, name, stat);
	if (top.file)
		read_text(&top, text, length);
	else
		loader->no_memory = true;
}

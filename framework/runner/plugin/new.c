#include "plugin/new.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { NAME_MAX_LENGTH = 40 };

/* The files of template/; template/embed.cmake generates their definitions. */
extern const char seg_template_c[], seg_template_cpp[], seg_template_test[], seg_template_cases[],
	seg_template_cmake[], seg_template_ini[];

/* A mark in the templates, and the text that replaces it. */
typedef struct {
	const char *mark, *text;
} word;

static bool is_good_name(const char *name)
{
	/* CMake reserves these names of targets. */
	static const char *const taken[] = {"all", "clean", "help", "install", "package", "test"};
	size_t length = strlen(name);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(name, taken[i]) == 0)
			return false;
	if (length == 0 || length > NAME_MAX_LENGTH || !islower((unsigned char)name[0]))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static void write_text(FILE *out, const char *text, const word *words)
{
	while (*text) {
		const word *found = words;
		while (found->mark && strncmp(text, found->mark, strlen(found->mark)) != 0)
			found++;
		if (found->mark)
			fputs(found->text, out);
		else
			fputc(*text, out);
		text += found->mark ? strlen(found->mark) : 1;
	}
}

/* Writes the file whose name is `before` and `after` together. Returns 0, or -1 with errno. */
static int write_file(int directory, const char *before, const char *after, const char *text,
		      const word *words)
{
	char path[NAME_MAX_LENGTH + 32];
	snprintf(path, sizeof(path), "%s%s", before, after);
	int fd = openat(directory, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out)
		return -1;
	write_text(out, text, words);
	return fclose(out) ? -1 : 0;
}

static int write_files(int directory, const char *name, bool cpp)
{
	const word words[] = {{"@NAME@", name},
			      {"@SUFFIX@", cpp ? "cpp" : "c"},
			      {"@LANGUAGES@", cpp ? "C CXX" : "C"},
			      {NULL, NULL}};
	char test[NAME_MAX_LENGTH + 8];
	snprintf(test, sizeof(test), "test_%s", name);
	if (write_file(directory, name, cpp ? ".cpp" : ".c", cpp ? seg_template_cpp : seg_template_c,
		       words) ||
	    write_file(directory, test, ".c", seg_template_test, words) ||
	    write_file(directory, "cases", ".jsonl", seg_template_cases, words) ||
	    write_file(directory, "CMakeLists", ".txt", seg_template_cmake, words) ||
	    write_file(directory, name, ".ini", seg_template_ini, words))
		return -1;
	return 0;
}

int seg_plugin_new(const char *name, bool cpp)
{
	if (!is_good_name(name)) {
		fprintf(stderr,
			"segrunner: invalid plugin name \"%.80s\"; write 1 to %d characters of a-z 0-9 _, a letter "
			"first, and no name that CMake reserves (all, clean, help, install, package, test)\n",
			name, NAME_MAX_LENGTH);
		return EX_USAGE;
	}
	if (mkdir(name, 0777)) {
		fprintf(stderr, "segrunner: cannot create the directory %s: %s%s\n", name, strerror(errno),
			errno == EEXIST ? "; choose another name, or another directory" : "");
		return EX_CANTCREAT;
	}
	int directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = directory < 0 || write_files(directory, name, cpp);
	if (failed)
		fprintf(stderr, "segrunner: cannot write the files of %s: %s\n", name, strerror(errno));
	if (directory >= 0)
		close(directory);
	if (failed)
		return EX_CANTCREAT;
	printf("Created the plugin %s; its code is in %s/%s.%s. Build and test it:\n\n"
	       "    cd %s\n    cmake -B build && cmake --build build && ctest --test-dir build "
	       "--output-on-failure\n\n"
	       "Run it:\n\n    segrunner -c %s.ini\n",
	       name, name, name, cpp ? "cpp" : "c", name, name);
	return EX_OK;
}

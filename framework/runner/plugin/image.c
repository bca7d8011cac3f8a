#include "plugin/image.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "plugin/probe.h"

#define PROBE_TIMEOUT (10 * SEG_SECOND)

enum { NAME_MAX_BYTES = 64 };

struct seg_plugin_image {
	struct stat file; /* when it was loaded */
	int copy;         /* a memfd; -1: the object was loaded from the file itself */
	void *object;     /* from dlopen */
	unsigned users;
	seg_plugin_image *next;
};

static seg_plugin_image *images;

/* --- copying ----------------------------------------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Copies the file into a memfd. Returns -1 if the system refuses. */
static int copy_file(const char *path, int fd, off_t size)
{
	const char *name = strrchr(path, '/');
	int copy = memfd_create(name ? name + 1 : path, MFD_CLOEXEC);
	off_t done = 0;
	while (copy >= 0 && done < size) {
		ssize_t n = sendfile(copy, fd, &done, (size_t)(size - done));
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		close(copy);
		return -1;
	}
	return copy;
}

/* --- loading ------------------------------------------------------------------------ */

/* Messages of the dynamic loader, and how to mend each. */
static const struct {
	const char *says;
	const char *hint;
} loader_hints[] = {
	{"undefined symbol", "link the plugin with what defines it, or correct the name"},
	{"cannot open shared object file",
	 "install the library it needs, or link it with -Wl,-rpath,DIRECTORY"},
	{"' not found", "it was built on a newer system than this one: build it here"},
	{"failed to map segment", "check that its file system is not mounted noexec"},
	{"position-independent executable", "it is a program: link it with cc -shared"},
	{"static TLS", "build it without -ftls-model=initial-exec"},
};

static int fail_unloaded(const char *path, seg_error *error)
{
	const char *says = dlerror();
	if (!says)
		says = "the dynamic loader gives no reason";
	const char *hint = "run ldd on it";
	for (size_t i = 0; i < sizeof(loader_hints) / sizeof(loader_hints[0]); i++) {
		if (!strstr(says, loader_hints[i].says))
			continue;
		hint = loader_hints[i].hint;
		break;
	}
	size_t length = strlen(path);
	if (strncmp(says, path, length) == 0 && strncmp(says + length, ": ", 2) == 0)
		says += length + 2;
	return seg_fail(error, SEG_EINVAL, "the plugin %s cannot be loaded: %s; %s", path, says, hint);
}

/* The path of a copy, for the loader. Not in /proc/self, which for a debugger is the debugger. */
static void name_copy(const seg_plugin_image *image, char name[NAME_MAX_BYTES])
{
	snprintf(name, NAME_MAX_BYTES, "/proc/%ld/fd/%d", (long)getpid(), image->copy);
}

static int load_copy(seg_plugin_image *image, const char *path, seg_error *error)
{
	char name[NAME_MAX_BYTES];
	int status = seg_plugin_probe(path, image->copy, PROBE_TIMEOUT, error);
	if (status)
		return status;
	name_copy(image, name);
	image->object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	return 0;
}

/*
 * The loader opens the path once more. No other user can exchange the file meanwhile (base/trust.h); its owner can, by a
 * build, so what was loaded may not be what was checked.
 */
static int load_file(seg_plugin_image *image, const char *path, seg_error *error)
{
	void *already = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
	if (already) {
		dlclose(already);
		return seg_fail(
			error, SEG_EINVAL,
			"the plugin %s cannot be replaced while it runs, because it finds its libraries by "
			"$ORIGIN: link it with -Wl,-rpath,DIRECTORY, or restart segrunner",
			path);
	}
	int status = seg_plugin_probe(path, -1, PROBE_TIMEOUT, error);
	if (status)
		return status;
	image->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!image->object)
		return fail_unloaded(path, error);
	if (seg_plugin_image_is_of(image, path))
		return 0;
	return seg_fail(
		error, SEG_EINVAL,
		"the plugin %s was exchanged while it was loaded: start segrunner again when it is complete",
		path);
}

static seg_plugin_image *find(const struct stat *file)
{
	for (seg_plugin_image *image = images; image; image = image->next)
		if (is_same(&image->file, file))
			return image;
	return NULL;
}

int seg_plugin_image_load(const char *path, int fd, seg_plugin_image **out, seg_error *error)
{
	struct stat file;
	*out = NULL;
	if (fstat(fd, &file))
		return seg_fail(error, SEG_ESYSTEM, "cannot read the plugin %s: %s", path, strerror(errno));
	*out = find(&file);
	if (*out) {
		(*out)->users++;
		return 0;
	}
	seg_plugin_image *image = calloc(1, sizeof(*image));
	if (!image)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	image->file = file;
	image->users = 1;
	image->copy = copy_file(path, fd, file.st_size);
	image->next = images;
	images = image;
	int status = image->copy >= 0 ? load_copy(image, path, error) : 0;
	if (status == 0 && !image->object)
		status = load_file(image, path, error);
	if (status)
		seg_plugin_image_unload(image);
	else
		*out = image;
	return status;
}

/*
 * Some code cannot be unmapped, such as C++ with unique symbols. Its copy stays open: another copy that got
 * the same descriptor would get the same path, and the loader would take it for this one.
 */
static void close_copy(const seg_plugin_image *image)
{
	char name[NAME_MAX_BYTES];
	name_copy(image, name);
	void *mapped = image->object ? dlopen(name, RTLD_NOW | RTLD_NOLOAD) : NULL;
	if (mapped)
		dlclose(mapped);
	else
		close(image->copy);
}

void seg_plugin_image_unload(seg_plugin_image *image)
{
	if (!image || --image->users > 0)
		return;
	seg_plugin_image **link = &images;
	while (*link != image)
		link = &(*link)->next;
	*link = image->next;
	if (image->object)
		dlclose(image->object);
	if (image->copy >= 0)
		close_copy(image);
	free(image);
}

void *seg_plugin_image_symbol(const seg_plugin_image *image, const char *name)
{
	return dlsym(image->object, name);
}

bool seg_plugin_image_is_of(const seg_plugin_image *image, const char *path)
{
	struct stat file;
	return stat(path, &file) == 0 && is_same(&image->file, &file);
}

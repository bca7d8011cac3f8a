/*
 * paths.h - the files of an embedded Redis: where they are in its data directory. One thread.
 */
#ifndef SEG_EMBEDDED_PATHS_H
#define SEG_EMBEDDED_PATHS_H

#include <segmenter/segmenter.h>

typedef struct seg_embedded_paths {
	char *directory; /* absolute, without symbolic links */
	char *socket;
	char *log;
	char *pid;
	char *start_lock;
	char *users_lock;
	char *server_lock;
} seg_embedded_paths;

/*
 * Creates the directory (mode 0700) if only its last part is missing, and checks that it can be used, and that no other user
 * can change what is in it (base/trust.h). 0, or SEG_EINVAL or SEG_ENOMEM with an error. seg_embedded_paths_fini in any case.
 */
int seg_embedded_paths_init(seg_embedded_paths *paths, const char *directory, seg_error *error);
void seg_embedded_paths_fini(seg_embedded_paths *paths);

/* The same checks, before a start: creates nothing. A directory that is missing is good, unless its name is too long. */
int seg_embedded_paths_check(const char *directory, seg_error *error);

/*
 * "unix:///data/redis.sock": the address of the server on a directory, for seg_client_options; special characters are
 * escaped. The directory is absolute. The caller frees it; NULL if out of memory.
 */
char *seg_embedded_paths_address(const char *directory);

#endif

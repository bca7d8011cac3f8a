/*
 * trust.h - opens a file that no other user of this machine can have exchanged. Any thread.
 *
 * A user is trusted who is root or the user of this process. A path is trusted if each directory that leads to the file,
 * through symbolic links too, belongs to a trusted user, and only trusted users can rename what is in it. So nobody else
 * can change which file the path names, before or after it is opened.
 */
#ifndef SEG_BASE_TRUST_H
#define SEG_BASE_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>

#include <segmenter/segmenter.h>

/*
 * Opens `path` as open(2) does, with O_CLOEXEC, for reading or as a directory: it creates nothing. Returns the descriptor;
 * SEG_EINVAL, with the directory or the link that is not trusted and how to mend it in error; or SEG_ESYSTEM with errno
 * and no error. Does not judge the last part of the path: use seg_trust_judge on what was opened.
 */
int seg_trust_open(const char *path, int flags, seg_error *error);

/* Who else can change a file or a directory. */
typedef enum seg_trust {
	SEG_TRUST_GOOD,     /* nobody */
	SEG_TRUST_OWNER,    /* its owner: neither root nor the user of this process */
	SEG_TRUST_EVERYONE, /* every user may write to it */
	SEG_TRUST_GROUP     /* its group may: neither root's group nor that of this process */
} seg_trust;

seg_trust seg_trust_judge(const struct stat *status);

/* Whether the owner is root or the user of this process. */
bool seg_trust_is_owner(const struct stat *status);

#endif

/*
 * unsent.h - the lines that were not sent, or of which that is not known, as ranges of their files. One thread at a time.
 */
#ifndef CTL_UNSENT_H
#define CTL_UNSENT_H

#include <stddef.h>
#include <stdint.h>

typedef struct ctl_unsent_line {
	uint32_t file; /* index of the file's name */
	uint64_t number;
} ctl_unsent_line;

typedef struct ctl_unsent {
	ctl_unsent_line *list;
	size_t count, room;
} ctl_unsent;

void ctl_unsent_add(ctl_unsent *unsent, uint32_t file, uint64_t number);

/*
 * "a.txt:3-5, 9 and b.txt:1": sorts the lines, and names the first ranges of them. Returns text, "" for no lines.
 * names[file] is a file's name.
 */
char *ctl_unsent_text(ctl_unsent *unsent, const char *const *names, char *text, size_t size);

void ctl_unsent_free(ctl_unsent *unsent);

#endif

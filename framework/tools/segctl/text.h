/* text.h - values and sentences as people read them. */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CTL_TEXT_MAX = 32, CTL_TEXT_WIDTH = 80 };

/* "0 s", "4.2 s", "3 min", "2 h 5 min", "3 d 4 h". Returns text. */
char *ctl_duration_text(double seconds, char text[CTL_TEXT_MAX]);

/* "2026-11-23T13:00:00.250Z". Returns text. */
char *ctl_time_text(uint64_t ms, char text[CTL_TEXT_MAX]);

/* "1,234,567". Returns text. */
char *ctl_count_text(uint64_t count, char text[CTL_TEXT_MAX]);

/* Bytes as text: each byte that is not part of a printable character of the locale as \xNN. The caller frees it. */
char *ctl_printable(const void *bytes, size_t length);

/* printf to standard output, through ctl_escape_write: names in Redis are what any program wrote. */
__attribute__((format(printf, 1, 2))) void ctl_say(const char *format, ...);

/* The number of terminal columns that a printable text takes. */
int ctl_text_width(const char *text);

/*
 * Prints a sentence, broken at blanks so that no line is longer than CTL_TEXT_WIDTH. The first line begins at `column`,
 * where the cursor is; the others are indented that far. Ends with a line break. Text is ASCII.
 */
void ctl_text_wrap(const char *text, int column, FILE *out);

#endif

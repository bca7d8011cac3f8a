/* text.h - values as people read them. Pure. */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { CTL_TEXT_MAX = 32 };

/* "0 s", "4.2 s", "3 min", "2 h 5 min", "3 d 4 h". Returns text. */
char *ctl_duration_text(double seconds, char text[CTL_TEXT_MAX]);

/* "2026-11-23T13:00:00.250Z". Returns text. */
char *ctl_time_text(uint64_t ms, char text[CTL_TEXT_MAX]);

/* "1,234,567". Returns text. */
char *ctl_count_text(uint64_t count, char text[CTL_TEXT_MAX]);

/* Bytes with all that is no printable character of the locale as \xNN; freed by the caller. */
char *ctl_printable(const void *bytes, size_t length);

/* How many columns of a terminal a printable text takes. */
int ctl_text_width(const char *text);

#endif

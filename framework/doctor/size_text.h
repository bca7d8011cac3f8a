/* size_text.h - numbers of bytes as people read them. Pure; any thread. */
#ifndef SEG_DOCTOR_SIZE_TEXT_H
#define SEG_DOCTOR_SIZE_TEXT_H

#include <stdint.h>

enum { SEG_SIZE_TEXT_MAX = 32 };

/* "920 KiB", "1.5 MiB". Returns text. */
char *seg_size_text(int64_t bytes, char text[SEG_SIZE_TEXT_MAX]);

#endif

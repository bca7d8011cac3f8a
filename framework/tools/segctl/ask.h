/* ask.h - the question before what cannot be undone. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <stdbool.h>

/*
 * Asks "<what>? [y/N]" where both ends are a terminal; `yes` (--yes) answers it. 0: go on; else an exit code,
 * the reason printed: it was declined, or there is nobody to ask.
 */
__attribute__((format(printf, 2, 3))) int ctl_ask(bool yes, const char *format, ...);

#endif

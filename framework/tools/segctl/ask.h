/* ask.h - asks for confirmation before a change that cannot be undone. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <stdbool.h>

/*
 * Asks "<what>? [y/N]" on the terminal, unless `yes` (--yes) is given. 0: continue. Else an exit code, the reason printed:
 * the answer was no, or standard input or standard error is not a terminal.
 */
__attribute__((format(printf, 2, 3))) int ctl_ask(bool yes, const char *format, ...);

#endif

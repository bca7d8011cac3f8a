/* exit_code.h - what a failure to start means for the process: waiting for it to pass, or an exit code. Pure. */
#ifndef SEG_HOST_EXIT_CODE_H
#define SEG_HOST_EXIT_CODE_H

#include <stdbool.h>

/* Whether it may pass by waiting: Redis is away. */
bool seg_status_passes(int status);

/* The sysexits(3) code for a seg_status that does not. */
int seg_exit_code_of(int status);

#endif

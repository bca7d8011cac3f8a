/* exit_code.h - what a failure to start means for the process: to wait until it passes, or to exit. Pure. */
#ifndef SEG_HOST_EXIT_CODE_H
#define SEG_HOST_EXIT_CODE_H

#include <stdbool.h>

/* Whether the failure may pass: Redis is away. */
bool seg_status_passes(int status);

/* The sysexits(3) code for a failure that does not pass. `status` is a seg_status. */
int seg_exit_code_of(int status);

#endif

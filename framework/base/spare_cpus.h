/*
 * spare_cpus.h - the CPUs that threads may keep busy with looking (idle = spin). Two of the process's CPUs stay free for Redis, for
 * handlers, and for whatever else runs on the machine: a thread that looks all the time takes the CPU from what it waits for.
 */
#ifndef SEG_BASE_SPARE_CPUS_H
#define SEG_BASE_SPARE_CPUS_H

#include <stdbool.h>

/* Takes a spare CPU, until _give_back. False: none is left, and the thread must wait in another way. Any thread. */
bool seg_spare_cpu_take(void);
void seg_spare_cpu_give_back(void);

/* How many CPUs are spare where a process may run on `cpus` CPUs, for `quota` thousandths of a CPU (0: without a limit). */
int seg_spare_cpus_of(int cpus, long quota);

/*
 * The quota that the text of a control group's cpu.max sets ("max 100000", "150000 100000"), in thousandths of a CPU. 0: none.
 */
long seg_spare_cpus_quota(const char *text);

#endif

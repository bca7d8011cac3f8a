/*
 * process.h - the processes that are measured: programs, and functions of segbench's in a process of their
 * own, so that CPU time and memory are theirs alone.
 *
 * They die with segbench. All waits end the program when it was interrupted.
 */
#ifndef SEGBENCH_MEASURE_PROCESS_H
#define SEGBENCH_MEASURE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes SIGINT and SIGTERM end the program through exit(3) from the next wait on. */
void bench_process_init(void);

/*
 * Starts a program with these further names and values in its environment, ended by NULL, or NULL for none.
 * What it says is appended to the file `output`.
 */
pid_t bench_process_start(const char *const *argv, const char *const *environment, const char *output);

/* Runs function(arg) in a child process; what it returns is the exit code. */
pid_t bench_process_fork(int (*function)(void *arg), void *arg);

/* Whether it has ended; then it is gone. */
bool bench_process_has_ended(pid_t pid);

/* Waits for its end; returns the highest resident memory in bytes. Ends the program if it failed. */
uint64_t bench_process_wait(pid_t pid, const char *name);

/* Kills it, and waits. */
void bench_process_kill(pid_t pid);

/* CPU time of a process that runs, all threads, in ns. */
int64_t bench_process_cpu(pid_t pid);

/* A line of /proc/PID/status in bytes: "VmRSS" (resident now), "VmHWM" (its highest so far). */
uint64_t bench_process_memory(pid_t pid, const char *line);

/* VmHWM starts anew. */
void bench_process_reset_peak(pid_t pid);

void bench_pause_ms(int ms);

/* The path of the program `name`, or of the module "NAME.so": beside segbench, as built or as installed. */
void bench_process_find(const char *name, char *path, size_t size);

#endif

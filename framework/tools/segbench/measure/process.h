/*
 * process.h - runs what segbench measures in child processes, so that each has its own CPU time and memory:
 * programs, and functions of segbench.
 *
 * The child processes die with segbench. After SIGINT or SIGTERM, the next wait ends the program. A function
 * that fails ends the program with one line on stderr and an exit code of sysexits(3).
 */
#ifndef SEGBENCH_MEASURE_PROCESS_H
#define SEGBENCH_MEASURE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes SIGINT and SIGTERM end the program through exit(3) from the next wait on. */
void bench_process_init(void);

/*
 * Starts a program. `environment` adds variables: names and values in turn, then NULL; or NULL for none. The
 * program's stdout and stderr are appended to the file `output`.
 */
pid_t bench_process_start(const char *const *argv, const char *const *environment, const char *output);

/* Whether the program is in a directory of PATH, or in one of the directories for servers, as `path`. */
bool bench_process_is_installed(const char *program, char *path, size_t size);

/* Runs function(arg) in a child process. The function returns the exit code. */
pid_t bench_process_fork(int (*function)(void *arg), void *arg);

/* Whether the process has ended. If so, its pid is free again. */
bool bench_process_has_ended(pid_t pid);

/*
 * Waits until the process ends; returns its highest resident memory in bytes. Ends the program if the process
 * failed.
 */
uint64_t bench_process_wait(pid_t pid, const char *name);

/* Sends SIGKILL, and waits until the process has ended. */
void bench_process_kill(pid_t pid);

/* The CPU time of a running process, all threads, in ns. */
int64_t bench_process_cpu(pid_t pid);

/* The number in a line of /proc/PID/status, such as "Threads". 0 without such a line. */
uint64_t bench_process_status(pid_t pid, const char *line);

/*
 * A line of /proc/PID/status in bytes: "VmRSS" (resident now), "VmHWM" (the highest so far). 0 without such a
 * line.
 */
uint64_t bench_process_memory(pid_t pid, const char *line);

/* Sets VmHWM to the memory that is resident now. */
void bench_process_reset_peak(pid_t pid);

void bench_pause_ms(int ms);

/*
 * Finds the program `name` or the module "NAME.so", in this order: in segbench's directory, two directories
 * above (as built), in the plugin directory relative to segbench, in the plugin directory of the build. Ends
 * the program with EX_UNAVAILABLE if no place has the file.
 */
void bench_process_find(const char *name, char *path, size_t size);

#endif

/*
 * progress.h - shows on stderr what segbench is measuring: a line, which a terminal shows in place of the
 * last one.
 */
#ifndef SEGBENCH_MEASURE_PROGRESS_H
#define SEGBENCH_MEASURE_PROGRESS_H

__attribute__((format(printf, 1, 2))) void bench_progress(const char *format, ...);

/* Clears the line on a terminal. Call this before a write to stdout. */
void bench_progress_clear(void);

#endif

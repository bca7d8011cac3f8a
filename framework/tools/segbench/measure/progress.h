/* progress.h - one line on stderr that says what is being measured: rewritten in place on a terminal. */
#ifndef SEGBENCH_MEASURE_PROGRESS_H
#define SEGBENCH_MEASURE_PROGRESS_H

__attribute__((format(printf, 1, 2))) void bench_progress(const char *format, ...);

/* Takes the line away, before something is written to stdout. */
void bench_progress_clear(void);

#endif

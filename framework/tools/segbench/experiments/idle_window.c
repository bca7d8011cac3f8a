#include "experiments/idle_window.h"

#include "measure/monitor.h"
#include "measure/process.h"
#include "measure/tally.h"

void bench_idle_window_measure(bench_idle_window *window, const bench_workload *workload, pid_t pid, int ms)
{
	redisContext *monitor = bench_monitor_open(workload->server);
	int64_t at = tally_now(), before = bench_process_cpu(pid);
	bench_pause_ms(ms);
	double span = (double)(tally_now() - at);
	bench_series_add(&window->cpu, (double)(bench_process_cpu(pid) - before) / span * 100);
	bench_series_add(&window->commands, bench_monitor_close(monitor, workload->server) / span * 1e9);
	bench_series_add(&window->memory, (double)bench_process_memory(pid, "VmRSS") / 1048576);
}

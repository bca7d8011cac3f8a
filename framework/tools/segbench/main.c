/*
 * main.c - the command line of segbench.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "process.h"
#include "way.h"

static bench_server server;
static pid_t owner;

static void stop_server(void)
{
	if (getpid() == owner)
		bench_server_stop(&server);
}

int main(void)
{
	bench_workload workload;
	owner = getpid();
	bench_process_init();
	atexit(stop_server);
	bench_server_start(&server, false);
	bench_workload_init(&workload, &server);
	workload.partitions = 8;
	workload.size = 100;
	workload.messages = 2000000;
	bench_workload_fill(&workload);
	for (int i = 0; i < 5; i++) {
		bench_measure m, s;
		bench_way_measure(&bench_way_bare, &workload, &m);
		bench_way_measure(&bench_way_segrunner, &workload, &s);
		printf("bare %.0f msg/s client %.0f server %.0f | segrunner %.0f client %.0f server %.0f | ratio %.3f\n",
		       (double)m.messages / (double)m.wall * 1e9, (double)m.client_cpu / (double)m.messages,
		       (double)m.server_cpu / (double)m.messages, (double)s.messages / (double)s.wall * 1e9,
		       (double)s.client_cpu / (double)s.messages, (double)s.server_cpu / (double)s.messages,
		       (double)m.wall / (double)s.wall);
	}
	return EX_OK;
}

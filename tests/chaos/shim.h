/*
 * shim.h - what the library shim_preload.c changes in a process that preloads it: its wall clock, and whether it can start threads.
 * The process maps the file that the environment variable CHAOS_SHIM names; the run maps it, too, and writes to it at any time.
 */
#ifndef CHAOS_SHIM_H
#define CHAOS_SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct chaos_shim {
	_Atomic int64_t clock_ms; /* so much later is its wall clock; negative: earlier */
	atomic_bool no_threads;   /* it can start none */
} chaos_shim;

/* Makes the file, with nothing changed, and maps it for as long as this process lives. Ends the program if it cannot. */
chaos_shim *chaos_shim_make(const char *path);

/* The variables, each NAME=VALUE, with which a process preloads the library with that file; then NULL. Never freed. */
const char *const *chaos_shim_environment(const char *path);

#endif

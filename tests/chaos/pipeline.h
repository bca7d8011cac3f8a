/*
 * pipeline.h - a run in which segrunners read "chaos", write CHAOS_OUTPUT and keep values (chaos_transform), and read what they
 * have written (chaos_record): what such a run has beside any other. Main thread only.
 */
#ifndef CHAOS_PIPELINE_H
#define CHAOS_PIPELINE_H

#include "chaos/faults.h"

/* Registers the output, which is never trimmed where the topology keeps all. Ends the program on failure. */
void chaos_pipeline_open(const chaos_servers *servers);

/*
 * At the end: reads the values, and the records of the output's readers in DIRECTORY/output; and tells the output's history what happened to
 * processes and to Redis. Returns how many things went wrong.
 */
int chaos_pipeline_read_values(chaos_world *world);
int chaos_pipeline_read_records(chaos_history *input, chaos_history *output, const char *directory);

#endif

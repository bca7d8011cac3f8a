/*
 * output.h - `outputs = NAME, ...` and `output.NAME.partitions = ...` of a [consumer] section: the streams to which its handler may
 * emit. Main thread.
 */
#ifndef SEG_CONFIG_OUTPUT_H
#define SEG_CONFIG_OUTPUT_H

#include "config/loader.h"

/* The start of the names of these options, in a section. */
#define SEG_CONFIG_OUTPUT "output."

/* Takes `output.NAME.OPTION = value`; name: without "output.". */
void seg_config_output_take(seg_config_loader *loader, seg_config_place place, const char *name,
			    const char *value);

/* Completes and checks the outputs of consumer i, whose other options are set, against itself and the consumers before it. */
void seg_config_output_check(seg_config_loader *loader, size_t i);

/* After the check of all consumers: reports sections that emit to each other in a circle. */
void seg_config_output_check_loops(seg_config_loader *loader);

/* Whether both register the same outputs with the same shapes; the lists themselves are compared as options. */
bool seg_config_output_same(const seg_config_consumer *a, const seg_config_consumer *b);

void seg_config_output_free(seg_config_consumer *consumer);

#endif

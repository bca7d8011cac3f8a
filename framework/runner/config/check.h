/*
 * check.h - finds what no single line shows: missing options, and options that contradict each other. Main
 * thread.
 */
#ifndef SEG_CONFIG_CHECK_H
#define SEG_CONFIG_CHECK_H

#include "config/loader.h"

/* Adds an error or a warning for each problem. Reads the files of secrets, too. */
void seg_config_check(seg_config_loader *loader);

#endif

/* pair.h - puts a pair into a field of its section. Main thread. */
#ifndef SEG_CONFIG_PAIR_H
#define SEG_CONFIG_PAIR_H

#include "config/loader.h"

/* Takes a pair of the loader's section, or one above the file's first section, which is an error. */
void seg_config_pair_take(seg_config_loader *loader, seg_config_place place, const char *name,
			  const char *value);

#endif

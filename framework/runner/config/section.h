/* section.h - begins the section of each header, and tells pairs which section they are in. Main thread. */
#ifndef SEG_CONFIG_SECTION_H
#define SEG_CONFIG_SECTION_H

#include "config/loader.h"

/*
 * Begins a section. `name` is the text between the brackets, and is changed; NULL for a header that was
 * reported.
 */
void seg_config_section_begin(seg_config_loader *loader, seg_config_place place, char *name);

/* The struct that the section's fields are in, and where they were set. The loader is SEG_CONFIG_IN_SECTION. */
void *seg_config_section_base(seg_config_loader *loader);
seg_config_given *seg_config_section_given(seg_config_loader *loader);

/* "[redis]", "[consumer orders]". Writes into and returns title[size]. */
char *seg_config_section_title(seg_config_loader *loader, char *title, size_t size);

#endif

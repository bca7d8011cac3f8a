#include "config/loader.h"

seg_config_place seg_config_place_of(const seg_config_loader *loader, const seg_config_given *given,
				     seg_config_section section, const char *name)
{
	seg_config_place place = given->at[seg_config_row_find(section, name) - seg_config_rows];
	if (!place.line)
		place.file = loader->config->file;
	return place;
}

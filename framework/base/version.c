#include <segmenter/segmenter.h>

const char *seg_version(void)
{
	return SEG_VERSION;
}

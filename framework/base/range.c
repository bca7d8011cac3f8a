#include "base/range.h"

#include <inttypes.h>

#include "base/error.h"

int seg_range_check(const char *name, uint64_t value, uint64_t low, uint64_t high, seg_error *error)
{
	if (value >= low && value <= high)
		return 0;
	return seg_fail(error, SEG_EINVAL, "%s is %" PRIu64 "; it must be %" PRIu64 " to %" PRIu64, name,
			value, low, high);
}

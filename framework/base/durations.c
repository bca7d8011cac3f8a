#include "base/durations.h"

#define US INT64_C(1000)
#define MS (1000 * US)
#define S (1000 * MS)

const int64_t seg_durations_bounds[SEG_DURATIONS_BOUNDS] = {
	50 * US, 100 * US, 250 * US, 500 * US, 1 * MS, 5 * MS / 2, 5 * MS, 10 * MS, 25 * MS,
	50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S,  5 * S / 2,  5 * S,  10 * S,  30 * S,
};

#include "partition/share.h"

#include "base/clock.h"

/* Bounds of what one lane takes. */
#define SHORTEST (0.2 * (double)SEG_MS)
#define LONGEST (100.0 * (double)SEG_MS)

/* The newest messages count for so much of what is known. */
enum { COST_WEIGHT = 8 };

void seg_share_note(seg_share *s, int64_t took, size_t count)
{
	double cost = (double)took / (double)count;
	s->cost = s->cost > 0 ? s->cost + (cost - s->cost) / COST_WEIGHT : cost;
}

size_t seg_share_of(const seg_share *s, uint64_t ready, unsigned lanes, size_t most)
{
	double share = (double)ready / lanes;
	if (s->cost > 0 && share > LONGEST / s->cost)
		share = LONGEST / s->cost;
	if (s->cost > 0 && share < SHORTEST / s->cost)
		share = SHORTEST / s->cost;
	if (share > (double)most)
		return most;
	return share < 1 ? 1 : (size_t)share;
}

size_t seg_share_of_slots(size_t ready, unsigned lanes)
{
	return (ready + lanes - 1) / lanes;
}

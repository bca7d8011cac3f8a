#include "group/beat.h"

static int64_t length(const seg_beat *beat, int64_t interval, bool awaited)
{
	if (interval == 0 || awaited)
		return interval;
	int64_t spread = beat->sent * SEG_BEAT_PER_COMMIT;
	if (spread > SEG_BEAT_MOST)
		spread = SEG_BEAT_MOST;
	return spread > interval ? spread : interval;
}

int64_t seg_beat_next(const seg_beat *beat, int64_t interval, bool awaited, int64_t now)
{
	return now == beat->at ? now : beat->at + length(beat, interval, awaited);
}

void seg_beat_note(seg_beat *beat, int64_t interval, bool awaited, int64_t now)
{
	if (now != beat->at && now >= seg_beat_next(beat, interval, awaited, now))
		*beat = (seg_beat){.at = now};
	beat->sent += now == beat->at;
}

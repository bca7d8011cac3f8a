#include "group/beat.h"

static int64_t length(const seg_beat *beat, int64_t interval, bool awaited)
{
	int64_t spread = beat->sent * SEG_BEAT_PER_COMMIT;
	if (interval == 0 || awaited || spread < interval)
		return interval;
	int64_t most = interval > SEG_BEAT_MOST ? interval : SEG_BEAT_MOST;
	return spread < most ? spread : most;
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

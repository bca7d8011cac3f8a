#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <segmenter/segmenter.h>

#include "base/whole_number.h"

char *seg_id_format(seg_id id, char *text)
{
	snprintf(text, SEG_ID_TEXT_MAX, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
	return text;
}

int seg_id_parse(const char *text, seg_id *id)
{
	seg_id parsed = {0, 0};
	const char *end = text ? text + strlen(text) : NULL;
	if (!text || !id || !seg_whole_number_read(&text, end, &parsed.ms))
		return SEG_EINVAL;
	if (*text == '-') {
		text++;
		if (!seg_whole_number_read(&text, end, &parsed.seq))
			return SEG_EINVAL;
	}
	if (text < end)
		return SEG_EINVAL;
	*id = parsed;
	return 0;
}

int seg_id_compare(seg_id a, seg_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	if (a.seq != b.seq)
		return a.seq < b.seq ? -1 : 1;
	return 0;
}

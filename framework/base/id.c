#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include <segmenter/segmenter.h>

char *seg_id_format(seg_id id, char *text)
{
	snprintf(text, SEG_ID_TEXT_MAX, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
	return text;
}

/* Reads digits up to the first other character; false if there are none, or if they overflow 64 bits. */
static bool read_number(const char **text, uint64_t *number)
{
	const char *p = *text;
	uint64_t value = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return false;
	bool any = p > *text;
	*text = p;
	*number = value;
	return any;
}

int seg_id_parse(const char *text, seg_id *id)
{
	seg_id parsed = {0, 0};
	if (!text || !id || !read_number(&text, &parsed.ms))
		return SEG_EINVAL;
	if (*text == '-') {
		text++;
		if (!read_number(&text, &parsed.seq))
			return SEG_EINVAL;
	}
	if (*text)
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

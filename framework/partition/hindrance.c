#include "partition/hindrance.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/plural.h"
#include "base/units.h"

const char *const seg_hindrance_names[] = {
	[SEG_HINDRANCE_NONE] = "none",
	[SEG_HINDRANCE_RETRY] = "retry",
	[SEG_HINDRANCE_HANG] = "hang",
	[SEG_HINDRANCE_FULL] = "full",
	[SEG_HINDRANCE_BEYOND] = "beyond",
	[SEG_HINDRANCE_TARGET] = "target",
	[SEG_HINDRANCE_REPLICAS] = "replicas",
	[SEG_HINDRANCE_REFUSED] = "refused",
	NULL,
};

bool seg_hindrance_is_counted(seg_hindrance_kind kind)
{
	switch (kind) {
	case SEG_HINDRANCE_NONE:
	case SEG_HINDRANCE_REFUSED:
		return false;
	case SEG_HINDRANCE_RETRY:
	case SEG_HINDRANCE_HANG:
	case SEG_HINDRANCE_FULL:
	case SEG_HINDRANCE_BEYOND:
	case SEG_HINDRANCE_TARGET:
	case SEG_HINDRANCE_REPLICAS:
		return true;
	}
	return false;
}

void seg_hindrance_set_text(seg_hindrance *hindrance, const char *text)
{
	snprintf(hindrance->text, sizeof(hindrance->text), "%s", text);
	for (char *c = hindrance->text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
}

static void tell_retry(const seg_hindrance *h, double left, char *text, size_t size)
{
	char id[SEG_ID_TEXT_MAX], when[SEG_UNITS_TEXT_MAX];
	snprintf(text, size, "message %s fails: %s; attempt %" PRIu64 " %s%s", seg_id_format(h->id, id),
		 h->text, h->number, left > 0 ? "in " : "is under way",
		 left > 0 ? seg_units_seconds_text(left, when) : "");
}

static void tell_full(const seg_hindrance *h, double ago, char *text, size_t size)
{
	char id[SEG_ID_TEXT_MAX], when[SEG_UNITS_TEXT_MAX];
	bool named = h->id.ms || h->id.seq;
	snprintf(text, size,
		 "%s%s waits for room among the dead letters, for %s now: dead_letter_limit is %" PRIu64
		 "%s%s",
		 named ? "message " : "the next message", named ? seg_id_format(h->id, id) : "",
		 seg_units_seconds_text(ago, when), h->number, *h->text ? "; it failed: " : "", h->text);
}

static void tell_target(const seg_hindrance *h, double ago, char *text, size_t size)
{
	char id[SEG_ID_TEXT_MAX], when[SEG_UNITS_TEXT_MAX];
	snprintf(text, size, "the output of message %s waits, for %s now: %s", seg_id_format(h->id, id),
		 seg_units_seconds_text(ago, when), h->text);
}

static void tell_beyond(const seg_hindrance *h, char *text, size_t size)
{
	char id[SEG_ID_TEXT_MAX];
	snprintf(text, size, "message %s holds up the partition: %" PRIu64 " message%s beyond it %s done, %s",
		 seg_id_format(h->id, id), h->number, seg_plural(h->number), h->number == 1 ? "is" : "are",
		 h->text);
}

char *seg_hindrance_sentence(const seg_hindrance *h, int64_t now, char text[SEG_HINDRANCE_SENTENCE_MAX])
{
	char when[SEG_UNITS_TEXT_MAX];
	double left = (double)(h->at - now) / SEG_SECOND, ago = left < 0 ? -left : 0;
	text[0] = '\0';
	switch (h->kind) {
	case SEG_HINDRANCE_NONE:
		break;
	case SEG_HINDRANCE_RETRY:
		tell_retry(h, left, text, SEG_HINDRANCE_SENTENCE_MAX);
		break;
	case SEG_HINDRANCE_HANG:
		snprintf(text, SEG_HINDRANCE_SENTENCE_MAX, "a call hangs, for %s now: %s",
			 seg_units_seconds_text(ago, when), h->text);
		break;
	case SEG_HINDRANCE_FULL:
		tell_full(h, ago, text, SEG_HINDRANCE_SENTENCE_MAX);
		break;
	case SEG_HINDRANCE_TARGET:
		tell_target(h, ago, text, SEG_HINDRANCE_SENTENCE_MAX);
		break;
	case SEG_HINDRANCE_REPLICAS:
		snprintf(text, SEG_HINDRANCE_SENTENCE_MAX, "commits do not count, for %s now: %s",
			 seg_units_seconds_text(ago, when), h->text);
		break;
	case SEG_HINDRANCE_REFUSED:
		snprintf(text, SEG_HINDRANCE_SENTENCE_MAX, "for %s now, Redis refuses %s",
			 seg_units_seconds_text(ago, when), h->text);
		break;
	case SEG_HINDRANCE_BEYOND:
		tell_beyond(h, text, SEG_HINDRANCE_SENTENCE_MAX);
		break;
	}
	return text;
}

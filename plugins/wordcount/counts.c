#include "counts.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE_MIN = 256 };

/* FNV-1a. */
static uint64_t hash(const void *text, size_t length)
{
	const unsigned char *c = text;
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < length; i++)
		h = (h ^ c[i]) * UINT64_C(1099511628211);
	return h;
}

/* The word's slot, or the free slot for it. */
static word *find(const word_counts *counts, const void *text, size_t length)
{
	size_t i = hash(text, length) & (counts->size - 1);
	for (;; i = (i + 1) & (counts->size - 1)) {
		word *slot = &counts->slots[i];
		if (!slot->text || (slot->length == length && memcmp(slot->text, text, length) == 0))
			return slot;
	}
}

static bool grow(word_counts *old)
{
	word_counts grown = *old;
	grown.size = old->size ? old->size * 2 : SIZE_MIN;
	grown.slots = calloc(grown.size, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < old->size; i++)
		if (old->slots[i].text)
			*find(&grown, old->slots[i].text, old->slots[i].length) = old->slots[i];
	free(old->slots);
	*old = grown;
	return true;
}

word *counts_word(word_counts *counts, const void *text, size_t length)
{
	if (counts->used * 2 >= counts->size && !grow(counts))
		return NULL;
	word *slot = find(counts, length ? text : "", length);
	if (slot->text)
		return slot;
	slot->text = malloc(length + 1);
	if (!slot->text)
		return NULL;
	memcpy(slot->text, length ? text : "", length);
	slot->length = length;
	counts->used++;
	return slot;
}

bool counts_add(word_counts *counts, seg_id id, const void *text, size_t length, uint64_t number)
{
	word *slot = find(counts, length ? text : "", length);
	bool rises = number == 0 || number > slot->number;
	slot->count++;
	if (number > slot->number)
		slot->number = number;
	counts->messages++;
	counts->out_of_order += !rises;
	counts->last = id;
	return rises;
}

void counts_fini(word_counts *counts)
{
	for (size_t i = 0; i < counts->size; i++)
		free(counts->slots[i].text);
	free(counts->slots);
	*counts = (word_counts){0};
}

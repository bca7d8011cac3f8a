#include "partition/effects.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partition/emission.h"
#include "partition/key_slot.h"

/* Of one call that emits or changes. */
typedef struct seg_effect {
	size_t index;              /* the message's */
	bool is_record;            /* else a change of a value: */
	uint16_t slot;             /* whose name it is */
	seg_value *before, *after; /* NULL: there was, or is, no such value. `before` is the journal's */
} seg_effect;

static seg_effects *effects_of(const seg_batch *batch)
{
	/* The calls are a member of the effects, and const only so that plugins leave them alone. */
	return (seg_effects *)(uintptr_t)batch->calls;
}

__attribute__((format(printf, 2, 3))) static const char *refuse(seg_effects *e, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(e->refusal, sizeof(e->refusal), format, args);
	va_end(args);
	return e->refusal;
}

static const char *no_memory(seg_effects *e)
{
	return refuse(e, "out of memory");
}

/* --- the journal ------------------------------------------------------------------------------ */

/* NULL: out of memory. */
static seg_effect *note(seg_effects *e, size_t index)
{
	if (e->journal_count == e->journal_room) {
		size_t room = e->journal_room ? e->journal_room * 2 : 64;
		seg_effect *grown = realloc(e->journal, room * sizeof(*grown));
		if (!grown)
			return NULL;
		e->journal = grown;
		e->journal_room = room;
	}
	seg_effect *effect = &e->journal[e->journal_count++];
	*effect = (seg_effect){.index = index};
	return effect;
}

/* Whose values the message may see. */
static uint16_t slot_of(const seg_effects *e, size_t index)
{
	return e->slots ? e->slots[index] : SEG_SLOT_NONE;
}

static const char *check_index(seg_effects *e, size_t index)
{
	if (index >= e->count)
		return refuse(e, "message %zu of a batch of %zu; the index counts from 0", index, e->count);
	if (index < e->latest)
		return refuse(
			e,
			"message %zu after message %zu; outputs and changes of a message come before those of the "
			"messages after it",
			index, e->latest);
	e->latest = index;
	return NULL;
}

/* Whether `bytes` more fit; if not, the rest of the batch is handled in a later call. */
static const char *make_room(seg_effects *e, size_t index, size_t bytes)
{
	if (e->full_at == SEG_EFFECTS_NOT_FULL && bytes <= e->setup->call_bytes &&
	    e->bytes <= e->setup->call_bytes - bytes)
		return NULL;
	if (e->full_at == SEG_EFFECTS_NOT_FULL)
		e->full_at = index;
	if (e->full_at == 0)
		return refuse(e,
			      "the outputs and changes of one message exceed %" PRIu64
			      " bytes; raise in_flight_bytes",
			      e->setup->call_bytes);
	return refuse(e,
		      "the outputs and changes of one call of handle exceed %" PRIu64
		      " bytes; segrunner hands over the messages from %zu on again",
		      e->setup->call_bytes, e->full_at);
}

/* --- outputs ------------------------------------------------------------------------------------ */

/* Without lanes, too: an owner with lanes may have added the message's records before. */
static uint16_t slot_of_key(const seg_effects *e, size_t index)
{
	const seg_message *message = &e->messages[index];
	return e->slots ? e->slots[index] : seg_key_slot(message->key, message->key_length);
}

/* The number that the next record of that message has. */
static uint32_t next_number(const seg_effects *e, size_t index)
{
	const seg_completion *c = e->completion;
	for (size_t i = e->journal_count; i > 0 && e->journal[i - 1].index == index; i--)
		if (e->journal[i - 1].is_record)
			return c->emissions[c->emission_count - 1].number + 1;
	return 1;
}

static bool add_record(seg_effects *e, size_t index, uint32_t target, const seg_output *output)
{
	seg_emission head = {.source = e->messages[index].id,
			     .number = next_number(e, index),
			     .slot = slot_of_key(e, index),
			     .target = target,
			     .output = *output};
	seg_effect *effect = note(e, index);
	if (!effect)
		return false;
	head.output.stream = e->setup->outputs[target];
	if (!e->completion)
		e->completion = seg_completion_create();
	if (!e->completion || !seg_emission_add(e->completion, &head)) {
		e->journal_count--;
		return false;
	}
	effect->is_record = true;
	return true;
}

static const char *emit(const seg_batch *batch, size_t index, const seg_output *output)
{
	seg_effects *e = effects_of(batch);
	seg_error why = {0};
	size_t bytes = 0;
	const char *refusal = check_index(e, index);
	if (refusal)
		return refusal;
	int target = output->stream ? seg_emission_target(e->setup->outputs, output->stream) : -1;
	if (target < 0)
		return refuse(e, "\"%.100s\" is not among the outputs of this section; add it to \"outputs\"",
			      output->stream ? output->stream : "");
	if (seg_emission_check(output, e->setup->record_bytes, &bytes, &why))
		return refuse(e, "an output for \"%.100s\": %.200s", output->stream, why.text);
	bytes += sizeof(seg_effect);
	refusal = make_room(e, index, bytes);
	if (refusal)
		return refusal;
	if (!add_record(e, index, (uint32_t)target, output))
		return no_memory(e);
	e->bytes += bytes;
	return NULL;
}

/* What a change needs beside its name and its value: in the journal, in the map, and in the completion. */
#define CHANGE_CHARGE (sizeof(seg_effect) + sizeof(seg_value) + sizeof(seg_change))

/* --- values -------------------------------------------------------------------------------------- */

static const char *check_value(seg_effects *e, size_t name_length, size_t value_length)
{
	if (!e->store)
		return refuse(e, "values are not kept here");
	if (name_length == 0 || name_length > SEG_STATE_NAME_MAX)
		return refuse(e, "the name of a value has %zu bytes; it must have 1 to %d", name_length,
			      SEG_STATE_NAME_MAX);
	if (value_length > SEG_STATE_VALUE_MAX)
		return refuse(e, "a value of %zu bytes; it must have at most %d", value_length,
			      SEG_STATE_VALUE_MAX);
	return NULL;
}

static const char *check_limit(seg_effects *e, const seg_value *before, size_t name_length, size_t length)
{
	size_t grows = before ? length : name_length + length, shrinks = before ? before->length : 0;
	uint64_t bytes = atomic_load_explicit(&e->store->bytes, memory_order_relaxed),
		 limit = e->setup->state_limit;
	if (grows <= shrinks || (bytes <= limit && grows - shrinks <= limit - bytes))
		return NULL;
	return refuse(e,
		      "the partition's values have %" PRIu64
		      " bytes, and %zu more would exceed state_limit (%" PRIu64
		      "); delete values, or raise it",
		      bytes, grows - shrinks, limit);
}

static bool is_same(const seg_value *before, const void *content, size_t length)
{
	return before && content && before->length == length &&
	       (length == 0 || memcmp(before->content, content, length) == 0);
}

/* Applies the change and notes it. content NULL: deletes. False: out of memory. */
static bool change(seg_effects *e, size_t index, const void *name, size_t name_length, const void *content,
		   size_t length)
{
	uint16_t slot = slot_of(e, index);
	seg_value_map *map = seg_value_store_map(e->store, slot);
	seg_value *before, *after = NULL;
	seg_effect *effect = note(e, index);
	if (!effect)
		return false;
	if (!content) {
		before = seg_value_map_take(map, name, name_length);
	} else {
		after = seg_value_create(name, name_length, content, length);
		if (!after || !seg_value_map_put(map, after, &before)) {
			seg_value_destroy(after);
			e->journal_count--;
			return false;
		}
	}
	seg_value_store_count(e->store, before, after);
	effect->slot = slot;
	effect->before = before;
	effect->after = after;
	return true;
}

static const char *state_put(const seg_batch *batch, size_t index, const void *name, size_t name_length,
			     const void *value, size_t value_length)
{
	seg_effects *e = effects_of(batch);
	const char *refusal = check_index(e, index);
	if (!refusal)
		refusal = check_value(e, name_length, value_length);
	if (refusal)
		return refusal;
	const seg_value *before =
		seg_value_map_find(seg_value_store_map(e->store, slot_of(e, index)), name, name_length);
	if ((!value && !before) || is_same(before, value, value_length))
		return NULL;
	size_t bytes = CHANGE_CHARGE + name_length + value_length;
	if (value)
		refusal = check_limit(e, before, name_length, value_length);
	if (!refusal)
		refusal = make_room(e, index, bytes);
	if (refusal)
		return refusal;
	if (!change(e, index, name, name_length, value, value_length))
		return no_memory(e);
	e->bytes += bytes;
	return NULL;
}

static const void *state_get(const seg_batch *batch, size_t index, const void *name, size_t name_length,
			     size_t *value_length)
{
	seg_effects *e = effects_of(batch);
	const seg_value *value = NULL;
	if (e->store && index < e->count)
		value = seg_value_map_find(seg_value_store_map(e->store, slot_of(e, index)), name,
					   name_length);
	if (value_length)
		*value_length = value ? value->length : 0;
	return value ? value->content : NULL;
}

typedef struct walk {
	seg_state_visit visit;
	void *arg;
} walk;

static bool step(void *arg, const seg_value *value)
{
	const walk *w = arg;
	return w->visit(w->arg, seg_value_name(value), value->name_length, value->content, value->length) ==
	       0;
}

static void state_each(const seg_batch *batch, size_t index, seg_state_visit visit, void *arg)
{
	seg_effects *e = effects_of(batch);
	walk w = {visit, arg};
	if (e->store && index < e->count)
		seg_value_map_each(seg_value_store_map(e->store, slot_of(e, index)), step, &w);
}

/* --- the end of a call ------------------------------------------------------------------------------ */

static void undo_change(seg_effects *e, seg_effect *effect)
{
	seg_value_map *map = seg_value_store_map(e->store, effect->slot);
	seg_value *out = effect->after;
	if (effect->before)
		/* Needs no memory: the map has held something. */
		seg_value_map_put(map, effect->before, &out);
	else
		seg_value_map_take(map, seg_value_name(effect->after), effect->after->name_length);
	seg_value_store_count(e->store, effect->after, effect->before);
	seg_value_destroy(effect->after);
}

/* Undoes what belongs to messages from `done` on, newest first. */
static void undo(seg_effects *e, size_t done)
{
	while (e->journal_count > 0 && e->journal[e->journal_count - 1].index >= done) {
		seg_effect *effect = &e->journal[--e->journal_count];
		if (effect->is_record)
			e->completion->emission_count--;
		else
			undo_change(e, effect);
	}
}

static const char *copy_field(seg_completion *c, uint16_t slot, const seg_value *named, size_t *length)
{
	char prefix[SEG_VALUE_PREFIX_MAX], *field;
	size_t before = seg_value_prefix(prefix, slot);
	*length = before + named->name_length;
	field = seg_completion_alloc(c, *length);
	if (!field)
		return NULL;
	memcpy(field, prefix, before);
	memcpy(field + before, seg_value_name(named), named->name_length);
	return field;
}

/* Adds what the map has for a name that has changed, once for each name, but for completion->repeats. False: out of memory. */
static bool add_change(seg_effects *e, const seg_effect *effect)
{
	const seg_value *named = effect->after ? effect->after : effect->before;
	const void *name = seg_value_name(named);
	seg_value *value =
		seg_value_map_find(seg_value_store_map(e->store, effect->slot), name, named->name_length);
	if (value ? value->noted : effect->after && effect->after->noted) {
		/* Made and deleted again in this call; a deletion before that cannot be told from another name's. */
		e->completion->repeats |= !value && !effect->before;
		return true;
	}
	/* Deleted: what this change has replaced came from an older one. */
	if (!value && effect->before)
		effect->before->noted = true;
	seg_change *change = seg_completion_add_change(e->completion);
	if (!change)
		return false;
	change->slot = effect->slot;
	change->hash = named->hash;
	change->field = copy_field(e->completion, effect->slot, named, &change->field_length);
	if (value) {
		change->value_length = value->length;
		change->value = seg_completion_copy(e->completion, value->content, value->length);
		value->noted = true;
	}
	return change->field && (!value || change->value);
}

/* Forgets which names have been added. */
static void forget_noted(seg_effects *e)
{
	for (size_t i = 0; i < e->journal_count; i++) {
		if (e->journal[i].after)
			e->journal[i].after->noted = false;
		/* An undo after a lack of memory puts it back. */
		if (e->journal[i].before)
			e->journal[i].before->noted = false;
	}
}

static bool add_changes(seg_effects *e)
{
	bool added = true;
	for (size_t i = e->journal_count; added && i > 0; i--)
		if (!e->journal[i - 1].is_record)
			added = add_change(e, &e->journal[i - 1]);
	forget_noted(e);
	if (!added)
		e->completion->change_count = 0;
	return added;
}

/* The values that changes have replaced. */
static void clear_journal(seg_effects *e)
{
	for (size_t i = 0; i < e->journal_count; i++)
		seg_value_destroy(e->journal[i].before);
	e->journal_count = 0;
	e->bytes = 0;
}

size_t seg_effects_fitting(const seg_effects *e, size_t done)
{
	return done < e->full_at ? done : e->full_at;
}

bool seg_effects_end(seg_effects *e, size_t done, seg_completion **completion)
{
	*completion = NULL;
	if (e->journal_count == 0)
		return true;
	undo(e, done);
	if (e->journal_count == 0) {
		seg_effects_drop(e);
		return true;
	}
	if (!e->completion)
		e->completion = seg_completion_create();
	if (!e->completion || !add_changes(e))
		return false;
	clear_journal(e);
	*completion = e->completion;
	e->completion = NULL;
	return true;
}

void seg_effects_drop(seg_effects *e)
{
	if (e->journal_count)
		undo(e, 0);
	e->bytes = 0;
	seg_completion_destroy(e->completion);
	e->completion = NULL;
}

/* --- its life ---------------------------------------------------------------------------------------- */

void seg_effects_init(seg_effects *e, const seg_effects_setup *setup, seg_value_store *store)
{
	*e = (seg_effects){.calls = {.size = sizeof(seg_batch_calls),
				     .emit = emit,
				     .state_get = state_get,
				     .state_put = state_put,
				     .state_each = state_each},
			   .setup = setup,
			   .store = store,
			   .full_at = SEG_EFFECTS_NOT_FULL};
}

void seg_effects_fini(seg_effects *e)
{
	seg_effects_drop(e);
	free(e->journal);
	e->journal = NULL;
	e->journal_room = 0;
}

void seg_effects_begin(seg_effects *e, seg_batch *batch, const uint16_t *slots)
{
	batch->calls = &e->calls;
	e->messages = batch->messages;
	e->count = batch->count;
	e->slots = slots;
	e->latest = 0;
	e->full_at = SEG_EFFECTS_NOT_FULL;
}

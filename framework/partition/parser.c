#include "partition/parser.h"

#include <string.h>

#include "base/whole_number.h"
#include "stream/pack.h"
#include "stream/record.h"

/* What the next text of an entry is. Names and values of fields alternate. */
enum { FIELD_NAME, FIELD_KEY, FIELD_DATA, FIELD_HEADER, FIELD_SKIP, FIELD_PACKED, FIELD_RECORDS_BEFORE };

/* Redis writes ids as two numbers; anything else is no id. */
static bool read_id(const char *text, size_t length, seg_id *id)
{
	const char *end = text + length;
	return seg_whole_number_read(&text, end, &id->ms) && text < end && *text++ == '-' &&
	       seg_whole_number_read(&text, end, &id->seq) && text == end;
}

void seg_parser_begin(seg_parser *parser, seg_fetched *target, seg_id handled,
		      const seg_parser_limits *limits)
{
	*parser = (seg_parser){.target = target, .handled = handled, .limits = *limits};
}

/* --- entries that cannot be read -------------------------------------------------------- */

/* The newest entry becomes one faulty message without content. */
static void give_up(seg_parser *parser, seg_fault fault)
{
	seg_fetched *fetched = parser->target;
	size_t at = parser->first;
	fetched->room.messages[at] = (seg_message){.id = fetched->last_id};
	fetched->room.faults[at] = (uint8_t)fault;
	fetched->batch.count = at + 1;
	fetched->bytes = parser->bytes_before;
	parser->given_up = true;
}

/* There was no memory for the newest entry. */
static void starve(seg_parser *parser)
{
	if (parser->limits.last_try && parser->target->entries == 1)
		give_up(parser, SEG_FAULT_MEMORY);
	else
		parser->starved = true;
}

/* Whether the newest entry may need so many bytes more; else it is faulty. */
static bool may_need(seg_parser *parser, size_t bytes)
{
	size_t limit = parser->limits.entry ? parser->limits.entry : SIZE_MAX;
	if (bytes > limit - parser->needed) {
		give_up(parser, SEG_FAULT_LARGE);
		return false;
	}
	parser->needed += bytes;
	return true;
}

static bool is_ignoring(const seg_parser *parser)
{
	return parser->full || parser->starved;
}

/* The entry that there was no memory for is not in the target any more: the next read begins with it. */
static void drop_newest(seg_parser *parser)
{
	seg_fetched *fetched = parser->target;
	fetched->batch.count = parser->first;
	fetched->bytes = parser->bytes_before;
	fetched->last_id = parser->before;
	fetched->entries--;
	parser->open = false;
}

void seg_parser_finish(seg_parser *parser)
{
	if (!parser->open)
		return;
	if (parser->starved) {
		drop_newest(parser);
		return;
	}
	parser->open = false;
	if (parser->packed || parser->given_up)
		return;
	seg_fetched *fetched = parser->target;
	size_t i = fetched->batch.count - 1;
	seg_message *message = &fetched->room.messages[i];
	message->headers = message->header_count ? parser->headers : NULL;
	if (fetched->room.faults[i] == SEG_FAULT_NONE) {
		if (!message->key)
			fetched->room.faults[i] = SEG_FAULT_NO_KEY;
		else if (!message->data)
			fetched->room.faults[i] = SEG_FAULT_NO_DATA;
	}
}

bool seg_parser_entry(seg_parser *parser, const char *text, size_t length, int64_t texts)
{
	seg_fetched *fetched = parser->target;
	seg_id id;
	seg_parser_finish(parser);
	parser->full |= fetched->bytes + parser->tables >= parser->limits.bytes;
	if (is_ignoring(parser))
		return true;
	if (!read_id(text, length, &id) || seg_id_compare(id, fetched->last_id) <= 0)
		return false;
	/* Texts are -1 if the entry was deleted: Redis sends its id without texts. */
	if (texts >= 0 && fetched->entries == parser->limits.entries)
		return false;
	if (texts >= 0 && !seg_fetched_reserve(fetched, fetched->batch.count + 1)) {
		parser->starved = true;
		return true;
	}
	parser->before = fetched->last_id;
	fetched->last_id = id;
	if (texts < 0)
		return true;
	fetched->entries++;
	parser->bytes_before = fetched->bytes;
	size_t i = parser->first = fetched->batch.count++;
	fetched->room.messages[i] = (seg_message){.id = id};
	fetched->room.faults[i] = SEG_FAULT_NONE;
	fetched->batch.messages = fetched->room.messages;
	parser->headers = NULL;
	parser->header_room = (size_t)texts / 2;
	parser->field = FIELD_NAME;
	parser->open = true;
	parser->packed = parser->given_up = false;
	parser->needed = 0;
	parser->left_out = 0;
	if (parser->limits.verdict != SEG_FAULT_NONE)
		give_up(parser, parser->limits.verdict);
	return true;
}

/* NULL: the entry is given up, or there is no memory. */
static const char *keep_text(seg_parser *parser, const char *text, size_t length)
{
	seg_fetched *fetched = parser->target;
	if (!may_need(parser, length))
		return NULL;
	/* The NUL after the text helps handlers that print it. */
	char *copy = seg_arena_alloc(&fetched->room.arena, length + 1);
	if (!copy) {
		starve(parser);
		return NULL;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	fetched->bytes += length;
	return copy;
}

/* --- entries that hold several messages ------------------------------------------------- */

static bool is_name(const char *name, size_t length, const char *wanted)
{
	return length == strlen(wanted) && memcmp(name, wanted, length) == 0;
}

/* Replaces the entry, which is the newest message, by its records. Leaves out the records that were handled before. */
static int unpack_all(seg_parser *parser, seg_unpacker *unpacker, seg_id last)
{
	seg_fetched *fetched = parser->target;
	size_t count = unpacker->records, at = fetched->batch.count - 1;
	if (count - 1 > last.seq)
		return SEG_EPROTOCOL;
	seg_id id = {last.ms, last.seq - (count - 1)};
	for (size_t i = 0; i < count; i++, id.seq++) {
		if (!seg_fetched_reserve(fetched, at + 1))
			return SEG_ENOMEM;
		seg_message *message = &fetched->room.messages[at];
		int status = seg_unpacker_next(unpacker, message);
		if (status)
			return status;
		if (seg_id_compare(id, parser->handled) <= 0) {
			parser->left_out++;
			continue;
		}
		/* Another program wrote the entry: two messages would have one id. */
		if (at > 0 && seg_id_compare(message[-1].id, id) >= 0)
			return SEG_EPROTOCOL;
		message->id = id;
		parser->tables += sizeof(*message) + message->header_count * sizeof(*message->headers);
		fetched->bytes += message->key_length + message->data_length;
		for (size_t h = 0; h < message->header_count; h++)
			fetched->bytes += message->headers[h].name_length + message->headers[h].value_length;
		fetched->room.faults[at++] = SEG_FAULT_NONE;
	}
	fetched->batch.count = at;
	return 0;
}

static void unpack(seg_parser *parser, const char *value, size_t length)
{
	seg_fetched *fetched = parser->target;
	seg_id last = fetched->last_id;
	if (!may_need(parser, length))
		return;
	char *copy = seg_arena_alloc(&fetched->room.arena, length);
	if (!copy) {
		starve(parser);
		return;
	}
	memcpy(copy, value, length);
	seg_unpacker unpacker;
	size_t limit = parser->limits.entry ? parser->limits.entry : SIZE_MAX;
	int status =
		seg_unpacker_begin(&unpacker, parser->packing, copy, length, limit, &fetched->room.arena);
	if (status == 0)
		status = unpack_all(parser, &unpacker, last);
	if (status == SEG_ENOMEM)
		starve(parser);
	else if (status)
		/* The whole entry becomes one faulty message. */
		give_up(parser, status == SEG_ETOOBIG ? SEG_FAULT_LARGE : SEG_FAULT_PACKED);
	parser->packed = !parser->starved && !parser->given_up;
	fetched->unpacked |= parser->packed;
}

/* The field `from` of the first entry: how many records the log had before the entry. */
static void take_records_before(seg_parser *parser, const char *value, size_t length)
{
	seg_fetched *fetched = parser->target;
	int64_t from = 0;
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9' || from > INT64_MAX / 10 - 1)
			return;
		from = from * 10 + (value[i] - '0');
	}
	fetched->records_before = from + (int64_t)parser->left_out;
}

/* --- fields --------------------------------------------------------------------------------- */

/* `name` is a header's name; the next text is its value. */
static void start_header(seg_parser *parser, seg_message *message, const char *name, size_t length)
{
	if (!parser->headers) {
		if (!may_need(parser, parser->header_room * sizeof(seg_header)))
			return;
		parser->headers = seg_arena_alloc(&parser->target->room.arena,
						  parser->header_room * sizeof(seg_header));
		if (!parser->headers) {
			starve(parser);
			return;
		}
	}
	const char *copy = keep_text(parser, name, length);
	if (!copy)
		return;
	parser->headers[message->header_count] = (seg_header){.name = copy, .name_length = length};
	parser->field = FIELD_HEADER;
}

static void start_field(seg_parser *parser, seg_message *message, const char *name, size_t length)
{
	bool first = !message->key && !message->data && message->header_count == 0;
	parser->packing = first ? seg_packing_of_field(name, length) : SEG_PACKING_OFF;
	if (parser->packing != SEG_PACKING_OFF)
		parser->field = FIELD_PACKED;
	else if (is_name(name, length, SEG_FIELD_KEY))
		parser->field = message->key ? FIELD_SKIP : FIELD_KEY;
	else if (is_name(name, length, SEG_FIELD_DATA))
		parser->field = message->data ? FIELD_SKIP : FIELD_DATA;
	else
		start_header(parser, message, name, length);
	if (parser->field == FIELD_SKIP)
		parser->target->room.faults[parser->first] = SEG_FAULT_TWICE;
}

/* After the records, an entry says where they stand in the log. Other programs may have added more fields. */
static void take_text_after_records(seg_parser *parser, const char *text, size_t length)
{
	int field = parser->field;
	if (field == FIELD_RECORDS_BEFORE)
		take_records_before(parser, text, length);
	if (field != FIELD_NAME)
		parser->field = FIELD_NAME;
	else if (parser->target->entries == 1 && is_name(text, length, SEG_FIELD_FROM))
		parser->field = FIELD_RECORDS_BEFORE;
	else
		parser->field = FIELD_SKIP;
}

static void take_value(seg_parser *parser, seg_message *message, int field, const char *text, size_t length)
{
	const char *copy = keep_text(parser, text, length);
	if (!copy)
		return;
	if (field == FIELD_KEY) {
		message->key = copy;
		message->key_length = length;
	} else if (field == FIELD_DATA) {
		message->data = copy;
		message->data_length = length;
	} else {
		seg_header *header = &parser->headers[message->header_count++];
		header->value = copy;
		header->value_length = length;
	}
}

static void take_text(seg_parser *parser, const char *text, size_t length)
{
	seg_message *message = &parser->target->room.messages[parser->first];
	int field = parser->field;
	if (field == FIELD_NAME) {
		start_field(parser, message, text, length);
		return;
	}
	parser->field = FIELD_NAME;
	if (field == FIELD_PACKED)
		unpack(parser, text, length);
	else if (field != FIELD_SKIP)
		take_value(parser, message, field, text, length);
}

bool seg_parser_text(seg_parser *parser, const char *text, size_t length)
{
	if (!parser->open)
		return is_ignoring(parser);
	if (parser->given_up || parser->starved)
		return true;
	/* The reader left the text out: it is too long, or there was no memory for it. */
	if (!text && may_need(parser, length))
		starve(parser);
	else if (text && parser->packed)
		take_text_after_records(parser, text, length);
	else if (text)
		take_text(parser, text, length);
	return true;
}

#include "partition/parser.h"

#include <string.h>

#include "stream/pack.h"
#include "stream/record.h"

/* What the next text of an entry is. Names and values of fields alternate. */
enum {
	FIELD_NAME,
	FIELD_KEY,
	FIELD_DATA,
	FIELD_HEADER,
	FIELD_SKIP,
	FIELD_PACKED,
	FIELD_PACKED_LZ4,
	FIELD_RECORDS_BEFORE
};

/* The number at *text, up to the first byte that is no digit. False: none, or beyond 64 bits. */
static bool read_number(const char **text, const char *end, uint64_t *number)
{
	enum { DIGITS_SAFE = 19 }; /* so many digits always fit into 64 bits */
	const char *at = *text, *safe = end - at > DIGITS_SAFE ? at + DIGITS_SAFE : end;
	uint64_t n = 0;
	for (; at < safe && (unsigned char)(*at - '0') <= 9; at++)
		n = n * 10 + (unsigned char)(*at - '0');
	for (; at < end && (unsigned char)(*at - '0') <= 9; at++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (unsigned char)(*at - '0'), &n))
			return false;
	bool any = at > *text;
	*text = at;
	*number = n;
	return any;
}

/* Redis writes ids as two numbers; anything else is no id. */
static bool read_id(const char *text, size_t length, seg_id *id)
{
	const char *end = text + length;
	return read_number(&text, end, &id->ms) && text < end && *text++ == '-' &&
	       read_number(&text, end, &id->seq) && text == end;
}

void seg_parser_begin(seg_parser *parser, seg_fetched *target, seg_id handled,
		      const seg_parser_limits *limits)
{
	*parser = (seg_parser){.target = target, .handled = handled, .limits = *limits};
}

void seg_parser_finish(seg_parser *parser)
{
	if (!parser->open)
		return;
	parser->open = false;
	if (parser->packed)
		return;
	seg_fetched *fetched = parser->target;
	size_t i = fetched->batch.count - 1;
	seg_message *message = &fetched->messages[i];
	message->headers = message->header_count ? parser->headers : NULL;
	if (fetched->faults[i] == SEG_FAULT_NONE) {
		if (!message->key)
			fetched->faults[i] = SEG_FAULT_NO_KEY;
		else if (!message->data)
			fetched->faults[i] = SEG_FAULT_NO_DATA;
	}
}

bool seg_parser_entry(seg_parser *parser, const char *text, size_t length, int64_t texts)
{
	seg_fetched *fetched = parser->target;
	seg_id id;
	seg_parser_finish(parser);
	parser->full |= fetched->bytes >= parser->limits.bytes;
	if (parser->full)
		return true;
	if (!read_id(text, length, &id) || seg_id_compare(id, fetched->last_id) <= 0)
		return false;
	fetched->last_id = id;
	/* The entry was deleted: Redis sends its id without texts. */
	if (texts < 0)
		return true;
	if (fetched->entries == parser->limits.entries ||
	    !seg_fetched_reserve(fetched, fetched->batch.count + 1))
		return false;
	fetched->entries++;
	size_t i = fetched->batch.count++;
	fetched->messages[i] = (seg_message){.id = id};
	fetched->faults[i] = SEG_FAULT_NONE;
	fetched->batch.messages = fetched->messages;
	parser->headers = NULL;
	parser->header_room = (size_t)texts / 2;
	parser->field = FIELD_NAME;
	parser->open = true;
	parser->packed = false;
	parser->left_out = 0;
	return true;
}

static const char *keep_text(seg_parser *parser, const char *text, size_t length)
{
	seg_fetched *fetched = parser->target;
	/* The NUL after the text helps handlers that print it. */
	char *copy = seg_arena_alloc(&fetched->arena, length + 1);
	if (!copy)
		return NULL;
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
		seg_message *message = &fetched->messages[at];
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
		fetched->bytes += message->key_length + message->data_length;
		for (size_t h = 0; h < message->header_count; h++)
			fetched->bytes += message->headers[h].name_length + message->headers[h].value_length;
		fetched->faults[at++] = SEG_FAULT_NONE;
	}
	fetched->batch.count = at;
	return 0;
}

static bool unpack(seg_parser *parser, bool lz4, const char *value, size_t length)
{
	seg_fetched *fetched = parser->target;
	size_t at = fetched->batch.count - 1, bytes = fetched->bytes;
	seg_id last = fetched->messages[at].id;
	char *copy = seg_arena_alloc(&fetched->arena, length);
	if (!copy)
		return false;
	memcpy(copy, value, length);
	seg_unpacker unpacker;
	int status = seg_unpacker_begin(&unpacker, lz4, copy, length, &fetched->arena);
	if (status == 0)
		status = unpack_all(parser, &unpacker, last);
	if (status == SEG_ENOMEM)
		return false;
	if (status) {
		/* The whole entry becomes one faulty message. */
		fetched->messages[at] = (seg_message){.id = last};
		fetched->faults[at] = SEG_FAULT_PACKED;
		fetched->batch.count = at + 1;
		fetched->bytes = bytes;
	}
	parser->packed = fetched->unpacked = true;
	return true;
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
static bool start_header(seg_parser *parser, seg_message *message, const char *name, size_t length)
{
	if (!parser->headers)
		parser->headers =
			seg_arena_alloc(&parser->target->arena, parser->header_room * sizeof(seg_header));
	const char *copy = keep_text(parser, name, length);
	if (!parser->headers || !copy)
		return false;
	parser->headers[message->header_count] = (seg_header){.name = copy, .name_length = length};
	parser->field = FIELD_HEADER;
	return true;
}

static bool start_field(seg_parser *parser, seg_message *message, const char *name, size_t length)
{
	bool first = !message->key && !message->data && message->header_count == 0;
	if (first && is_name(name, length, SEG_FIELD_PACKED))
		parser->field = FIELD_PACKED;
	else if (first && is_name(name, length, SEG_FIELD_PACKED_LZ4))
		parser->field = FIELD_PACKED_LZ4;
	else if (is_name(name, length, SEG_FIELD_KEY))
		parser->field = message->key ? FIELD_SKIP : FIELD_KEY;
	else if (is_name(name, length, SEG_FIELD_DATA))
		parser->field = message->data ? FIELD_SKIP : FIELD_DATA;
	else
		return start_header(parser, message, name, length);
	if (parser->field == FIELD_SKIP)
		parser->target->faults[parser->target->batch.count - 1] = SEG_FAULT_TWICE;
	return true;
}

/* After the records, an entry says where they stand in the log. Other programs may have added more fields. */
static bool take_text_after_records(seg_parser *parser, const char *text, size_t length)
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
	return true;
}

static bool take_value(seg_parser *parser, seg_message *message, int field, const char *text, size_t length)
{
	const char *copy = keep_text(parser, text, length);
	if (!copy)
		return false;
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
	return true;
}

bool seg_parser_text(seg_parser *parser, const char *text, size_t length)
{
	if (!parser->open)
		return parser->full;
	if (parser->packed)
		return take_text_after_records(parser, text, length);
	seg_fetched *fetched = parser->target;
	seg_message *message = &fetched->messages[fetched->batch.count - 1];
	int field = parser->field;
	if (field == FIELD_NAME)
		return start_field(parser, message, text, length);
	parser->field = FIELD_NAME;
	if (field == FIELD_SKIP)
		return true;
	if (field == FIELD_PACKED || field == FIELD_PACKED_LZ4)
		return unpack(parser, field == FIELD_PACKED_LZ4, text, length);
	return take_value(parser, message, field, text, length);
}

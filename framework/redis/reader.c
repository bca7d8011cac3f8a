#include "redis/reader.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * In an XREAD reply, a value's depth tells its meaning:
 *
 *   0  array of streams
 *   1    [key, entries]
 *   2      key ; array of entries
 *   3        [id, fields]
 *   4          id ; array of texts, or nil for an entry deleted meanwhile
 *   5            name, value, name, value ...
 *
 * hiredis wants an object for each array. While entries are read, that is the address of the mark of the
 * array's depth.
 */
enum { DEPTHS = 8 };
static char depth_mark[DEPTHS];

static seg_reply entries_done = {.type = SEG_REPLY_ARRAY};

/*
 * With a sink, all arrays are parts of entries. A value without a parent came instead of entries: it is a
 * tree.
 */
static bool in_entries(const redisReadTask *task)
{
	const seg_reader *reader = task->privdata;
	return reader->sink && task->parent;
}

static int depth_of(const redisReadTask *task)
{
	return task->parent ? (int)((char *)task->parent->obj - depth_mark) + 1 : 0;
}

static void *entries_array(const redisReadTask *task, size_t elements)
{
	seg_reader *reader = task->privdata;
	int depth = depth_of(task);
	bool fits = task->type == REDIS_REPLY_ARRAY;
	switch (depth) {
	case 0:
	case 2:
		fits = fits && (depth == 0 || task->idx == 1);
		break;
	case 1:
	case 3:
		fits = fits && elements == 2;
		break;
	case 4:
		fits = fits && task->idx == 1 && elements % 2 == 0 &&
		       reader->sink->entry(reader->sink, reader->id, reader->id_length, (int64_t)elements);
		break;
	default:
		fits = false;
	}
	return fits ? &depth_mark[depth] : NULL;
}

static void *entries_text(const redisReadTask *task, char *text, size_t length)
{
	seg_reader *reader = task->privdata;
	int depth = depth_of(task);
	bool taken = false;
	size_t most = reader->sink->text_max, left_out = reader->left_out;
	/* It came at once, so there was nothing to skip. */
	if (!left_out && most > 0 && length > most)
		left_out = length;
	reader->left_out = 0;
	if (task->type == REDIS_REPLY_ERROR || (left_out && depth != 5)) {
		taken = false;
	} else if (left_out) {
		taken = reader->sink->text(reader->sink, NULL, left_out);
	} else if (depth == 5) {
		taken = reader->sink->text(reader->sink, text, length);
	} else if (depth == 4 && task->idx == 0 && length < sizeof(reader->id)) {
		memcpy(reader->id, text, length);
		reader->id_length = length;
		taken = true;
	} else if (depth == 2 && task->idx == 0) {
		taken = reader->sink->stream(reader->sink, text, length);
	}
	return taken ? depth_mark : NULL;
}

static void *entries_nil(const redisReadTask *task)
{
	seg_reader *reader = task->privdata;
	bool fits = depth_of(task) == 4 && task->idx == 1 &&
		    reader->sink->entry(reader->sink, reader->id, reader->id_length, -1);
	return fits ? depth_mark : NULL;
}

static void *allocate(seg_reader *reader, size_t size)
{
	void *piece = seg_arena_alloc(&reader->arena, size);
	reader->out_of_memory |= !piece;
	return piece;
}

static seg_reply *tree_node(const redisReadTask *task, seg_reply_type type)
{
	seg_reader *reader = task->privdata;
	seg_reply *node = allocate(reader, sizeof(*node));
	if (!node)
		return NULL;
	*node = (seg_reply){.type = type};
	if (task->parent) {
		seg_reply *parent = task->parent->obj;
		parent->elements[task->idx] = node;
	}
	return node;
}

static void *create_string(const redisReadTask *task, char *text, size_t length)
{
	if (in_entries(task))
		return entries_text(task, text, length);
	seg_reader *reader = task->privdata;
	seg_reply *node = tree_node(task, task->type == REDIS_REPLY_ERROR ? SEG_REPLY_ERROR : SEG_REPLY_TEXT);
	char *copy = allocate(reader, length + 1);
	if (!node || !copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	node->text = copy;
	node->length = length;
	return node;
}

static void *new_array(const redisReadTask *task, size_t elements)
{
	seg_reader *reader = task->privdata;
	if (reader->sink)
		return entries_array(task, elements);
	seg_reply *node = tree_node(task, SEG_REPLY_ARRAY);
	if (!node)
		return NULL;
	if (elements > 0) {
		/*
		 * The elements have not come yet: a length that is only announced must not take all memory.
		 */
		if (elements > SEG_REPLY_ELEMENTS_MAX)
			return NULL;
		node->elements = allocate(reader, elements * sizeof(seg_reply *));
		if (!node->elements)
			return NULL;
		memset(node->elements, 0, elements * sizeof(seg_reply *));
		node->count = elements;
	}
	return node;
}

static void *create_integer(const redisReadTask *task, long long value)
{
	if (in_entries(task))
		return NULL;
	seg_reply *node = tree_node(task, SEG_REPLY_INTEGER);
	if (node)
		node->integer = value;
	return node;
}

static void *create_nil(const redisReadTask *task)
{
	/* The outer array itself may be nil: there are no entries. */
	if (task->parent && in_entries(task))
		return entries_nil(task);
	return tree_node(task, SEG_REPLY_NIL);
}

/* All objects are in the arena. */
static void free_object(void *object)
{
	(void)object;
}

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t elements)
{
	return new_array(task, elements);
}

static void *create_double(const redisReadTask *task, double value, char *text, size_t length)
{
	(void)value;
	return create_string(task, text, length);
}

static void *create_bool(const redisReadTask *task, int value)
{
	return create_integer(task, value);
}
#else
static void *create_array(const redisReadTask *task, int elements)
{
	return new_array(task, elements < 0 ? 0 : (size_t)elements);
}
#endif

static redisReplyObjectFunctions functions = {
	.createString = create_string,
	.createArray = create_array,
	.createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
	.createDouble = create_double,
	.createBool = create_bool,
#endif
	.createNil = create_nil,
	.freeObject = free_object,
};

bool seg_reader_init(seg_reader *reader)
{
	*reader = (seg_reader){0};
	seg_arena_init(&reader->arena, 4096);
	return seg_reader_restart(reader);
}

bool seg_reader_restart(seg_reader *reader)
{
	if (reader->parser)
		redisReaderFree(reader->parser);
	seg_arena_reset(&reader->arena, SEG_READER_KEEP);
	reader->sink = NULL;
	reader->left_out = reader->skip = 0;
	reader->out_of_memory = false;
	reader->parser = redisReaderCreateWithFunctions(&functions);
	if (!reader->parser)
		return false;
	reader->parser->privdata = reader;
	/* Otherwise hiredis frees its buffer whenever it has grown and is empty. */
	reader->parser->maxbuf = 0;
	return true;
}

void seg_reader_fini(seg_reader *reader)
{
	if (reader->parser)
		redisReaderFree(reader->parser);
	reader->parser = NULL;
	seg_arena_fini(&reader->arena);
}

/* --- texts that are longer than the sink takes --------------------------------------------- */

/* The value that has begun and has not come as a whole. */
static const redisReadTask *unfinished(const redisReader *parser)
{
#if HIREDIS_MAJOR >= 1
	return parser->ridx >= 0 ? parser->task[parser->ridx] : NULL;
#else
	return parser->ridx >= 0 ? &parser->rstack[parser->ridx] : NULL;
#endif
}

/* The length that the text at `at` announces, and the bytes of that line. 0: the line has not come, or is none. */
static size_t announced(const char *at, size_t size, size_t *line)
{
	size_t length = 0, digits = 0;
	while (digits < size && (unsigned char)(at[digits] - '0') <= 9 && length < SIZE_MAX / 16)
		length = length * 10 + (unsigned char)(at[digits++] - '0');
	*line = digits + 2;
	return size >= *line && at[digits] == '\r' && at[digits + 1] == '\n' ? length : 0;
}

/* The length of the text that fills so many bytes, with its line and its end; SIZE_MAX: there is none. */
static size_t filler(size_t size)
{
	size_t bound = 10;
	for (size_t digits = 1; digits + 4 <= size; digits++, bound *= 10) {
		size_t length = size - digits - 4;
		if (length < bound && (digits == 1 || length >= bound / 10))
			return length;
	}
	return SIZE_MAX;
}

/* hiredis waits for a whole text. Puts a short one in the place of what has come, and skips the rest. */
static bool leave_out(seg_reader *reader, size_t length, size_t line)
{
	redisReader *parser = reader->parser;
	size_t size = parser->len - parser->pos;
	reader->left_out = length;
	reader->skip = line + length + 2 - size;
	while (filler(size) == SIZE_MAX) {
		if (redisReaderFeed(parser, "0", 1) != REDIS_OK)
			return false;
		size++;
	}
	char head[24], *at = parser->buf + parser->pos;
	int head_length = snprintf(head, sizeof(head), "%zu\r\n", filler(size));
	memcpy(at, head, (size_t)head_length);
	memcpy(at + size - 2, "\r\n", 2);
	return true;
}

/* Whether the next text is too long, and was left out. */
static bool leaves_out(seg_reader *reader)
{
	const redisReader *parser = reader->parser;
	const redisReadTask *task = unfinished(parser);
	if (!reader->sink || reader->sink->text_max == 0 || reader->left_out || !task || !task->parent ||
	    task->type != REDIS_REPLY_STRING)
		return false;
	size_t line = 0, length = announced(parser->buf + parser->pos, parser->len - parser->pos, &line);
	return length > reader->sink->text_max && leave_out(reader, length, line);
}

bool seg_reader_feed(seg_reader *reader, const char *bytes, size_t length)
{
	size_t skipped = length < reader->skip ? length : reader->skip;
	reader->skip -= skipped;
	bytes += skipped;
	length -= skipped;
	if (length == 0)
		return true;
	return redisReaderFeed(reader->parser, bytes, length) == REDIS_OK;
}

int seg_reader_next(seg_reader *reader, seg_entry_sink *sink, const seg_reply **reply)
{
	void *object = NULL;
	reader->sink = sink;
	do
		if (redisReaderGetReply(reader->parser, &object) != REDIS_OK)
			return -1;
	while (!object && leaves_out(reader));
	if (!object)
		return 0;
	*reply = object == depth_mark ? &entries_done : object;
	return 1;
}

void seg_reader_release(seg_reader *reader)
{
	seg_arena_reset(&reader->arena, SEG_READER_KEEP);
}

const char *seg_reader_error(const seg_reader *reader)
{
	if (reader->out_of_memory)
		return NULL;
	/* So hiredis calls a value that our functions refuse. */
	return reader->parser->err == REDIS_ERR_OOM ? "an answer of another shape" : reader->parser->errstr;
}

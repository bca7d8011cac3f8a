#include "redis/reply.h"

#include <ctype.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "redis/reader.h"

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
	if (task->type == REDIS_REPLY_ERROR) {
		taken = false;
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

static seg_reply *tree_node(const redisReadTask *task, seg_reply_type type)
{
	seg_reader *reader = task->privdata;
	seg_reply *node = seg_arena_alloc(&reader->arena, sizeof(*node));
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
	char *copy = seg_arena_alloc(&reader->arena, length + 1);
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
		node->elements = seg_arena_alloc(&reader->arena, elements * sizeof(seg_reply *));
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

bool seg_reader_feed(seg_reader *reader, const char *bytes, size_t length)
{
	return redisReaderFeed(reader->parser, bytes, length) == REDIS_OK;
}

int seg_reader_next(seg_reader *reader, seg_entry_sink *sink, const seg_reply **reply)
{
	void *object = NULL;
	reader->sink = sink;
	if (redisReaderGetReply(reader->parser, &object) != REDIS_OK)
		return -1;
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
	return reader->parser->errstr;
}

bool seg_reply_is(const seg_reply *reply, const char *text)
{
	size_t length = strlen(text);
	return reply && reply->type == SEG_REPLY_TEXT && reply->length == length &&
	       memcmp(reply->text, text, length) == 0;
}

const seg_reply *seg_reply_at(const seg_reply *reply, size_t i)
{
	if (!reply || reply->type != SEG_REPLY_ARRAY || i >= reply->count)
		return NULL;
	return reply->elements[i];
}

int64_t seg_reply_number(const seg_reply *reply, int64_t otherwise)
{
	if (!reply)
		return otherwise;
	if (reply->type == SEG_REPLY_INTEGER)
		return reply->integer;
	if (reply->type != SEG_REPLY_TEXT || reply->length == 0)
		return otherwise;
	/* strtoll skips blanks and a plus sign, stops at a NUL, and cuts what is too large. */
	if (reply->text[0] != '-' && !isdigit((unsigned char)reply->text[0]))
		return otherwise;
	char *end;
	errno = 0;
	long long value = strtoll(reply->text, &end, 10);
	return errno || end != reply->text + reply->length ? otherwise : value;
}

bool seg_reply_id(const seg_reply *reply, seg_id *id)
{
	return reply && reply->type == SEG_REPLY_TEXT && strlen(reply->text) == reply->length &&
	       seg_id_parse(reply->text, id) == 0;
}

/* A Redis error begins with its code. A script's error keeps the code of the command that failed. */
static bool has_code(const seg_reply *reply, const char *const *codes)
{
	if (!reply || reply->type != SEG_REPLY_ERROR)
		return false;
	size_t length = strcspn(reply->text, " ");
	for (; *codes; codes++)
		if (strlen(*codes) == length && memcmp(reply->text, *codes, length) == 0)
			return true;
	return false;
}

int seg_reply_status(const seg_reply *reply)
{
	static const char *const login[] = {"NOAUTH", "WRONGPASS", "NOPERM", NULL};
	static const char about_login[] = "ERR AUTH";
	if (!reply || reply->type != SEG_REPLY_ERROR)
		return SEG_EPROTOCOL;
	if (has_code(reply, login) || strncmp(reply->text, about_login, sizeof(about_login) - 1) == 0)
		return SEG_EAUTH;
	return SEG_ESERVER;
}

bool seg_reply_is_transient(const seg_reply *reply)
{
	static const char *const transient[] = {"NOSCRIPT",   "LOADING",    "BUSY",     "OOM",
						"MISCONF",    "READONLY",   "TRYAGAIN", "CLUSTERDOWN",
						"MASTERDOWN", "NOREPLICAS", NULL};
	return has_code(reply, transient);
}

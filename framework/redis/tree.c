#include "redis/tree.h"

#include <hiredis/hiredis.h>
#include <string.h>

/* --- the objects that hiredis asks for ---------------------------------------------------------- */

static void *allocate(seg_tree *tree, size_t size)
{
	return seg_arena_alloc(&tree->arena, size);
}

static seg_reply *new_node(const redisReadTask *task, seg_reply_type type)
{
	seg_reply *node = allocate(task->privdata, sizeof(*node));
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
	seg_reply *node = new_node(task, task->type == REDIS_REPLY_ERROR ? SEG_REPLY_ERROR : SEG_REPLY_TEXT);
	char *copy = allocate(task->privdata, length + 1);
	if (!node || !copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	node->text = copy;
	node->length = length;
	return node;
}

/* The elements have not come yet: a length that is only announced must not take all memory. */
static void *new_array(const redisReadTask *task, size_t elements)
{
	seg_tree *tree = task->privdata;
	seg_reply *node = new_node(task, SEG_REPLY_ARRAY);
	if (!node || elements == 0)
		return node;
	if (elements > SEG_REPLY_ELEMENTS_MAX) {
		tree->too_long = true;
		return NULL;
	}
	node->elements = allocate(tree, elements * sizeof(seg_reply *));
	if (!node->elements)
		return NULL;
	memset(node->elements, 0, elements * sizeof(seg_reply *));
	node->count = elements;
	return node;
}

static void *create_integer(const redisReadTask *task, long long value)
{
	seg_reply *node = new_node(task, SEG_REPLY_INTEGER);
	if (node)
		node->integer = value;
	return node;
}

static void *create_nil(const redisReadTask *task)
{
	return new_node(task, SEG_REPLY_NIL);
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

/* --- reading ------------------------------------------------------------------------------------ */

bool seg_tree_init(seg_tree *tree)
{
	*tree = (seg_tree){0};
	seg_arena_init(&tree->arena, 4096);
	return seg_tree_restart(tree);
}

bool seg_tree_restart(seg_tree *tree)
{
	if (tree->parser)
		redisReaderFree(tree->parser);
	seg_arena_reset(&tree->arena, SEG_TREE_KEEP);
	tree->too_long = false;
	tree->parser = redisReaderCreateWithFunctions(&functions);
	if (!tree->parser)
		return false;
	tree->parser->privdata = tree;
	return true;
}

void seg_tree_fini(seg_tree *tree)
{
	if (tree->parser)
		redisReaderFree(tree->parser);
	tree->parser = NULL;
	seg_arena_fini(&tree->arena);
}

/* hiredis copies what it is fed. What it got behind the reply is taken back: that may be entries. */
static void take_back(seg_tree *tree, size_t *taken)
{
	redisReader *parser = tree->parser;
	*taken -= parser->len - parser->pos;
	parser->pos = parser->len;
}

int seg_tree_read(seg_tree *tree, const char *bytes, size_t size, size_t *taken, const seg_reply **reply)
{
	enum { PIECE = 512 /* bytes; most replies are shorter */ };
	*taken = 0;
	while (*taken < size) {
		size_t length = size - *taken < PIECE ? size - *taken : PIECE;
		void *object = NULL;
		if (redisReaderFeed(tree->parser, bytes + *taken, length) != REDIS_OK ||
		    redisReaderGetReply(tree->parser, &object) != REDIS_OK)
			return -1;
		*taken += length;
		if (object) {
			take_back(tree, taken);
			*reply = object;
			return 1;
		}
	}
	return 0;
}

void seg_tree_release(seg_tree *tree)
{
	seg_arena_reset(&tree->arena, SEG_TREE_KEEP);
}

const char *seg_tree_error(const seg_tree *tree)
{
	/* So hiredis says that it had no memory, and also that our functions had none, or refused a value. */
	if (tree->parser->err == REDIS_ERR_OOM)
		return tree->too_long ? "an answer of another shape" : NULL;
	return tree->parser->errstr;
}

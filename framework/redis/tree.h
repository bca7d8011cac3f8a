/*
 * tree.h - hiredis's parser with our object functions, which build a tree of a reply. One thread.
 */
#ifndef SEG_REDIS_TREE_H
#define SEG_REDIS_TREE_H

#include "base/arena.h"
#include "redis/reply.h"

struct redisReader;

/* Bytes that a tree keeps between replies. */
#define SEG_TREE_KEEP ((size_t)64 * 1024)

/*
 * The longest array in a tree; a longer one breaks the connection. No command of ours is answered with a
 * longer one.
 */
#define SEG_REPLY_ELEMENTS_MAX ((size_t)1 << 20)

typedef struct seg_tree {
	struct redisReader *parser;
	seg_arena arena; /* of the tree being read */
	bool too_long;   /* an array in the reply was longer than SEG_REPLY_ELEMENTS_MAX */
} seg_tree;

/* False if out of memory. */
bool seg_tree_init(seg_tree *tree);
void seg_tree_fini(seg_tree *tree);

/* Drops what was read of a reply. False if out of memory. */
bool seg_tree_restart(seg_tree *tree);

/*
 * Reads on. 1 and the reply, valid until seg_tree_release; 0: it is not complete yet; -1: the bytes are not a reply. *taken: the
 * bytes that were read; pass those behind them next, with more.
 */
int seg_tree_read(seg_tree *tree, const char *bytes, size_t size, size_t *taken, const seg_reply **reply);
void seg_tree_release(seg_tree *tree);

/* The reason, after -1; NULL: there was no memory for the reply. */
const char *seg_tree_error(const seg_tree *tree);

#endif

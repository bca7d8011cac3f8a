/*
 * resp.h - the two kinds of values that entries consist of, in RESP2, the protocol in which Redis answers: arrays and bulk strings.
 *
 * hiredis reads all other replies (tree.h). But a message is seven values, and hiredis calls a function for each: a runner then needs
 * 340 ns of CPU for a message, and 270 with this reader (segbench --only consume, 8 partitions). It accepts what hiredis accepts
 * (fuzz_entries compares them), but for one thing: a text must end with its line end, which hiredis does not look at.
 *
 * Pure; any thread.
 */
#ifndef SEG_REDIS_RESP_H
#define SEG_REDIS_RESP_H

#include "redis/reply.h"

/* Elements that an array may announce, as in hiredis 0.14. */
#define SEG_RESP_ELEMENTS_MAX INT32_MAX

typedef struct seg_resp {
	seg_reply_type type; /* SEG_REPLY_ARRAY, _TEXT or _NIL */
	int64_t number;      /* of an array: how many values follow as its elements */
	const char *text;    /* of a text: within the bytes, without a NUL; NULL if `announced` */
	size_t length;       /* of the text */
	size_t announced; /* the bytes of the line that announces a text, which has not come as a whole; else 0 */
	const char *wrong; /* why the bytes are no such value, else NULL; static */
} seg_resp;

/*
 * Reads the value that the bytes begin with; of an array, only its head. Returns the bytes that it takes. 0: it has not come as a
 * whole, or `wrong` says that it is none. Reading again with more bytes after them is cheap, however long a text is.
 */
size_t seg_resp_read(seg_resp *value, const char *bytes, size_t size);

/*
 * The same, in fewer steps, for the most frequent values: a text that has come as a whole, and an array's head. 0: it is another
 * value, or seg_resp_read must say.
 */
size_t seg_resp_read_text(const char **text, size_t *length, const char *bytes, size_t size);
size_t seg_resp_read_count(size_t *count, const char *bytes, size_t size);

#endif

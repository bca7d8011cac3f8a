/*
 * reply.h - checks the type of a Redis reply before segbench uses the reply.
 *
 * A reply of another type ends the program with EX_PROTOCOL and one line on stderr, which names the command.
 */
#ifndef SEGBENCH_MEASURE_REPLY_H
#define SEGBENCH_MEASURE_REPLY_H

#include <stddef.h>

#include <hiredis/hiredis.h>

/* Ends the program if the reply is an error; the line quotes the error, and the exit code is EX_SOFTWARE. */
void bench_reply_check(const redisReply *reply, const char *command);

/* The text of a bulk string or a status. The reply owns the text. */
const char *bench_reply_text(const redisReply *reply, const char *command);

/* The same; nil gives "". */
const char *bench_reply_text_or_nil(const redisReply *reply, const char *command);

/* An array of at least `least` elements; returns the reply. */
const redisReply *bench_reply_array(const redisReply *reply, size_t least, const char *command);

#endif

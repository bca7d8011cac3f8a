/*
 * environment.h - the environment of a child process: the variables that most programs need, those that option.environment
 * names, and SEGMENTER_STREAM and so on, which tell the child its partition. The child gets no other variable of
 * segrunner's environment, which can hold the password of Redis. Any thread.
 */
#ifndef PLUGINS_EXEC_ENVIRONMENT_H
#define PLUGINS_EXEC_ENVIRONMENT_H

#include <stdint.h>

#include <segmenter/handler.h>

/*
 * A list for execle. `more` has the names of further variables of segrunner's environment, separated by commas; a * at the
 * end of a name stands for any rest; NULL: none. NULL if out of memory.
 */
char **environment_make(const seg_host *host, uint32_t partition, uint64_t epoch, const char *more);

/* NULL is allowed. */
void environment_free(char **list);

/* 0 if the text is valid for `more`, else -1. */
int environment_check(const char *more);

#endif

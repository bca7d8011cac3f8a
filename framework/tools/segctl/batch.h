/*
 * batch.h - many commands in one go: they leave together, and each answer goes to its own function.
 *
 * A lost connection is made again and what has no answer yet is asked again, within the client's timeout; so
 * all commands must bear being asked twice.
 */
#ifndef CTL_BATCH_H
#define CTL_BATCH_H

#include "stream/exchange.h"

typedef struct ctl_batch ctl_batch;

/*
 * `number` is the one given to ctl_batch_words; reply lives until the function returns, and is no error but
 * where asked for.
 */
typedef void (*ctl_answer_fn)(void *arg, size_t number, const seg_reply *reply);

/*
 * absent_too: that there is no such key is an answer, too, given to the function as an error reply. All other
 * errors end the call.
 */
ctl_batch *ctl_batch_create(bool absent_too);
void ctl_batch_destroy(ctl_batch *batch);

/* Adds a command of words that are copied, ended by (char *)NULL. */
__attribute__((sentinel)) void ctl_batch_words(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number,
					       ...);

/* Adds a command of `argc` words that are copied. */
void ctl_batch_command(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, int argc,
		       const char *const *argv);

/* The same for a script: argv holds `keys` keys, then arguments. */
void ctl_batch_script(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, seg_script script,
		      int keys, int argc, const char *const *argv);

/* Runs it, and empties it. 0, or an exit code after one line on standard error: "cannot <what>: ...". */
int ctl_batch_run(ctl_batch *batch, seg_client *client, const char *what);

#endif

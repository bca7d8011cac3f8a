/*
 * batch.h - many commands in one round trip. Each reply goes to the function of its command. One thread.
 *
 * If the connection is lost, the batch connects again and repeats the commands that have no reply yet, within the
 * client's timeout. So each command must be safe to repeat.
 */
#ifndef CTL_BATCH_H
#define CTL_BATCH_H

#include "stream/exchange.h"

typedef struct ctl_batch ctl_batch;

/*
 * Gets the reply, which is valid until the function returns, and the command's arg and number. The reply may be of any
 * type but an error; see ctl_batch_create for the one exception.
 */
typedef void (*ctl_answer_fn)(void *arg, size_t number, const seg_reply *reply);

/*
 * An error reply ends the run. absent_too: except the error that a key does not exist, which goes to the command's
 * function.
 */
ctl_batch *ctl_batch_create(bool absent_too);
void ctl_batch_destroy(ctl_batch *batch);

/* Adds a command. Its words, ended by (char *)NULL, are copied. fn may be NULL. */
__attribute__((sentinel)) void ctl_batch_words(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number,
					       ...);

/* The same with an array of argc words. */
void ctl_batch_command(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, int argc,
		       const char *const *argv);

/* The next commands go to this node of the route (seg_route_next), instead of to the node that has their key. */
void ctl_batch_on_node(ctl_batch *batch, seg_node node);

/*
 * Whether that node had lost all slots when the newest run would have asked it, because another one has taken its place: such commands get no
 * answer, and the run does not fail.
 */
bool ctl_batch_lacks_node(const ctl_batch *batch);

/* The same for a script: argv holds first `keys` keys, then arguments. */
void ctl_batch_script(ctl_batch *batch, ctl_answer_fn fn, void *arg, size_t number, seg_script script,
		      int keys, int argc, const char *const *argv);

/* Sends the commands, waits for all replies, and empties the batch. 0, or a status with an error. */
int ctl_batch_try(ctl_batch *batch, seg_client *client, seg_error *error);

/* The same. 0, or an exit code after "cannot <what>: ...". */
int ctl_batch_run(ctl_batch *batch, seg_client *client, const char *what);

#endif

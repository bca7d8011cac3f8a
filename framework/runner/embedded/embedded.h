/*
 * embedded.h - a redis-server of the runners' own: `address = embedded`.
 *
 * The runners on one data directory share one server. The first starts it, the last stops it, and
 * everything Redis confirmed is on disk then. It writes an append-only file, listens on a Unix socket
 * in the directory and on no port, and only the user that started it may connect.
 *
 *     redis.sock     where it listens           start.lock    held while one looks, starts or stops
 *     redis.log      its log                    users.lock    shared by the runners that use it
 *     redis.pid      its process, for people    server.lock   held by the server as long as it lives
 *     appendonlydir/ the data
 *
 * The locks are flock(2), so the kernel drops them however their holder ends. The server inherits
 * server.lock: whether one runs is never guessed from a pid, and two can never write the same files.
 * A small process beside the server, its keeper, waits for users.lock to be free and then stops the
 * server, so that it also ends when its last user was killed.
 *
 * The calls of one seg_embedded are one thread's. They block, for as long as they say.
 */
#ifndef SEG_EMBEDDED_EMBEDDED_H
#define SEG_EMBEDDED_EMBEDDED_H

#include <segmenter/segmenter.h>

typedef struct seg_embedded seg_embedded;

/*
 * Becomes a user of the server on `directory`, which is made (mode 0700) if only its last part is missing,
 * and starts the server where none runs. appendfsync is "always" or "everysec"; the stricter one of all
 * users is in force. Returns 0 when the server answers, which takes as long as it takes to load its data;
 * a server that does not even say that it is loading is given up after 30 s.
 *
 * Errors: SEG_EINVAL (the directory cannot be used, or its name is too long for a socket), SEG_ESERVER (redis-server
 * is not installed, did not start, or another one listens there), SEG_EUNREACHABLE (it does not answer),
 * SEG_ETIMEOUT (another runner has held start.lock for 60 s), SEG_ESYSTEM, SEG_ENOMEM.
 */
int seg_embedded_attach(const char *directory, const char *appendfsync, seg_embedded **embedded,
			seg_error *error);

/* "unix:///data/redis.sock": the address for seg_client_options; valid until detach. */
const char *seg_embedded_address(const seg_embedded *embedded);

/*
 * Starts the server again if it has died. Cheap when it lives (a few system calls), so it may be called every second.
 * Returns 0 if it runs, 1 if it had died and answers again (worth a warning), or an error as attach does. A server that
 * lives but hangs is left alone.
 */
int seg_embedded_ensure(seg_embedded *embedded, seg_error *error);

/*
 * Stops being a user, and frees `embedded` in any case. The last user stops the server, which writes
 * everything to disk first, and waits up to 60 s for it to be gone. An error says why it is not; the
 * keeper goes on trying. NULL is allowed.
 */
int seg_embedded_detach(seg_embedded *embedded, seg_error *error);

#endif

/*
 * embedded.h - a redis-server that the runners start for themselves: `address = embedded`.
 *
 * The runners on one data directory share one server. The first runner starts it, and the last one stops it; then
 * everything that Redis confirmed is on disk. The server writes an append-only file, and listens on a Unix socket in the
 * directory and on no port. Only the user that started it may connect.
 *
 *     redis.sock     the server listens here     start.lock    held while a runner looks, starts or stops
 *     redis.log      the server's log            users.lock    shared by the runners that use the server
 *     redis.pid      its process, for people     server.lock   held by the server as long as it lives
 *     appendonlydir/ the data
 *
 * The locks are flock(2), so the kernel drops a lock however its holder ends. The server inherits server.lock: nobody
 * guesses from a pid whether a server runs, and two servers never write the same files. A small process beside the
 * server, its keeper, waits for users.lock to be free and then stops the server, which so ends even when its last user was
 * killed.
 *
 * One thread at a time may call the functions of a seg_embedded. They block as long as they say. The process may end at any
 * time while another thread is inside one.
 */
#ifndef SEG_EMBEDDED_EMBEDDED_H
#define SEG_EMBEDDED_EMBEDDED_H

#include <stdbool.h>

#include <segmenter/segmenter.h>

typedef struct seg_embedded seg_embedded;

/*
 * Becomes a user of the server on `directory`, and starts the server where none runs. The directory is created (mode 0700)
 * if only its last part is missing. appendfsync is "always" or "everysec"; the strictest one of all users is in force.
 * Returns 0 when the server answers. That takes as long as the server loads its data; a server that is silent is given up
 * after 30 s.
 *
 * Errors: SEG_EINVAL (the directory cannot be used, or its name is too long for a socket), SEG_ESERVER (redis-server is
 * not installed or did not start, or another server listens there), SEG_EUNREACHABLE (the server does not answer),
 * SEG_ETIMEOUT (another runner has held start.lock for 60 s), SEG_ESYSTEM, SEG_ENOMEM.
 */
int seg_embedded_attach(const char *directory, const char *appendfsync, seg_embedded **embedded,
			seg_error *error);

/* "unix:///data/redis.sock": the address for seg_client_options. Valid until detach. */
const char *seg_embedded_address(const seg_embedded *embedded);

/*
 * Starts the server again if it has died, and waits until it answers, as attach does. Returns 0 if the server runs, 1 if it
 * had died and answers again, or an error as attach does. Leaves a server alone that lives but hangs.
 */
int seg_embedded_ensure(seg_embedded *embedded, seg_error *error);

/*
 * Whether the server runs and is the one that this user last saw answering. If not, call seg_embedded_ensure. Never waits:
 * a few system calls.
 */
bool seg_embedded_is_well(seg_embedded *embedded);

/*
 * Stops being a user, and frees `embedded` in any case. The last user stops the server, which first writes everything to
 * disk, and waits up to 60 s for its end. If the server does not end, the error says why, and the keeper goes on trying.
 * NULL is allowed.
 */
int seg_embedded_detach(seg_embedded *embedded, seg_error *error);

#endif

/* peer.h - what sentences call the server at the other end, and the schemes of its address. Pure; any thread. */
#ifndef SEG_REDIS_PEER_H
#define SEG_REDIS_PEER_H

#include "redis/address.h"

typedef struct seg_peer {
	const char *name;    /* "Redis" or "the Sentinel" */
	const char *plain;   /* how an address begins, as "redis://": without TLS, */
	const char *secure;  /* and with TLS */
	const char *not_tls; /* the end of a sentence about a server that is silent where TLS is wanted */
} seg_peer;

/* Constant texts. is_sentinel: the connection is one to a Sentinel, not to the master that it names. */
static inline seg_peer seg_peer_of(const seg_address *address, bool is_sentinel)
{
#define NOT_TLS "; if it is not a TLS port, write "
	return (seg_peer){
		.name = is_sentinel ? "the Sentinel" : "Redis",
		.plain = address->master ? "redis+sentinel://" : "redis://",
		.secure = address->master ? "rediss+sentinel://" : "rediss://",
		.not_tls = address->master ? NOT_TLS "redis+sentinel://" : NOT_TLS "redis://",
	};
#undef NOT_TLS
}

#endif

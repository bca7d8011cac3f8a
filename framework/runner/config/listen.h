/*
 * listen.h - the address that a server listens on, as an option writes it: "127.0.0.1:9464". Pure; any thread.
 */
#ifndef SEG_CONFIG_LISTEN_H
#define SEG_CONFIG_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

#include <segmenter/segmenter.h>

typedef struct seg_listen {
	struct sockaddr_storage address;
	socklen_t length;
	bool loopback; /* only this machine can reach the address */
} seg_listen;

/* Room for the text of an address, its NUL included. */
#define SEG_LISTEN_TEXT_MAX 64

/*
 * ADDRESS:PORT, where ADDRESS is an IPv4 address, an IPv6 address in brackets, or localhost (127.0.0.1).
 * With port 0, the system chooses the port. Returns 0, or SEG_EINVAL with what to write in error->text.
 */
int seg_listen_parse(const char *text, seg_listen *listen, seg_error *error);

/* "127.0.0.1:9464", "[::1]:9464". Returns text. */
char *seg_listen_format(const seg_listen *listen, char text[SEG_LISTEN_TEXT_MAX]);

#endif

/* address.h - where Redis is and who we are there. Pure; any thread. */
#ifndef SEG_REDIS_ADDRESS_H
#define SEG_REDIS_ADDRESS_H

#include <stdint.h>

#include <segmenter/segmenter.h>

typedef struct seg_address {
	char *host;     /* or NULL where path is set */
	char *path;     /* of a Unix socket, or NULL */
	char *user;     /* or NULL */
	char *password; /* or NULL; never printed */
	uint16_t port;
	uint32_t database;
	char *text; /* for messages, without user and password */
} seg_address;

/* Parses the forms that seg_client_options.address documents. 0, SEG_EINVAL or SEG_ENOMEM. */
int seg_address_parse(const char *text, seg_address *address, seg_error *error);

/* Puts another login in place of the address's own; each may be NULL. 0, SEG_EINVAL or SEG_ENOMEM. */
int seg_address_set_login(seg_address *address, const char *user, const char *password, seg_error *error);

/* Copies; 0 or SEG_ENOMEM. */
int seg_address_copy(seg_address *to, const seg_address *from);

/* Frees what parse made, the password wiped first. */
void seg_address_fini(seg_address *address);

#endif

/* tls_settings.h - what a connection with TLS needs beside its address. Pure; any thread. */
#ifndef SEG_REDIS_TLS_SETTINGS_H
#define SEG_REDIS_TLS_SETTINGS_H

#include <stdbool.h>

/* Texts are NULL if not set; files are PEM. The documentation of each is in seg_client_options. */
typedef struct seg_tls_settings {
	const char *ca_file;
	const char *ca_directory; /* both NULL: the authorities that the system trusts */
	const char *cert_file;
	const char *key_file;
	const char *server_name; /* the name in the server's certificate; NULL: the host of the endpoint */
	bool verify;             /* chain and name */
	char *owned;             /* what the texts of a copy point into; NULL: the texts are borrowed */
} seg_tls_settings;

/* The name of a text that is set ("ca_file"), or "verify" if that is off; NULL: all is as by default. */
const char *seg_tls_settings_first(const seg_tls_settings *settings);

/* Copies with texts of its own. Returns false if out of memory; then the copy is empty. */
bool seg_tls_settings_copy(seg_tls_settings *to, const seg_tls_settings *from);

/* Frees the texts of a copy. */
void seg_tls_settings_fini(seg_tls_settings *settings);

#endif

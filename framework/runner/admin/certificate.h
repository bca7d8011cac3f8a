/* certificate.h - the certificate of the admin server and its key, while the server starts. Main thread. */
#ifndef SEG_ADMIN_CERTIFICATE_H
#define SEG_ADMIN_CERTIFICATE_H

#include "config/file.h"

typedef struct seg_certificate {
	seg_config_content certificate, key; /* PEM */
} seg_certificate;

/* Reads both files. 0; or SEG_ESYSTEM or SEG_ENOMEM with an error. Then, and later, wipe it with _fini. */
int seg_certificate_read(seg_certificate *certificate, const char *cert_file, const char *key_file,
			 seg_error *error);

/* Overwrites and frees. */
void seg_certificate_fini(seg_certificate *certificate);

#endif

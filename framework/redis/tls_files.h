/* tls_files.h - the files of a connection with TLS: authorities, certificate, key. Any thread. */
#ifndef SEG_REDIS_TLS_FILES_H
#define SEG_REDIS_TLS_FILES_H

#include <openssl/types.h>

#include <segmenter/segmenter.h>

#include "redis/tls_settings.h"

/*
 * A client's SSL for TLS 1.2 or later, with what the files hold now. The caller frees it. NULL with SEG_EINVAL or
 * SEG_ENOMEM: *option is the name of the setting that is wrong ("key_file"), and the sentence does not repeat it.
 */
SSL *seg_tls_files_open(const seg_tls_settings *settings, const char **option, seg_error *error);

/* Whether it could be opened: 0, SEG_EINVAL or SEG_ENOMEM, as above. */
int seg_tls_files_check(const seg_tls_settings *settings, const char **option, seg_error *error);

#endif

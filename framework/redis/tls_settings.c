#include "redis/tls_settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 5 };

static const char *const names[TEXTS] = {"ca_file", "ca_directory", "cert_file", "key_file", "server_name"};

static void collect(seg_tls_settings *settings, const char **texts[TEXTS])
{
	texts[0] = &settings->ca_file;
	texts[1] = &settings->ca_directory;
	texts[2] = &settings->cert_file;
	texts[3] = &settings->key_file;
	texts[4] = &settings->server_name;
}

const char *seg_tls_settings_first(const seg_tls_settings *settings)
{
	seg_tls_settings looked_at = *settings;
	const char **texts[TEXTS];
	collect(&looked_at, texts);
	for (int i = 0; i < TEXTS; i++)
		if (*texts[i])
			return names[i];
	return settings->verify ? NULL : "verify";
}

bool seg_tls_settings_copy(seg_tls_settings *to, const seg_tls_settings *from)
{
	const char **texts[TEXTS];
	size_t size = 1, used = 0;
	*to = *from;
	collect(to, texts);
	for (int i = 0; i < TEXTS; i++)
		size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	to->owned = malloc(size);
	if (!to->owned) {
		*to = (seg_tls_settings){0};
		return false;
	}
	for (int i = 0; i < TEXTS; i++) {
		if (!*texts[i])
			continue;
		size_t length = strlen(*texts[i]) + 1;
		memcpy(to->owned + used, *texts[i], length);
		*texts[i] = to->owned + used;
		used += length;
	}
	return true;
}

void seg_tls_settings_fini(seg_tls_settings *settings)
{
	free(settings->owned);
	*settings = (seg_tls_settings){0};
}

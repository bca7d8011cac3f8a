#include "config/secret.h"

#include <string.h>

#include <segmenter/segmenter.h>

#include "base/secret.h"
#include "config/file.h"

/* The length of the secret, without the line end; 0 if there is none, which is reported. */
static size_t find_secret(const seg_config_content *content, seg_config_place place, const char *option,
			  const char *path, seg_config_errors *errors)
{
	const char *kind = strstr(option, "token") ? "token" : "password";
	size_t length = content->length;
	switch (seg_secret_judge(content->text, &length)) {
	case SEG_SECRET_GOOD:
		return length;
	case SEG_SECRET_EMPTY:
		seg_config_error_add(errors, place, "%s: %s is empty; write the %s into it", option, path,
				     kind);
		break;
	case SEG_SECRET_LINES:
		seg_config_error_add(errors, place,
				     "%s: %s contains more than one line; it must contain only the %s",
				     option, path, kind);
		break;
	}
	return 0;
}

int seg_config_secret_read(seg_config_place place, const char *option, const char *path,
			   seg_config_errors *errors, char **secret)
{
	seg_config_content content;
	seg_error error;
	*secret = NULL;
	int status = seg_config_file_read(path, false, SEG_SECRET_MAX, &content, &error);
	if (status == SEG_ENOMEM)
		return status;
	if (status) {
		seg_config_error_add(errors, place, "%s: %s %s", option, path, error.text);
		return SEG_EINVAL;
	}
	if (content.stat.st_mode & 07)
		seg_config_warning_add(errors, place,
				       "%s: other users may read or write %s (mode %04o); run chmod o= %s",
				       option, path, (unsigned)content.stat.st_mode & 07777, path);
	size_t length = find_secret(&content, place, option, path, errors);
	if (length)
		*secret = strndup(content.text, length);
	seg_config_content_fini(&content);
	return *secret ? 0 : length ? SEG_ENOMEM : SEG_EINVAL;
}

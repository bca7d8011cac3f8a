#include "config/secret.h"

#include <string.h>

#include <segmenter/segmenter.h>

#include "config/file.h"

enum { SECRET_MAX = 4096 };

/* The length of the secret, without the line end; 0 if there is none, which is reported. */
static size_t find_secret(const seg_config_content *content, seg_config_place place, const char *option,
			  const char *path, seg_config_errors *errors)
{
	const char *kind = option[0] == 'p' ? "password" : "token";
	size_t length = content->length;
	if (length && content->text[length - 1] == '\n')
		length--;
	if (length && content->text[length - 1] == '\r')
		length--;
	if (strspn(content->text, " \t") >= length) {
		seg_config_error_add(errors, place, "%s: %s is empty; write the %s into it", option, path,
				     kind);
		return 0;
	}
	if (memchr(content->text, '\n', length) || memchr(content->text, '\0', length)) {
		seg_config_error_add(errors, place,
				     "%s: %s contains more than one line; it must contain only the %s",
				     option, path, kind);
		return 0;
	}
	return length;
}

int seg_config_secret_read(seg_config_place place, const char *option, const char *path,
			   seg_config_errors *errors, char **secret)
{
	seg_config_content content;
	seg_error error;
	*secret = NULL;
	int status = seg_config_file_read(path, false, SECRET_MAX, &content, &error);
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

#include "admin/certificate.h"

#include "base/error.h"

static int read_file(seg_config_content *content, const char *option, const char *path, seg_error *error)
{
	seg_error why;
	int status = seg_config_file_read(path, false, SEG_CONFIG_FILE_MAX, content, &why);
	if (status == 0)
		return 0;
	return seg_fail(error, status == SEG_ENOMEM ? SEG_ENOMEM : SEG_ESYSTEM, "%s: %s %s", option, path,
			why.text);
}

int seg_certificate_read(seg_certificate *certificate, const char *cert_file, const char *key_file,
			 seg_error *error)
{
	*certificate = (seg_certificate){0};
	int status = read_file(&certificate->certificate, "admin_tls_cert_file", cert_file, error);
	if (status == 0)
		status = read_file(&certificate->key, "admin_tls_key_file", key_file, error);
	return status;
}

void seg_certificate_fini(seg_certificate *certificate)
{
	seg_config_content_fini(&certificate->certificate);
	seg_config_content_fini(&certificate->key);
}

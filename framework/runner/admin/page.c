#include "admin/page.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/view.h"
#include "base/base64.h"

/* embed.cmake makes these from page/. */
extern const char seg_page_html[];
extern const char seg_page_style[];
extern const char seg_page_script[];

static char *hash(const char *text, char base64[64])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)text, strlen(text), digest);
	seg_base64_encode(digest, sizeof(digest), base64);
	return base64;
}

/* The HTML with the style and the script filled in. NULL if out of memory. */
static char *assemble(void)
{
	static const struct {
		const char *mark, *text;
	} parts[] = {{"@style@", seg_page_style}, {"@script@", seg_page_script}};
	char *html = NULL;
	size_t length = 0;
	const char *rest = seg_page_html;
	FILE *out = open_memstream(&html, &length);
	if (!out)
		return NULL;
	for (size_t i = 0; i < 2; i++) {
		const char *at = strstr(rest, parts[i].mark);
		if (!at)
			continue;
		fwrite(rest, 1, (size_t)(at - rest), out);
		fputs(parts[i].text, out);
		rest = at + strlen(parts[i].mark);
	}
	fputs(rest, out);
	return fclose(out) ? NULL : html;
}

int seg_page_make(char **html, char **policy)
{
	char style[64], script[64];
	*html = assemble();
	int length = asprintf(policy,
			      "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; "
			      "connect-src 'self'; base-uri 'none'; form-action 'none'; "
			      "frame-ancestors 'none'",
			      hash(seg_page_style, style), hash(seg_page_script, script));
	if (length < 0)
		*policy = NULL;
	return *html && *policy ? 0 : SEG_ENOMEM;
}

void seg_page_answer(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	const struct seg_admin *admin = arg;
	(void)request;
	answer->type = "text/html; charset=utf-8";
	answer->policy = admin->page_policy;
	fputs(admin->page, answer->body);
}

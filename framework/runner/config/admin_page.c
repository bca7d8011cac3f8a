#include "config/admin_page.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/listen.h"
#include "base/page_url.h"

static bool is_any(const seg_listen *listen)
{
	if (listen->address.ss_family == AF_INET)
		return ((const struct sockaddr_in *)&listen->address)->sin_addr.s_addr == INADDR_ANY;
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&listen->address)->sin6_addr);
}

/* Both families have the port at the same place. */
static unsigned port_of(const seg_listen *listen)
{
	return ntohs(((const struct sockaddr_in *)&listen->address)->sin_port);
}

/* Of the address that admin listens on. NULL: others cannot reach it, or nobody can tell where, or there is no memory. */
static char *derive(const seg_config_runner *runner)
{
	char host[256] = "", address[SEG_LISTEN_TEXT_MAX], *page = NULL;
	const char *scheme = runner->admin_tls_cert_file ? "https" : "http";
	seg_listen listen;
	if (!runner->admin || seg_listen_parse(runner->admin, &listen, NULL) || listen.loopback ||
	    port_of(&listen) == 0)
		return NULL;
	int length = -1;
	if (!is_any(&listen))
		length = asprintf(&page, "%s://%s/", scheme, seg_listen_format(&listen, address));
	else if (gethostname(host, sizeof(host) - 1) == 0 && *host)
		length = asprintf(&page, "%s://%s:%u/", scheme, host, port_of(&listen));
	return length < 0 ? NULL : page;
}

void seg_config_check_admin_page(seg_config_loader *loader)
{
	seg_config_runner *runner = &loader->config->runner;
	seg_config_place place = seg_config_place_of(loader, &loader->runner, SEG_CONFIG_RUNNER, "admin_url");
	if (runner->admin_url && !runner->admin)
		seg_config_warning_add(loader->errors, place, "admin_url is ignored: admin is off");
	else if (runner->admin_url && !seg_page_url_is_good(runner->admin_url))
		seg_config_error_add(loader->errors, place,
				     "admin_url: \"%.60s\" is not the URL of a page, or longer than %d "
				     "characters; write http://HOST:PORT/",
				     runner->admin_url, SEG_PAGE_URL_MAX - 1);
	free(runner->admin_page);
	runner->admin_page = NULL;
	if (!runner->admin)
		return;
	runner->admin_page = runner->admin_url ? strdup(runner->admin_url) : derive(runner);
	if (runner->admin_url && !runner->admin_page)
		loader->no_memory = true;
	/* A host's name may be anything. */
	if (runner->admin_page && !seg_page_url_is_good(runner->admin_page)) {
		free(runner->admin_page);
		runner->admin_page = NULL;
	}
}

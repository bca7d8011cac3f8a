/* server_missing.c - replaces server.c in a build without libmicrohttpd. */
#include "base/error.h"
#include "admin/server.h"

bool seg_server_is_built(void)
{
	return false;
}

int seg_server_start(const seg_listen *listen, const seg_server_access *access, const seg_http_route *routes,
		     void *arg, seg_logger logger, seg_server **server, seg_error *error)
{
	(void)listen, (void)access, (void)routes, (void)arg, (void)logger;
	*server = NULL;
	return seg_fail(error, SEG_EINVAL, "admin: this segrunner was built without libmicrohttpd");
}

void seg_server_stop(seg_server *server)
{
	(void)server;
}

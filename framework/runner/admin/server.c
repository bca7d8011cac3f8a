#include "admin/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/thread.h"
#include "admin/access.h"
#include "admin/certificate.h"
#include "admin/connections.h"

/* libmicrohttpd stops to accept at its own limit; ours comes first, and makes room. */
enum {
	THREADS = 2,
	CONNECTIONS_MAX = 64,
	HARD_LIMIT = 8 * CONNECTIONS_MAX,
	IDLE_SECONDS = 10,
	BACKLOG = 512
};

struct seg_server {
	struct MHD_Daemon *daemon;
	const char *token; /* or NULL */
	const seg_http_route *routes;
	void *arg;
	seg_logger logger;
	seg_connections *connections;
};

/* --- one connection: a server's thread --------------------------------------------------- */

static void notify_connection(void *arg, struct MHD_Connection *connection, void **context,
			      enum MHD_ConnectionNotificationCode code)
{
	const seg_server *server = arg;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		seg_connections_remove(server->connections, *context);
		*context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *peer =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	*context =
		fd ? seg_connections_add(server->connections, fd->connect_fd, peer ? peer->client_addr : NULL)
		   : NULL;
}

static seg_connection *find_connection(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *context =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return context ? context->socket_context : NULL;
}

static void notify_completed(void *arg, struct MHD_Connection *connection, void **state,
			     enum MHD_RequestTerminationCode code)
{
	const seg_server *server = arg;
	(void)state, (void)code;
	seg_connections_answered(server->connections, find_connection(connection));
}

/* --- one answer: a server's thread ------------------------------------------------------- */

typedef struct {
	unsigned status;
	const char *type, *policy, *allow, *authenticate;
} head;

static enum MHD_Result queue(struct MHD_Connection *connection, const head *h, char *text, size_t length)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", h->type);
	MHD_add_response_header(response, "Content-Security-Policy",
				h->policy ? h->policy : "default-src 'none'; frame-ancestors 'none'");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (h->allow)
		MHD_add_response_header(response, "Allow", h->allow);
	if (h->authenticate)
		MHD_add_response_header(response, "WWW-Authenticate", h->authenticate);
	enum MHD_Result result = MHD_queue_response(connection, h->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, head h, const char *why)
{
	char *text = strdup(why);
	h.type = "text/plain; charset=utf-8";
	return text ? queue(connection, &h, text, strlen(text)) : MHD_NO;
}

/* The route of a path, and the tail that its '*' stands for. NULL: there is no such route. */
static const seg_http_route *find_route(const seg_server *server, const char *path, const char **tail)
{
	for (const seg_http_route *route = server->routes; route->path; route++) {
		size_t length = strcspn(route->path, "*");
		bool rest = route->path[length] == '*';
		if (strncmp(path, route->path, length) != 0 || (!rest && path[length]))
			continue;
		*tail = path + length;
		return route;
	}
	return NULL;
}

static enum MHD_Result call_route(const seg_server *server, const seg_http_route *route,
				  struct MHD_Connection *connection, const seg_http_request *request)
{
	char *text = NULL;
	size_t length = 0;
	seg_http_answer answer = {.status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};
	answer.body = open_memstream(&text, &length);
	if (!answer.body)
		return MHD_NO;
	route->answer(server->arg, request, &answer);
	if (fclose(answer.body) || !text) {
		free(text);
		return MHD_NO;
	}
	head h = {.status = answer.status, .type = answer.type, .policy = answer.policy};
	return queue(connection, &h, text, length);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *path,
			      const char *method, const char *version, const char *body, size_t *body_length,
			      void **state)
{
	static char seen; /* its address marks a request whose headers have been read */
	seg_server *server = arg;
	seg_http_request request = {0};
	(void)version, (void)body;
	if (!*state) {
		*state = &seen;
		seg_connections_asked(server->connections, find_connection(connection));
		return MHD_YES;
	}
	if (*body_length) {
		*body_length = 0;
		return MHD_YES;
	}
	const char *authorization =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	const seg_http_route *route = find_route(server, path, &request.tail);
	request.trusted = !server->token || seg_access_has_token(authorization, server->token);
	request.after = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "after");
	if (!server->token && !seg_access_host_is_plain(host))
		return refuse(
			connection, (head){.status = MHD_HTTP_FORBIDDEN},
			"use an IP address or localhost in the URL; other host names need admin_token_file\n");
	if (!request.trusted && !(route && route->open))
		return refuse(connection,
			      (head){.status = MHD_HTTP_UNAUTHORIZED,
				     .authenticate = "Basic realm=\"segrunner\", charset=\"UTF-8\""},
			      "send the token of admin_token_file, as a Bearer token or as a password\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, (head){.status = MHD_HTTP_METHOD_NOT_ALLOWED, .allow = "GET, HEAD"},
			      "only GET and HEAD are allowed\n");
	if (!route)
		return refuse(connection, (head){.status = MHD_HTTP_NOT_FOUND},
			      "not found; paths are /, /metrics, /livez, /readyz, /api/v1/status, "
			      "/api/v1/groups/STREAM/GROUP, /api/v1/redis, /api/v1/history/STREAM/GROUP and "
			      "/api/v1/events\n");
	return call_route(server, route, connection, &request);
}

__attribute__((format(printf, 2, 0))) static void log_line(void *arg, const char *format, va_list args)
{
	const seg_server *server = arg;
	char text[512];
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	seg_log(&server->logger, SEG_LOG_DEBUG, "admin: %s", text);
}

/* --- its life: the main thread ----------------------------------------------------------- */

bool seg_server_is_built(void)
{
	return true;
}

/* The socket, or -1 with an error. *bound is the address with the port that the system chose. */
static int open_socket(const seg_listen *listen_at, seg_listen *bound, seg_error *error)
{
	char where[SEG_LISTEN_TEXT_MAX];
	int on = 1;
	int fd = socket(listen_at->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*bound = *listen_at;
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (const struct sockaddr *)&listen_at->address, listen_at->length) == 0 &&
	    listen(fd, BACKLOG) == 0 &&
	    getsockname(fd, (struct sockaddr *)&bound->address, &bound->length) == 0)
		return fd;
	seg_fail(error, SEG_ESYSTEM, "admin: cannot listen on %s: %s; %s",
		 seg_listen_format(listen_at, where), strerror(errno),
		 errno == EADDRINUSE ? "write another port, or stop the program that listens there"
				     : "write an address of this machine, and a port that it may use");
	if (fd >= 0)
		close(fd);
	return -1;
}

/* certificate NULL: without TLS. */
static struct MHD_Daemon *start_daemon(seg_server *server, int fd, const seg_certificate *certificate)
{
	static char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3";
	unsigned flags = MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0,
					certificate ? certificate->certificate.text : NULL},
				       {MHD_OPTION_HTTPS_MEM_KEY, 0,
					certificate ? certificate->key.text : NULL},
				       {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
				       {MHD_OPTION_END, 0, NULL}};
	sigset_t before;
	seg_thread_block_signals(&before);
	struct MHD_Daemon *daemon =
		MHD_start_daemon(flags | (certificate ? MHD_USE_TLS : 0), 0, NULL, NULL, answer, server,
				 MHD_OPTION_EXTERNAL_LOGGER, log_line, server, MHD_OPTION_LISTEN_SOCKET, fd,
				 MHD_OPTION_NOTIFY_CONNECTION, notify_connection, server,
				 MHD_OPTION_NOTIFY_COMPLETED, notify_completed, server,
				 MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
				 (unsigned)HARD_LIMIT, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
				 MHD_OPTION_ARRAY, certificate ? tls : &tls[3], MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

/* The daemon has read the certificate when it has started. */
static int start(seg_server *server, int fd, const seg_server_access *access, seg_error *error)
{
	seg_certificate certificate = {0};
	bool tls = access->tls_cert_file && access->tls_key_file;
	if (tls && MHD_is_feature_supported(MHD_FEATURE_TLS) == MHD_NO)
		return seg_fail(error, SEG_ESYSTEM,
				"admin: this libmicrohttpd has no TLS; remove admin_tls_cert_file");
	int status =
		tls ? seg_certificate_read(&certificate, access->tls_cert_file, access->tls_key_file, error)
		    : 0;
	if (status == 0) {
		server->daemon = start_daemon(server, fd, tls ? &certificate : NULL);
		if (!server->daemon)
			status = seg_fail(error, SEG_ESYSTEM, "admin: cannot start the HTTP server: %s",
					  tls ? "it cannot use admin_tls_cert_file with admin_tls_key_file"
					      : strerror(errno));
	}
	seg_certificate_fini(&certificate);
	return status;
}

int seg_server_start(const seg_listen *listen_at, const seg_server_access *access,
		     const seg_http_route *routes, void *arg, seg_logger logger, seg_server **out,
		     seg_error *error)
{
	char where[SEG_LISTEN_TEXT_MAX];
	seg_listen bound;
	seg_server *server = calloc(1, sizeof(*server));
	*out = NULL;
	if (!server)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	*server = (seg_server){.token = access->token,
			       .routes = routes,
			       .arg = arg,
			       .logger = logger,
			       .connections = seg_connections_create(CONNECTIONS_MAX)};
	if (!server->connections) {
		free(server);
		return seg_fail(error, SEG_ESYSTEM, "admin: cannot start a thread: %s%s", strerror(errno),
				seg_thread_limit_advice(errno));
	}
	int fd = open_socket(listen_at, &bound, error);
	int status = fd >= 0 ? start(server, fd, access, error) : SEG_ESYSTEM;
	if (status) {
		if (fd >= 0)
			close(fd);
		seg_connections_destroy(server->connections);
		free(server);
		return status;
	}
	seg_log(&logger, SEG_LOG_INFO, "admin: listening on %s://%s/",
		access->tls_cert_file ? "https" : "http", seg_listen_format(&bound, where));
	*out = server;
	return 0;
}

void seg_server_stop(seg_server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon);
	seg_connections_destroy(server->connections);
	free(server);
}

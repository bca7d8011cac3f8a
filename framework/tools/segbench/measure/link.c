#include "measure/link.h"

#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "measure/process.h"
#include "measure/relay.h"

static int listen_at(const struct sockaddr *address, socklen_t length)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, address, length) || listen(fd, SOMAXCONN))
		err(EX_OSERR, "cannot listen for the relay of --rtt");
	return fd;
}

static struct sockaddr_in tcp_address(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

/* Fills the addresses of the relay, and lets the measured programs connect to it. */
static void listen_tcp(bench_server *server, bench_relay *relay)
{
	struct sockaddr_in address = tcp_address(0), target = tcp_address(server->port);
	socklen_t length = sizeof(address);
	relay->listener = listen_at((struct sockaddr *)&address, length);
	if (getsockname(relay->listener, (struct sockaddr *)&address, &length))
		err(EX_OSERR, "cannot listen for the relay of --rtt");
	memcpy(&relay->server, &target, sizeof(target));
	relay->server_length = sizeof(target);
	bench_server_set_port(server, ntohs(address.sin_port));
}

static void listen_unix(bench_server *server, bench_relay *relay)
{
	char path[sizeof(server->socket)];
	snprintf(path, sizeof(path), "%s/relay.sock", server->directory);
	struct sockaddr_un address = unix_address(path), target = unix_address(server->socket);
	relay->listener = listen_at((struct sockaddr *)&address, sizeof(address));
	memcpy(&relay->server, &target, sizeof(target));
	relay->server_length = sizeof(target);
	bench_server_set_socket(server, path);
}

void bench_link_start(bench_server *server)
{
	bench_relay relay = {0};
	server->link_delay = mmap(NULL, sizeof(*server->link_delay), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (server->link_delay == MAP_FAILED)
		err(EX_OSERR, "cannot map the delay of the relay");
	relay.delay = server->link_delay;
	if (server->tcp)
		listen_tcp(server, &relay);
	else
		listen_unix(server, &relay);
	server->link_pid = bench_process_fork(bench_relay_run, &relay);
	close(relay.listener);
}

void bench_link_set_rtt(bench_server *server, uint32_t rtt_ms)
{
	atomic_store(server->link_delay, (long long)rtt_ms * 1000000 / 2);
}

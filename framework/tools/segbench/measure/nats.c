#include "measure/nats.h"

#include <err.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "measure/process.h"

enum { START_TIMEOUT_MS = 10000, PAUSE_MS = 10 };

bool bench_nats_is_installed(void)
{
	char path[PATH_MAX];
	return bench_process_is_installed("nats-server", path, sizeof(path));
}

/* A nats-server greets each client with a line that begins with INFO. */
static bool greets(int port)
{
	char greeting[5] = "";
	struct timeval patience = {.tv_sec = 1};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((in_port_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(EX_OSERR, "cannot create a socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		    recv(fd, greeting, 4, MSG_WAITALL) == 4 && strcmp(greeting, "INFO") == 0;
	close(fd);
	return good;
}

static void wait_until_ready(bench_server *nats)
{
	for (int waited = 0; waited < START_TIMEOUT_MS; waited += PAUSE_MS) {
		if (bench_process_has_ended(nats->pid)) {
			nats->pid = 0;
			errx(EX_UNAVAILABLE, "nats-server did not start; see nats-server --help");
		}
		if (greets(nats->port))
			return;
		bench_pause_ms(PAUSE_MS);
	}
	errx(EX_UNAVAILABLE, "nats-server did not greet a client within %d s", START_TIMEOUT_MS / 1000);
}

void bench_nats_start(bench_server *nats, const bench_server *beside)
{
	char program[PATH_MAX], port[16], store[96], log[96];
	if (!bench_process_is_installed("nats-server", program, sizeof(program)))
		errx(EX_UNAVAILABLE, "nats-server is not installed");
	*nats = (bench_server){.program = "nats-server", .peer = true, .port = bench_server_free_port()};
	snprintf(port, sizeof(port), "%d", nats->port);
	snprintf(store, sizeof(store), "%s/jetstream", beside->directory);
	snprintf(log, sizeof(log), "%s/nats.log", beside->directory);
	const char *const argv[] = {program,       "--addr",      "127.0.0.1", "--port", port,
				    "--jetstream", "--store_dir", store,       NULL};
	nats->pid = bench_process_start(argv, NULL, log);
	wait_until_ready(nats);
}

void bench_nats_stop(bench_server *nats)
{
	if (nats->pid > 0)
		bench_process_kill(nats->pid);
	nats->pid = 0;
}

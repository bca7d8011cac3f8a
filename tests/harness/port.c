#include "harness/port.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Linux gives the ports from 32768 on to outgoing connections. */
enum { FIRST = 20000, COUNT = 12000, TRIES = 200 };

static bool is_free(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bool free = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return free;
}

/*
 * Reserves the port until this process ends, because a server binds its port only some time later. The name of an
 * abstract socket is the reservation: only one process can have it.
 */
static bool reserve(int port)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "segrunner-test-port-%d", port);
	bool reserved = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
	if (fd >= 0 && !reserved)
		close(fd);
	return reserved;
}

int test_port_free(void)
{
	for (int i = 0; i < TRIES; i++) {
		/* Tests that run at the same time must not try the same ports in the same order. */
		uint32_t random = 0;
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			break;
		int port = FIRST + (int)(random % COUNT);
		if (reserve(port) && is_free(port))
			return port;
	}
	fail_msg("no free port between %d and %d", FIRST, FIRST + COUNT);
	return 0;
}

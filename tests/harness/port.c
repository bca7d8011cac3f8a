#include "harness/port.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/socket.h>
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

int test_port_free(void)
{
	for (int i = 0; i < TRIES; i++) {
		/* Tests that run at the same time must not try the same ports in the same order. */
		uint32_t random = 0;
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			break;
		int port = FIRST + (int)(random % COUNT);
		if (is_free(port))
			return port;
	}
	fail_msg("no free port between %d and %d", FIRST, FIRST + COUNT);
	return 0;
}

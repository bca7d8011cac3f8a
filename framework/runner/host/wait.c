#include "host/wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"

enum { PLUGINS_MAX = 1024 }; /* a longer text is cut */

enum { RETURN_MS = 1000 /* between two looks at an errand whose thread could not write to its eventfd */ };

int seg_wait_open(seg_wait *wait)
{
	if (seg_signals_open(&wait->signals))
		return -1;
	wait->ending.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return wait->ending.fd < 0 ? -1 : 0;
}

void seg_wait_close(seg_wait *wait)
{
	seg_signals_close(&wait->signals);
	if (wait->ending.fd >= 0)
		close(wait->ending.fd);
	wait->ending.fd = -1;
}

static bool shall_end(seg_wait *wait)
{
	return wait->signals.stops > 0 || atomic_load(&wait->ending.exit_code) >= 0;
}

/* Nobody knows which other descriptors are closed, or opened anew as something else. */
static void end_without_descriptors(const seg_wait *wait)
{
	char plugins[PLUGINS_MAX];
	wait->name_plugins(wait->arg, plugins, sizeof(plugins));
	seg_log(&wait->logger, SEG_LOG_ERROR,
		"a plugin has closed file descriptors that belong to segrunner: %s; ending at once", plugins);
	_exit(EX_SOFTWARE);
}

/* Sleeps once, up to timeout_ms; also until `fd` is readable, if it is not -1. Returns whether something arrived. */
static bool sleep_once(seg_wait *wait, int fd, int timeout_ms)
{
	/* The request stays readable: once the runner is ending, it has been heard. */
	int request = atomic_load(&wait->ending.exit_code) < 0 ? wait->ending.fd : -1;
	struct pollfd polled[] = {{.fd = wait->signals.fd, .events = POLLIN},
				  {.fd = request, .events = POLLIN},
				  {.fd = fd, .events = POLLIN}};
	int longest = wait->look(wait->arg);
	bool arrived = poll(polled, 3, longest < timeout_ms ? longest : timeout_ms) > 0;
	if ((polled[0].revents | polled[1].revents) & POLLNVAL)
		end_without_descriptors(wait);
	/* The signal itself may have interrupted poll(). */
	return seg_signals_read(&wait->signals, &wait->logger) || arrived;
}

bool seg_wait_ms(seg_wait *wait, int timeout_ms)
{
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	while (!sleep_once(wait, -1, seg_poll_timeout(deadline, seg_now())) && seg_now() < deadline)
		;
	return shall_end(wait);
}

void seg_wait_leave_errand(seg_wait *wait, seg_errand *errand)
{
	seg_errand_leave(errand);
	wait->left_errand = true;
}

static bool wait_for_return(seg_wait *wait, seg_errand *errand, bool (*give_up)(seg_wait *wait))
{
	while (!seg_errand_finish(errand)) {
		if (give_up(wait)) {
			seg_wait_leave_errand(wait, errand);
			return false;
		}
		sleep_once(wait, errand->fd, RETURN_MS);
	}
	return true;
}

bool seg_wait_errand(seg_wait *wait, seg_errand *errand)
{
	return wait_for_return(wait, errand, shall_end);
}

static bool is_hurried(seg_wait *wait)
{
	return wait->signals.stops > 1;
}

bool seg_wait_last_errand(seg_wait *wait, seg_errand *errand)
{
	return wait_for_return(wait, errand, is_hurried);
}

#include "ending.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static const int heard[] = {SIGINT, SIGTERM, SIGHUP};

static struct {
	volatile sig_atomic_t signal, cut;
	bool caught[sizeof(heard) / sizeof(heard[0])];
	int nothing; /* /dev/null */
} ending = {.cut = -1, .nothing = -1};

static void note(int number)
{
	int saved = errno;
	struct sigaction action = {.sa_handler = SIG_DFL};
	ending.signal = number;
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		if (ending.caught[i])
			sigaction(heard[i], &action, NULL);
	if (ending.cut >= 0 && ending.nothing >= 0)
		dup2(ending.nothing, ending.cut);
	errno = saved;
}

void ctl_ending_catch(void)
{
	struct sigaction before, action = {.sa_handler = note};
	sigemptyset(&action.sa_mask);
	ending.nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		if (sigaction(heard[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
			ending.caught[i] = true;
			sigaction(heard[i], &action, NULL);
		}
}

int ctl_ending_signal(void)
{
	return ending.signal;
}

void ctl_ending_cuts(int fd)
{
	ending.cut = fd;
	/* It may have come before. */
	if (fd >= 0 && ending.signal && ending.nothing >= 0)
		dup2(ending.nothing, fd);
}

void ctl_ending_obey(void)
{
	if (!ending.signal)
		return;
	signal(ending.signal, SIG_DFL);
	raise(ending.signal);
}

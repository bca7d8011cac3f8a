#include "host/signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int seg_signals_open(seg_signals *signals)
{
	sigset_t heard;
	sigemptyset(&heard);
	sigaddset(&heard, SIGTERM);
	sigaddset(&heard, SIGINT);
	sigaddset(&heard, SIGHUP);
	sigaddset(&heard, SIGUSR1);
	sigaddset(&heard, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &heard, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals->fd = signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
	return signals->fd < 0 ? -1 : 0;
}

static void note_stop(seg_signals *signals, const char *name, const seg_logger *logger)
{
	signals->stops++;
	seg_log(logger, SEG_LOG_INFO,
		signals->stops == 1 ? "%s: stopping cleanly; a second signal stops at once"
				    : "%s: stopping at once",
		name);
}

static void note(seg_signals *signals, uint32_t number, const seg_logger *logger)
{
	switch (number) {
	case SIGTERM:
		note_stop(signals, "SIGTERM", logger);
		break;
	case SIGINT:
		note_stop(signals, "SIGINT", logger);
		break;
	case SIGHUP:
		signals->reload = true;
		break;
	case SIGUSR1:
		signals->drain = !signals->drain;
		break;
	case SIGUSR2:
		signals->report = true;
		break;
	}
}

void seg_signals_read(seg_signals *signals, const seg_logger *logger)
{
	struct signalfd_siginfo info;
	while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		note(signals, info.ssi_signo, logger);
}

void seg_signals_close(seg_signals *signals)
{
	if (signals->fd >= 0)
		close(signals->fd);
	signals->fd = -1;
}

#include "host/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What the signal handler leaves for the main thread. */
static struct {
	pid_t owner;       /* a child of fork() has these handlers, too, until it executes a program */
	bool had_terminal; /* at the start */
	atomic_int fd;
	atomic_uint terminations, interrupts, hang_ups, reloads, drains, reports;
} caught = {.fd = -1};

static bool has_terminal(void)
{
	int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (terminal >= 0)
		close(terminal);
	return terminal >= 0;
}

static const int heard[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

/*
 * The kernel sends SIGHUP when a terminal hangs up. A shell that gets it passes it on to its jobs; then the terminal is
 * gone already. All others mean a reload.
 */
static bool is_hang_up(const siginfo_t *info)
{
	if (info->si_code == SI_KERNEL)
		return true;
	return caught.had_terminal && info->si_pid != 0 && info->si_pid == getsid(0) && !has_terminal();
}

/* What the signal would do without a handler. */
static void do_as_by_default(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static atomic_uint *counter_of(int number, const siginfo_t *info)
{
	switch (number) {
	case SIGTERM:
		return &caught.terminations;
	case SIGINT:
		return &caught.interrupts;
	case SIGUSR1:
		return &caught.drains;
	case SIGUSR2:
		return &caught.reports;
	}
	return is_hang_up(info) ? &caught.hang_ups : &caught.reloads;
}

static void catch (int number, siginfo_t *info, void *context)
{
	(void)context;
	if (getpid() != caught.owner) {
		do_as_by_default(number);
		return;
	}
	int saved = errno;
	atomic_fetch_add(counter_of(number, info), 1);
	int fd = atomic_load(&caught.fd);
	if (fd >= 0)
		eventfd_write(fd, 1);
	errno = saved;
}

/* Again and again: plugins, and the runtimes that they bring along, set handlers of their own. */
static void install(void)
{
	struct sigaction action = {.sa_sigaction = catch, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		sigaction(heard[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void seg_signals_catch(void)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		sigaddset(&set, heard[i]);
	if (caught.owner != getpid())
		caught.had_terminal = has_terminal();
	caught.owner = getpid();
	install();
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static bool has_caught(void)
{
	return atomic_load(&caught.terminations) || atomic_load(&caught.interrupts) ||
	       atomic_load(&caught.hang_ups) || atomic_load(&caught.reloads) || atomic_load(&caught.drains) ||
	       atomic_load(&caught.reports);
}

int seg_signals_open(seg_signals *signals)
{
	signals->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (signals->fd < 0)
		return -1;
	seg_signals_catch();
	atomic_store(&caught.fd, signals->fd);
	if (has_caught())
		eventfd_write(signals->fd, 1);
	return 0;
}

static void note_stops(seg_signals *signals, atomic_uint *count, const char *name, const seg_logger *logger)
{
	for (unsigned left = atomic_exchange(count, 0); left > 0; left--) {
		signals->stops++;
		seg_log(logger, SEG_LOG_INFO,
			signals->stops == 1 ? "%s: stopping cleanly; a second signal stops at once"
					    : "%s: stopping at once",
			name);
	}
}

bool seg_signals_read(seg_signals *signals, const seg_logger *logger)
{
	eventfd_t seen;
	install();
	if (eventfd_read(signals->fd, &seen) != 0)
		return false;
	note_stops(signals, &caught.terminations, "SIGTERM", logger);
	note_stops(signals, &caught.interrupts, "SIGINT", logger);
	note_stops(signals, &caught.hang_ups, "the terminal hung up (SIGHUP)", logger);
	if (atomic_exchange(&caught.reloads, 0))
		signals->reload = true;
	if (atomic_exchange(&caught.reports, 0))
		signals->report = true;
	if (atomic_exchange(&caught.drains, 0) % 2)
		signals->drain = !signals->drain;
	return true;
}

void seg_signals_close(seg_signals *signals)
{
	atomic_store(&caught.fd, -1);
	if (signals->fd >= 0)
		close(signals->fd);
	signals->fd = -1;
}

/*
 * Does what a plugin must not do: in handle, what a message's data names; in init, partition_open, tick and partition_close,
 * what the option of that name names:
 *
 *     crash          writes to address 64         abort          aborts
 *     exit           calls exit(0)                _exit          calls _exit(0)
 *     hang           never returns                spin           never returns, and burns its CPU
 *     mask           blocks all signals           close          closes descriptors 0 to 255 but standard error
 *     fork           leaves a child process behind, which sleeps a second
 *     thread_exit    ends the worker's thread     stack          overflows its stack
 *     ignore         ignores SIGTERM              hog            takes all memory there is, and keeps it
 *     chdir          makes / the current directory
 *     huge           writes to memory that malloc refused
 *     signals        sends its process each signal that an operator may, SIGUSR1 twice
 *     children       starts two children, waits for both, and logs how they ended: one calls exit(0), one sleeps until SIGTERM
 *
 * All other messages are done.
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <segmenter/handler.h>

static void crash(void)
{
	static volatile uintptr_t nowhere = 64;
	*(volatile int *)nowhere = 1;
}

static void leave(void)
{
	exit(0);
}

static void leave_at_once(void)
{
	_exit(0);
}

static void hang(void)
{
	for (;;)
		pause();
}

static void spin(void)
{
	for (;;)
		__asm__ volatile("");
}

static void mask(void)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* By the system call itself, so that ThreadSanitizer does not report that it closes others' descriptors. */
static void close_all(void)
{
	for (int fd = 0; fd < 256; fd++)
		if (fd != STDERR_FILENO)
			syscall(SYS_close, fd);
}

static void leave_a_child(void)
{
	if (fork() == 0) {
		sleep(1);
		_exit(0);
	}
}

static void thread_exit(void)
{
	pthread_exit(NULL);
}

__attribute__((noinline)) static int overflow(volatile char *above)
{
	volatile char frame[65536];
	frame[0] = 0;
	return above && above[0] ? 0 : overflow(frame) + frame[0];
}

static void stack(void)
{
	overflow(NULL);
}

static void ignore(void)
{
	signal(SIGTERM, SIG_IGN);
}

static void go_to_root(void)
{
	if (chdir("/"))
		abort();
}

static void hog(void)
{
	for (size_t size = (size_t)1 << 24; size >= 16; size /= 2)
		for (volatile char *taken; (taken = malloc(size));)
			taken[size - 1] = 1;
}

static void huge(void)
{
	volatile char *refused = malloc((size_t)1 << 62);
	refused[0] = 1;
}

static const seg_host *our_host;

/* What any program may do. */
static void children(void)
{
	int exited = -1, ended = -1;
	pid_t child = fork();
	if (child == 0)
		exit(0);
	waitpid(child, &exited, 0);
	const char *argv[] = {"sleep", "60", NULL};
	if (posix_spawnp(&child, "sleep", NULL, NULL, (char **)(uintptr_t)argv, environ) != 0)
		return;
	kill(child, SIGTERM);
	waitpid(child, &ended, 0);
	our_host->log(our_host, SEG_WARNING, "children: exit %d, signal %d", WEXITSTATUS(exited),
		      WIFSIGNALED(ended) ? WTERMSIG(ended) : 0);
}

static void *crash_apart(void *arg)
{
	crash();
	return arg;
}

static void crash_in_a_thread(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, crash_apart, NULL) == 0)
		pthread_join(thread, NULL);
}

static void signals(void)
{
	static const int sent[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGUSR1};
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		kill(getpid(), sent[i]);
}

static const struct {
	const char *word;
	void (*deed)(void);
} deeds[] = {
	{"crash", crash},
	{"thread_crash", crash_in_a_thread},
	{"abort", abort},
	{"exit", leave},
	{"_exit", leave_at_once},
	{"hang", hang},
	{"spin", spin},
	{"mask", mask},
	{"close", close_all},
	{"fork", leave_a_child},
	{"thread_exit", thread_exit},
	{"stack", stack},
	{"ignore", ignore},
	{"hog", hog},
	{"chdir", go_to_root},
	{"huge", huge},
	{"signals", signals},
	{"children", children},
};

/* Announced, so that a test knows when. */
static void act(const void *word, size_t length)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (length != strlen(deeds[i].word) || memcmp(word, deeds[i].word, length) != 0)
			continue;
		our_host->log(our_host, SEG_WARNING, "about to do: %s", deeds[i].word);
		deeds[i].deed();
	}
}

static void act_as(const seg_host *host, const char *option)
{
	const char *word = host->option(host, option);
	if (word)
		act(word, strlen(word));
}

static int init(const seg_host *host, void **plugin, char *error, size_t error_size)
{
	(void)plugin, (void)error, (void)error_size;
	our_host = host;
	act_as(host, "init");
	return 0;
}

static int partition_open(void *plugin, uint32_t partition, uint64_t epoch, void **state, char *error,
			  size_t error_size)
{
	(void)plugin, (void)partition, (void)epoch, (void)state, (void)error, (void)error_size;
	act_as(our_host, "partition_open");
	return 0;
}

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state;
	for (size_t i = 0; i < batch->count; i++)
		act(batch->messages[i].data, batch->messages[i].data_length);
	return seg_done();
}

static void tick(void *plugin, void *state)
{
	(void)plugin, (void)state;
	act_as(our_host, "tick");
}

static void partition_close(void *plugin, void *state, seg_close_reason reason)
{
	(void)plugin, (void)state, (void)reason;
	act_as(our_host, "partition_close");
}

static const seg_option options[] = {
	{"init", SEG_OPTION_TEXT, 0, NULL, "What init does."},
	{"partition_open", SEG_OPTION_TEXT, 0, NULL, "What partition_open does."},
	{"tick", SEG_OPTION_TEXT, 0, NULL, "What tick does."},
	{"partition_close", SEG_OPTION_TEXT, 0, NULL, "What partition_close does."},
	{NULL, 0, 0, NULL, NULL},
};

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "hostile",
	.options = options,
	.init = init,
	.partition_open = partition_open,
	.handle = handle,
	.tick = tick,
	.partition_close = partition_close,
	.flags = SEG_HANDLER_PARALLEL,
};

SEG_HANDLER_EXPORT(handler);

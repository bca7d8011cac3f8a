/*
 * Does what a plugin must not, when it is handed a message whose data says so:
 *
 *     crash          writes to address 0          abort          aborts
 *     exit           calls exit(0)                _exit          calls _exit(0)
 *     hang           never returns                spin           never returns, and burns its CPU
 *     mask           blocks all signals           close          closes descriptors 0 to 255 but standard error
 *     fork           leaves a child process behind, which sleeps a second
 *     thread_exit    ends the worker's thread     stack          overflows its stack
 *
 * All other messages are done.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <segmenter/handler.h>

static void crash(void)
{
	*(volatile int *)0 = 1;
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

static void close_all(void)
{
	for (int fd = 0; fd < 256; fd++)
		if (fd != STDERR_FILENO)
			close(fd);
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

static const struct {
	const char *word;
	void (*deed)(void);
} deeds[] = {
	{"crash", crash},        {"abort", abort},
	{"exit", leave},         {"_exit", leave_at_once},
	{"hang", hang},          {"spin", spin},
	{"mask", mask},          {"close", close_all},
	{"fork", leave_a_child}, {"thread_exit", thread_exit},
	{"stack", stack},
};

static seg_answer handle(void *plugin, void *state, const seg_batch *batch)
{
	(void)plugin, (void)state;
	for (size_t i = 0; i < batch->count; i++)
		for (size_t j = 0; j < sizeof(deeds) / sizeof(deeds[0]); j++) {
			const seg_message *message = &batch->messages[i];
			if (message->data_length == strlen(deeds[j].word) &&
			    memcmp(message->data, deeds[j].word, message->data_length) == 0)
				deeds[j].deed();
		}
	return seg_done();
}

static const seg_handler handler = {
	.abi = SEG_HANDLER_ABI,
	.size = sizeof(seg_handler),
	.name = "hostile",
	.handle = handle,
};

SEG_HANDLER_EXPORT(handler);

/*
 * words.c - sends each line of standard input as a message with the line as its key, and watches a group handle them.
 *
 *     words ADDRESS STREAM GROUP SECONDS <lines
 *
 * The data of a message is its number in the input, so a handler can tell whether messages came in order. The program
 * spreads the sending over SECONDS, and ends when the group has handled all messages: with exit code 0, or with 1 and
 * one line that names the failure.
 */
#include <segmenter/segmenter.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROGRESS_MS = 500, HANDLED_WITHIN_MS = 30000, OWNERS_MAX = 16 };

typedef struct lines {
	char **list;
	size_t count;
} lines;

typedef struct sending {
	seg_stream *stream;
	const char *group;
	size_t total;
	size_t sent;
	atomic_size_t failed; /* written by the producer's thread */
	long long shown_at;   /* when progress was last shown */
} sending;

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static int fail(seg_error *error, int status, const char *text)
{
	error->status = status;
	snprintf(error->text, sizeof(error->text), "%s", text);
	return status;
}

static int read_lines(FILE *in, lines *all)
{
	char *line = NULL;
	size_t size = 0, capacity = 0;
	ssize_t length;
	while ((length = getline(&line, &size, in)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (all->count == capacity) {
			capacity = capacity ? 2 * capacity : 1024;
			char **larger = realloc(all->list, capacity * sizeof(*larger));
			if (!larger)
				return -1;
			all->list = larger;
		}
		all->list[all->count] = strdup(line);
		if (!all->list[all->count++])
			return -1;
	}
	free(line);
	return 0;
}

typedef struct owner {
	const char *name;
	unsigned partitions;
} owner;

static int compare_owners(const void *a, const void *b)
{
	return strcmp(((const owner *)a)->name, ((const owner *)b)->name);
}

/* "runner-1 4, runner-2 4": who owns how many partitions. */
static void print_owners(const seg_group_info *info)
{
	owner owners[OWNERS_MAX];
	size_t count = 0;
	for (uint32_t p = 0; p < info->partition_count; p++) {
		const char *name = info->partitions[p].owner;
		size_t o = 0;
		while (o < count && strcmp(owners[o].name, name) != 0)
			o++;
		if (o == count && name[0] && count < OWNERS_MAX)
			owners[count++] = (owner){.name = name};
		if (o < count)
			owners[o].partitions++;
	}
	qsort(owners, count, sizeof(owners[0]), compare_owners);
	for (size_t o = 0; o < count; o++)
		printf("%s%s %u", o ? ", " : "", owners[o].name, owners[o].partitions);
}

static void show(sending *s, const seg_group_info *info, long long lag)
{
	s->shown_at = now_ms();
	printf("  %5zu of %zu words sent", s->sent, s->total);
	if (lag >= 0)
		printf(", %lld not handled yet", lag);
	printf("; partitions: ");
	print_owners(info);
	printf("\n");
	fflush(stdout);
}

/* How many messages the group has yet to handle, or -1 if that cannot be told; says so, now and then. */
static long long look(sending *s)
{
	seg_group_info *info;
	if (seg_group_describe(s->stream, s->group, &info, NULL))
		return -1;
	long long lag = 0;
	for (uint32_t p = 0; p < info->partition_count; p++)
		lag = lag < 0 || info->partitions[p].lag < 0 ? -1 : lag + info->partitions[p].lag;
	if (now_ms() - s->shown_at >= PROGRESS_MS || (lag == 0 && s->sent == s->total))
		show(s, info, lag);
	seg_group_info_free(info);
	return lag;
}

static void delivered(void *arg, const seg_delivery *delivery)
{
	sending *s = arg;
	if (delivery->status == SEG_OK)
		return;
	atomic_fetch_add(&s->failed, 1);
	fprintf(stderr, "words: a word was not added: %s\n",
		delivery->text ? delivery->text : "no reason given");
}

static int send_all(sending *s, seg_producer *producer, const lines *all, double seconds, seg_error *error)
{
	long long start = now_ms();
	while (s->sent < all->count) {
		const char *word = all->list[s->sent];
		char number[24];
		int length = snprintf(number, sizeof(number), "%zu", s->sent + 1);
		seg_record record = {.key = word,
				     .key_length = strlen(word),
				     .data = number,
				     .data_length = (size_t)length};
		int status = seg_producer_send(producer, &record, NULL, error);
		if (status)
			return status;
		s->sent++;
		while ((double)(now_ms() - start) < seconds * 1000 * (double)s->sent / (double)all->count) {
			if (now_ms() - s->shown_at >= PROGRESS_MS)
				look(s);
			pause_ms(1);
		}
	}
	return 0;
}

static int wait_until_handled(sending *s, seg_error *error)
{
	long long deadline = now_ms() + HANDLED_WITHIN_MS;
	while (look(s) != 0) {
		if (now_ms() > deadline) {
			error->status = SEG_ETIMEOUT;
			snprintf(error->text, sizeof(error->text),
				 "the group %s has not handled all within %d s", s->group,
				 HANDLED_WITHIN_MS / 1000);
			return SEG_ETIMEOUT;
		}
		pause_ms(20);
	}
	return 0;
}

static int run(char **argv, const lines *all, seg_error *error)
{
	seg_client_options options;
	seg_client_options_init(&options);
	options.address = argv[1];
	sending s = {.group = argv[3], .total = all->count};
	seg_client *client = NULL;
	seg_producer *producer = NULL;
	seg_producer_options producer_options;
	seg_producer_options_init(&producer_options);
	producer_options.delivery = delivered;
	producer_options.delivery_arg = &s;

	int status = seg_client_open(&options, &client, error);
	if (!status)
		status = seg_stream_open(client, argv[2], &s.stream, error);
	if (!status)
		status = seg_producer_open(s.stream, &producer_options, &producer, error);
	if (!status)
		status = send_all(&s, producer, all, atof(argv[4]), error);
	int closed = seg_producer_close(producer, HANDLED_WITHIN_MS, status ? NULL : error);
	if (!status)
		status = closed;
	if (!status && atomic_load(&s.failed) == 0)
		status = wait_until_handled(&s, error);
	seg_stream_close(s.stream);
	seg_client_close(client);
	return status ? status : atomic_load(&s.failed) ? SEG_EUNKNOWN : 0;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: %s ADDRESS STREAM GROUP SECONDS <lines\n", argv[0]);
		return 64;
	}
	lines all = {0};
	seg_error error = {0};
	int status;
	if (read_lines(stdin, &all))
		status = fail(&error, SEG_ESYSTEM, "cannot read the words");
	else
		status = run(argv, &all, &error);
	if (status && error.text[0])
		fprintf(stderr, "words: %s\n", error.text);
	for (size_t i = 0; i < all.count; i++)
		free(all.list[i]);
	free(all.list);
	return status ? 1 : 0;
}

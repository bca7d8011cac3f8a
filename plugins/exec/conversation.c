#include "conversation.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "../common/message_json.h"
#include "effects.h"

enum {
	ENCODED_AHEAD = 256 * 1024, /* bytes encoded before they can be written */
	ANSWER_MAX = 16 * 1024 * 1024,
	READ_SIZE = 64 * 1024,
	END_AFTER_OUTPUT_MS = 1000,
	PREFIX = 4
};

/* One batch's exchange. */
typedef struct exchange {
	conversation *talk;
	child *child;
	const seg_batch *batch;
	exec_answer *answers;
	size_t sent, answered;
	bool refused; /* an answer was not "ok": nothing more is sent */
	char *error;
	size_t error_size;
} exchange;

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void conversation_reset(conversation *talk)
{
	buffer_reset(&talk->requests);
	buffer_reset(&talk->answers);
	talk->written = talk->parsed = 0;
	talk->encoded_ever = talk->written_ever = 0;
	talk->has_answered = talk->told = false;
}

void conversation_fini(conversation *talk)
{
	buffer_fini(&talk->requests);
	buffer_fini(&talk->answers);
}

const char *conversation_disturbance(const conversation *talk, const child *c)
{
	struct pollfd out = {.fd = c->out, .events = POLLIN};
	if (talk->answers.length > talk->parsed || (poll(&out, 1, 0) == 1 && (out.revents & POLLIN)))
		return "wrote an answer before it got a message";
	return out.revents ? "closed its standard output" : NULL;
}

__attribute__((format(printf, 2, 3))) static int fail(exchange *x, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(x->error, x->error_size, format, args);
	va_end(args);
	return -1;
}

/* --- messages to the child ------------------------------------------------------------------ */

static void store_length(char *prefix, size_t length)
{
	for (int i = 0; i < PREFIX; i++)
		prefix[i] = (char)(length >> (8 * (PREFIX - 1 - i)) & 0xff);
}

/*
 * A message as JSON. The first one that a child gets has the partition's values, too: the child forgets what it knew, and goes on
 * from these. With lanes, the child of a lane sees a part of the messages, and no values.
 */
static void add_message(conversation *talk, const seg_host *host, const seg_batch *batch, size_t index,
			bool with_data)
{
	buffer *b = &talk->requests;
	message_json(b, host, batch, index, index == 0 ? batch->attempt : 1, with_data);
	if (talk->told || !batch->calls || host->parallel > 1 || b->failed)
		return;
	b->bytes[b->length - 1] = ',';
	effects_tell(b, batch, index);
	buffer_text(b, "}");
	talk->told = true;
}

static void encode(conversation *talk, const seg_host *host, const seg_batch *batch, size_t index)
{
	buffer *b = &talk->requests;
	const seg_message *message = &batch->messages[index];
	char prefix[PREFIX] = {0};
	if (!talk->frames) {
		add_message(talk, host, batch, index, true);
		buffer_text(b, "\n");
		return;
	}
	size_t start = b->length;
	buffer_add(b, prefix, PREFIX);
	add_message(talk, host, batch, index, false);
	if (b->failed)
		return;
	store_length(b->bytes + start, b->length - start - PREFIX);
	store_length(prefix, message->data_length);
	buffer_add(b, prefix, PREFIX);
	buffer_add(b, message->data, message->data_length);
}

static bool may_send(const exchange *x)
{
	return !x->refused && x->sent < x->batch->count && x->sent - x->answered < x->talk->window;
}

/* The child owes no answer, and gets no further message. */
static bool is_over(const exchange *x)
{
	return x->answered == x->sent && !may_send(x);
}

static int encode_more(exchange *x)
{
	buffer *b = &x->talk->requests;
	if (x->talk->written == b->length) {
		buffer_reset(b);
		x->talk->written = 0;
	}
	while (may_send(x) && b->length - x->talk->written < ENCODED_AHEAD) {
		size_t before = b->length;
		x->answers[x->sent].begins = x->talk->encoded_ever;
		encode(x->talk, x->child->host, x->batch, x->sent++);
		x->talk->encoded_ever += b->length - before;
	}
	return b->failed ? fail(x, "out of memory") : 0;
}

static bool has_requests(const exchange *x)
{
	return x->talk->written < x->talk->requests.length;
}

/* A child that no longer reads may still answer what it has read. step() notices when the child ends. */
static void write_requests(exchange *x)
{
	conversation *talk = x->talk;
	while (has_requests(x)) {
		ssize_t n = write(x->child->in, talk->requests.bytes + talk->written,
				  talk->requests.length - talk->written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			talk->written = talk->requests.length;
		if (n < 0)
			return;
		talk->written += (size_t)n;
		talk->written_ever += (uint64_t)n;
	}
}

/* --- answers of the child --------------------------------------------------------------------- */

/* Finds the next complete answer; false if there is none yet. */
static bool next_answer(conversation *talk, const char **text, size_t *length)
{
	const char *from = talk->answers.bytes + talk->parsed;
	size_t there = talk->answers.length - talk->parsed;
	if (talk->frames) {
		const unsigned char *prefix = (const unsigned char *)from;
		if (there < PREFIX)
			return false;
		*length = (size_t)prefix[0] << 24 | (size_t)prefix[1] << 16 | (size_t)prefix[2] << 8 |
			  prefix[3];
		*text = from + PREFIX;
		/* Too long for an answer: most likely text without framing. The error shows what has arrived. */
		if (*length > ANSWER_MAX) {
			*text = from;
			*length = there;
			talk->parsed = talk->answers.length;
			return true;
		}
		if (there - PREFIX < *length)
			return false;
		talk->parsed += PREFIX + *length;
		return true;
	}
	const char *newline = there ? memchr(from, '\n', there) : NULL;
	if (!newline && there <= ANSWER_MAX)
		return false;
	*text = from;
	*length = newline ? (size_t)(newline - from) : there;
	talk->parsed += *length + (newline != NULL);
	return true;
}

/* Whether this segrunner, and this section, can do what the answer wants. */
static int refuse_effects(exchange *x, exec_answer *answer)
{
	const char *why = NULL;
	if (answer->effects && !x->batch->calls)
		why = "the answer has \"emit\" or \"state\", and this segrunner has no outputs and no state";
	else if (x->child->host->parallel > 1 && json_object_get(answer->effects, "state"))
		why = "the answer has \"state\", which exec offers only with parallel = 1";
	if (!why)
		return 0;
	answer_fini(answer);
	return fail(x, "%s", why);
}

static int parse_answers(exchange *x)
{
	conversation *talk = x->talk;
	const char *text;
	size_t length;
	while (x->answered < x->sent && next_answer(talk, &text, &length)) {
		exec_answer *answer = &x->answers[x->answered];
		*answer = (exec_answer){.id = x->batch->messages[x->answered].id};
		if (answer_parse(answer, text, length, x->error, x->error_size) != 0) {
			answer_fini(answer);
			return -1;
		}
		if (refuse_effects(x, answer) != 0)
			return -1;
		x->answered++;
		talk->has_answered = true;
		x->refused |= answer->outcome != SEG_OUTCOME_DONE;
	}
	size_t rest = talk->answers.length - talk->parsed;
	if (rest > 0 && talk->parsed > 0)
		memmove(talk->answers.bytes, talk->answers.bytes + talk->parsed, rest);
	talk->answers.length = rest;
	talk->parsed = 0;
	/* After the last answer to a batch, the rest is the next batch's concern: another child gets that. */
	if (rest > 0 && x->answered == x->sent && !is_over(x))
		return fail(x, "the child wrote more than its answers");
	return 0;
}

/* A child that ends closes its output first. Waiting a moment lets the error name the exit code. */
static void wait_for_end(const child *c)
{
	struct pollfd ended = {.fd = c->pidfd, .events = POLLIN};
	poll(&ended, 1, END_AFTER_OUTPUT_MS);
}

/* 1: there may be more to read; 0: nothing more now; -1: failed. */
static int read_answers(exchange *x)
{
	buffer *b = &x->talk->answers;
	if (!buffer_reserve(b, READ_SIZE))
		return fail(x, "out of memory");
	ssize_t n = read(x->child->out, b->bytes + b->length, READ_SIZE);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			       ? 0
			       : fail(x, "cannot read the child's standard output: %s", strerror(errno));
	if (n == 0) {
		wait_for_end(x->child);
		return fail(x, "the child closed its standard output");
	}
	b->length += (size_t)n;
	return parse_answers(x) == 0 ? 1 : -1;
}

/* --- both -------------------------------------------------------------------------------------- */

/* Waits until something can be read or written, at most until the deadline, and does so. 0, or -1 with an error. */
static int step(exchange *x, int64_t deadline)
{
	struct pollfd fds[] = {{.fd = x->child->out, .events = POLLIN},
			       {.fd = x->child->pidfd, .events = POLLIN},
			       {.fd = x->child->err, .events = POLLIN},
			       {.fd = has_requests(x) ? x->child->in : -1, .events = POLLOUT}};
	int64_t left = deadline - now_ms();
	poll(fds, 4, left < 0 ? 0 : left < 3600000 ? (int)left + 1 : 3600000);
	if (fds[2].revents)
		child_listen(x->child);
	if (fds[3].revents)
		write_requests(x);
	/* A child that has ended may have answered after poll(2) looked at its output. Its end is no failure if it has answered all. */
	int more = 1;
	while (more == 1 && !is_over(x) && (fds[0].revents || fds[1].revents))
		more = read_answers(x);
	if (more >= 0 && fds[1].revents && !is_over(x))
		return fail(x, "the child ended before it answered");
	return more < 0 ? -1 : 0;
}

static int hold(exchange *x)
{
	int64_t timeout = x->talk->timeout / 1000000, deadline = now_ms() + timeout;
	while (!is_over(x)) {
		size_t before = x->answered;
		if (encode_more(x) != 0)
			return -1;
		write_requests(x);
		if (step(x, deadline) != 0)
			return -1;
		if (x->answered > before)
			deadline = now_ms() + timeout;
		else if (now_ms() > deadline)
			return fail(x,
				    "the child did not answer within option.timeout (%" PRId64
				    " ms); does it flush its standard output?",
				    timeout);
	}
	return 0;
}

/*
 * Whether the child may have a part of the first message without an answer. While it lives, it may; once it has ended, what it has
 * not read is still in the pipe.
 */
static bool may_have_next(const exchange *x)
{
	int unread = 0;
	if (x->answered == x->sent)
		return false;
	return !child_has_ended(x->child) || ioctl(x->child->in, FIONREAD, &unread) != 0 || unread < 0 ||
	       x->talk->written_ever - (uint64_t)unread > x->answers[x->answered].begins;
}

talk_end conversation_hold(conversation *talk, child *c, const seg_batch *batch, exec_answer *answers,
			   size_t *answered, char *error, size_t error_size)
{
	exchange x = {.talk = talk,
		      .child = c,
		      .batch = batch,
		      .answers = answers,
		      .sent = *answered,
		      .answered = *answered,
		      .error = error,
		      .error_size = error_size};
	int result = hold(&x);
	*answered = x.answered;
	if (result == 0)
		return TALK_ANSWERED;
	bool is_of_no_use = child_has_ended(c) || conversation_disturbance(talk, c);
	return is_of_no_use && talk->has_answered && !may_have_next(&x) ? TALK_LEFT : TALK_FAILED;
}

#include "group/commit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "base/random.h"
#include "stream/record.h"

#define RETRY_PAUSE (50 * SEG_MS)
#define RETRY_CAP (5 * SEG_SECOND)
#define LOOK_PAUSE_MIN (SEG_MS / 10) /* with commit_interval 0 too */
#define LOOK_PAUSE_MAX (20 * SEG_MS)

/* The texts of a fenced call's arguments. */
typedef struct {
	char epoch[24];
	char id[SEG_ID_TEXT_MAX];
	char count[24];
} call_texts;

static void write_texts(call_texts *texts, const seg_partition *p, seg_id id, uint64_t count)
{
	snprintf(texts->epoch, sizeof(texts->epoch), "%" PRIu64, p->own.epoch);
	int64_t read = seg_partition_entries_read(p, count);
	const char *of_records = p->member->stream->shape.packing && read >= 0 ? "r" : "";
	snprintf(texts->count, sizeof(texts->count), "%s%" PRId64, of_records, read);
	seg_id_format(id, texts->id);
}

static void fenced(seg_partition *p)
{
	atomic_fetch_add_explicit(&p->member->counters.fenced, 1, memory_order_relaxed);
	seg_member_lost(p->member, p, "a later owner has raised the fence");
}

/* Neither done nor fenced: say so if it is not a passing state, and try again in a while, less and less often then. */
static void refused(seg_partition *p, const seg_reply *reply, const char *what)
{
	int64_t pause = RETRY_PAUSE;
	if (reply && !seg_reply_is_transient(reply)) {
		pause = seg_backoff(RETRY_PAUSE, RETRY_CAP, ++p->refusals);
		seg_log(&p->logger, SEG_LOG_ERROR, "Redis refused %s: %s", what,
			reply->type == SEG_REPLY_ERROR ? reply->text : "unknown answer");
	}
	p->retry_at = seg_now() + pause;
}

static void note_committed(seg_partition *p, uint64_t count)
{
	uint64_t before = atomic_load_explicit(&p->handoff.io.committed, memory_order_relaxed);
	if (count <= before)
		return;
	atomic_store_explicit(&p->handoff.io.committed, count, memory_order_release);
	atomic_fetch_add_explicit(&p->member->counters.committed, count - before, memory_order_relaxed);
	if (p->member->options.shared_event)
		seg_handoff_wake(&p->handoff);
}

/* --- commits --------------------------------------------------------------------- */

static void got_commit(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	p->commit_busy = false;
	if (p->commit_epoch != p->own.epoch)
		return; /* of an ownership that is over */
	if (seg_reply_is(status, "OK")) {
		p->refusals = 0;
		if (seg_id_compare(p->commit_id, p->committed) > 0)
			p->committed = p->commit_id;
		note_committed(p, p->commit_count);
		atomic_fetch_add_explicit(&p->member->counters.commits, 1, memory_order_relaxed);
		seg_durations_add(&p->member->counters.committing, seg_now() - p->commit_sent_at);
	} else if (seg_reply_is(status, "FENCED")) {
		fenced(p);
	} else {
		refused(p, reply, "a commit");
	}
}

static bool send_commit(seg_partition *p, bool release, seg_reply_fn fn)
{
	call_texts texts;
	write_texts(&texts, p, p->handled, p->handled_count);
	const char *argv[] = {p->log_key, p->state_key, p->member->group, texts.epoch,
			      p->nonce,   texts.id,     texts.count,      release ? "1" : "0"};
	return seg_connection_script(p->member->data, SEG_SCRIPT_COMMIT, fn, p, 2, 8, argv, NULL);
}

static void got_release(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	p->commit_busy = false;
	if (p->commit_epoch != p->own.epoch)
		return;
	if (seg_reply_is(status, "OK")) {
		p->refusals = 0;
		p->committed = p->handled;
		seg_ownership_released(&p->own);
		seg_log(&p->logger, SEG_LOG_DEBUG, "released");
	} else if (seg_reply_is(status, "FENCED")) {
		fenced(p);
	} else {
		refused(p, reply, "the release of a partition");
		seg_ownership_release_failed(&p->own);
	}
}

bool seg_commit_release(seg_partition *p)
{
	if (p->commit_busy || seg_now() < p->retry_at || !seg_member_may_write(p->member) ||
	    !send_commit(p, true, got_release))
		return false;
	p->commit_busy = true;
	p->commit_epoch = p->own.epoch;
	return true;
}

/* --- requests of the worker --------------------------------------------------------- */

static void answer_request(seg_partition *p, int status, int64_t value)
{
	p->request.kind = SEG_REQUEST_NONE;
	seg_handoff_answer(&p->handoff, status, value);
}

static void got_request(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	p->request_busy = false;
	if (p->request_epoch != p->own.epoch || p->request.kind == SEG_REQUEST_NONE)
		return;
	if (seg_reply_is(status, "OK")) {
		p->refusals = 0;
		if (p->request.kind == SEG_REQUEST_DEAD_LETTER) {
			atomic_fetch_add_explicit(&p->member->counters.dead_letters, 1, memory_order_relaxed);
			if (seg_id_compare(p->request.id, p->committed) > 0)
				p->committed = p->request.id;
			note_committed(p, p->request.sequence + 1);
		}
		answer_request(p, 0, seg_reply_number(seg_reply_at(reply, 1), 0));
	} else if (seg_reply_is(status, "FENCED")) {
		fenced(p);
	} else {
		refused(p, reply, p->request.kind == SEG_REQUEST_DEAD_LETTER ? "a dead letter" : "a mark");
	}
}

enum { LETTER_HEAD = 12 };

/* The head, and the fields of a message that lies with others in an entry. */
static bool send_letter(seg_partition *p, const char *const head[LETTER_HEAD], const seg_message *packed)
{
	size_t argc = LETTER_HEAD + (packed ? 4 + 2 * packed->header_count : 0), at = LETTER_HEAD;
	const char **argv = malloc(argc * sizeof(*argv));
	size_t *lengths = malloc(argc * sizeof(*lengths));
	bool sent = false;
	if (!argv || !lengths)
		goto out;
	for (size_t i = 0; i < LETTER_HEAD; i++) {
		argv[i] = head[i];
		lengths[i] = strlen(head[i]);
	}
#define PUT(text, length) (argv[at] = (text), lengths[at++] = (length))
	if (packed) {
		PUT(SEG_FIELD_KEY, strlen(SEG_FIELD_KEY));
		PUT(packed->key, packed->key_length);
		PUT(SEG_FIELD_DATA, strlen(SEG_FIELD_DATA));
		PUT(packed->data, packed->data_length);
	}
	for (size_t i = 0; packed && i < packed->header_count; i++) {
		PUT(packed->headers[i].name, packed->headers[i].name_length);
		PUT(packed->headers[i].value, packed->headers[i].value_length);
	}
#undef PUT
	sent = seg_connection_script(p->member->data, SEG_SCRIPT_DEAD_LETTER, got_request, p, 3, (int)argc,
				     argv, lengths);
out:
	free(argv);
	free(lengths);
	return sent;
}

static bool send_dead_letter(seg_partition *p)
{
	const seg_request *request = &p->request;
	call_texts texts;
	char attempts[16], number[16];
	write_texts(&texts, p, request->id, request->sequence + 1);
	snprintf(attempts, sizeof(attempts), "%u", request->attempts);
	snprintf(number, sizeof(number), "%u", p->number);
	const char *head[] = {p->log_key,      p->state_key, p->dead_key,      p->member->group,
			      texts.epoch,     p->nonce,     texts.id,         texts.count,
			      request->reason, attempts,     request->handler, number};
	return send_letter(p, head, request->packed);
}

static bool send_mark(seg_partition *p)
{
	call_texts texts;
	write_texts(&texts, p, p->request.id, p->request.sequence);
	const char *argv[] = {p->log_key, p->state_key, texts.epoch, p->nonce, texts.id};
	return seg_connection_script(p->member->data, SEG_SCRIPT_MARK, got_request, p, 2, 5, argv, NULL);
}

static void step_request(seg_partition *p, int64_t now)
{
	if (p->request.kind == SEG_REQUEST_NONE && !seg_handoff_pending(&p->handoff, &p->request))
		return;
	bool stopping = seg_handoff_may_dispatch(&p->handoff) == SEG_DISPATCH_DRAIN;
	if (stopping && !seg_connection_ready(p->member->data)) {
		/* Nobody knows when Redis comes back; the message stays where it is. */
		answer_request(p, SEG_ECLOSED, 0);
		return;
	}
	if (p->request_busy || now < p->retry_at || !seg_member_may_write(p->member))
		return;
	p->request_busy = p->request.kind == SEG_REQUEST_DEAD_LETTER ? send_dead_letter(p) : send_mark(p);
	p->request_epoch = p->own.epoch;
}

void seg_commit_forget(seg_partition *p)
{
	if (p->running &&
	    (p->request.kind != SEG_REQUEST_NONE || seg_handoff_pending(&p->handoff, &p->request)))
		answer_request(p, SEG_EFENCED, 0);
}

/* --- the duty cycle -------------------------------------------------------------------- */

/* As asked for, but early enough that reading need not stop at the end of the window; and not where Redis refuses. */
static int64_t commit_due(const seg_partition *p)
{
	bool early = seg_partition_uncommitted(p) * 4 >= seg_partition_window(p);
	return early || p->commit_at < p->retry_at ? p->retry_at : p->commit_at;
}

int64_t seg_commit_step(seg_partition *p, int64_t now)
{
	seg_member *m = p->member;
	/* The worker may have asked after it was told to stop: it was in a handler. */
	if (p->own.state == SEG_OWN_LOST)
		seg_commit_forget(p);
	if (!p->running || !seg_ownership_commits(&p->own))
		return SEG_NEVER;
	step_request(p, now);
	bool moved = seg_partition_collect(p);
	if (p->commit_busy || !seg_member_may_write(m))
		return SEG_NEVER;
	int64_t due = commit_due(p);
	if (now < due)
		return moved || p->outstanding_count || p->request.kind != SEG_REQUEST_NONE ? due : SEG_NEVER;
	if (!moved) {
		if (p->outstanding_count == 0)
			return SEG_NEVER;
		/* The worker is busy: look again, so that it never has to wake us for a commit; less and less often. */
		p->look_pause = p->look_pause < LOOK_PAUSE_MIN ? LOOK_PAUSE_MIN : p->look_pause * 2;
		if (p->look_pause > LOOK_PAUSE_MAX)
			p->look_pause = LOOK_PAUSE_MAX;
		return now + p->look_pause;
	}
	p->look_pause = m->options.commit_interval;
	if (send_commit(p, false, got_commit)) {
		p->commit_busy = true;
		p->commit_epoch = p->own.epoch;
		p->commit_id = p->handled;
		p->commit_sent_at = now;
		p->commit_count = p->handled_count;
		/* Where a message may kill the process, what is handled before it must not look like the culprit. */
		p->commit_at = now + (seg_partition_is_suspicious(p) ? 0 : m->options.commit_interval);
	}
	return SEG_NEVER;
}

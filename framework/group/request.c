#include "group/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group/acks.h"
#include "group/commit.h"
#include "group/fenced_call.h"
#include "group/notes.h"
#include "group/refusal.h"
#include "stream/record.h"
#include "stream/spelling.h"

static void answer(seg_partition *p, int status, int64_t value)
{
	p->request.current.kind = SEG_REQUEST_NONE;
	seg_handoff_answer(&p->handoff, status, value);
	seg_note_partition(p, SEG_NOTE_ANSWERED);
}

/* --- with lanes: letters that no commit has covered ----------------------------------------- */

/* `commit`: the number of the commit that covers it. */
static void add_uncovered(seg_partition *p, seg_lettered lettered, uint64_t commit)
{
	unsigned i = p->request.uncovered_count++;
	p->request.uncovered[i].lettered = lettered;
	p->request.uncovered[i].commit = commit;
}

static void forget_covered(seg_partition *p)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < p->request.uncovered_count; i++)
		if (p->request.uncovered[i].commit > p->commit.confirmed)
			p->request.uncovered[kept++] = p->request.uncovered[i];
	p->request.uncovered_count = kept;
}

void seg_request_begin(seg_partition *p)
{
	/*
	 * Numbers go on rising over ownerships, because a claim anew in one epoch keeps its nonce. One is left out: a letter without an
	 * answer may have it.
	 */
	p->request.letters++;
	p->request.uncovered_count = 0;
	for (unsigned i = 0; i < p->resume.lettered_count; i++)
		add_uncovered(p, p->resume.lettered[i], 1);
}

/* Whether Redis can remember one more. If not, a commit is due that covers the others. */
static bool has_place(seg_partition *p)
{
	if (!seg_ledger_has_lanes(&p->ledger) || p->request.current.kind != SEG_REQUEST_DEAD_LETTER)
		return true;
	forget_covered(p);
	bool place = p->request.uncovered_count < SEG_LETTERED_MAX;
	if (!place)
		seg_commit_hurry(p);
	return place;
}

/* Without the fields of a message that shares its entry, the letter has those of the entry, and stands for all of it. */
static seg_lettered what_is_lettered(const seg_partition *p, const seg_request *request)
{
	seg_lettered lettered = {request->id, request->id};
	if (!request->packed)
		lettered.first = seg_id_after(seg_tracker_before(&p->ledger.tracker, request->sequence));
	return lettered;
}

/* Room for `<number> <id>[:<id>] ...`. */
enum { LETTERED_TEXT_MAX = 24 + (SEG_LETTERED_MAX + 1) * 2 * SEG_ID_TEXT_MAX };

static char *put_lettered(char *to, const char *end, seg_lettered lettered)
{
	char first[SEG_ID_TEXT_MAX], last[SEG_ID_TEXT_MAX];
	seg_id_format(lettered.last, last);
	if (seg_id_compare(lettered.first, lettered.last) == 0)
		return to + snprintf(to, (size_t)(end - to), " %s", last);
	return to + snprintf(to, (size_t)(end - to), " %s:%s", seg_id_format(lettered.first, first), last);
}

static char *write_lettered(const seg_partition *p, char text[LETTERED_TEXT_MAX])
{
	const char *end = text + LETTERED_TEXT_MAX;
	text[0] = '\0';
	if (!seg_ledger_has_lanes(&p->ledger))
		return text;
	char *to = text + snprintf(text, LETTERED_TEXT_MAX, "%" PRIu64, p->request.letters + 1);
	to = put_lettered(to, end, what_is_lettered(p, &p->request.current));
	for (unsigned i = 0; i < p->request.uncovered_count; i++)
		to = put_lettered(to, end, p->request.uncovered[i].lettered);
	return text;
}

/* --- answers ----------------------------------------------------------------------------------- */

/* The dead letter is written: its message is committed, too; with lanes, it is done. */
static void dead_lettered(seg_partition *p, const seg_request *request)
{
	seg_member_counters *counters = &p->member->counters;
	atomic_fetch_add_explicit(&counters->dead_letters, 1, memory_order_relaxed);
	if (seg_ledger_has_lanes(&p->ledger)) {
		p->request.letters++;
		/* One under way does not know of it. */
		add_uncovered(p, what_is_lettered(p, request), p->commit.number + 1);
		seg_ledger_mark(&p->ledger, request->sequence);
		return;
	}
	uint64_t added = seg_ledger_committed(&p->ledger, request->id, request->sequence + 1);
	atomic_fetch_add_explicit(&counters->committed, added, memory_order_relaxed);
}

/* A letter that the replicas did not confirm is sent again after this. */
#define UNCONFIRMED_PAUSE (200 * SEG_MS)

static bool is_of_this_ownership(const seg_partition *p)
{
	return p->request.epoch == p->own.epoch && p->request.current.kind != SEG_REQUEST_NONE;
}

/* The letter's WAIT was answered. */
static void got_replicas(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	seg_commit_wait_answered(p->member);
	p->request.busy = false;
	if (!is_of_this_ownership(p))
		return;
	if (!seg_acks_heard(p, reply)) {
		p->fenced_call.retry_at = seg_now() + UNCONFIRMED_PAUSE;
		return;
	}
	dead_lettered(p, &p->request.current);
	answer(p, 0, 0);
}

/* A letter moves the position, so with ack_replicas it counts as a commit does. */
static void ask_replicas(seg_partition *p)
{
	seg_connection *connection = seg_route_answering(p->member->commits->route);
	p->request.busy = seg_commit_wait_ask(p->member, connection, got_replicas, p);
	if (!p->request.busy)
		p->fenced_call.retry_at = seg_now() + UNCONFIRMED_PAUSE;
}

/* --- the limit of the dead letters -------------------------------------------------------- */

/* Between two looks for room, and between two log lines about the limit. */
#define ROOM_PAUSE (1 * SEG_SECOND)
#define TELL_INTERVAL (30 * SEG_SECOND)

static bool may_tell(seg_partition *p, int64_t now)
{
	if (p->request.told_at && now - p->request.told_at < TELL_INTERVAL)
		return false;
	p->request.told_at = now;
	return true;
}

/* The message waits; nothing of its partition overtakes it. */
static void wait_for_room(seg_partition *p)
{
	char id[SEG_ID_TEXT_MAX];
	int64_t now = seg_now();
	p->request.no_room = true;
	p->fenced_call.retry_at = now + ROOM_PAUSE;
	if (may_tell(p, now))
		seg_log(&p->logger, SEG_LOG_ERROR,
			"the partition waits: message %s is to become a dead letter, but dead_letter_limit is %" PRIu64
			"; make room: segctl dlq replay or segctl dlq drop",
			seg_id_format(p->request.current.id, id), p->member->options.dead_letter_limit);
}

static void tell_dropped(seg_partition *p, const seg_reply *reply)
{
	if (seg_reply_number(seg_reply_at(reply, 2), 0) > 0 && may_tell(p, seg_now()))
		seg_log(&p->logger, SEG_LOG_WARNING,
			"the dead letters of this partition are at dead_letter_limit (%" PRIu64
			"): each new one drops the oldest",
			p->member->options.dead_letter_limit);
}

#define LETTER "a dead letter"

static void got_request(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_request *request = &p->request.current;
	bool letter = request->kind == SEG_REQUEST_DEAD_LETTER;
	p->request.busy = false;
	p->request.no_room = false;
	if (!is_of_this_ownership(p))
		return;
	if (letter && seg_reply_is(seg_reply_at(reply, 0), "FULL")) {
		/* Redis did not refuse it, and has not committed anything, either. */
		p->fenced_call.refusals = 0;
		seg_refusal_unknown(p, LETTER);
		wait_for_room(p);
		return;
	}
	if (!seg_fenced_succeeded(p, reply, letter ? LETTER : "a mark"))
		return;
	if (letter)
		tell_dropped(p, reply);
	if (letter && seg_acks_wanted(p->member) > 0) {
		ask_replicas(p);
		return;
	}
	if (letter)
		dead_lettered(p, request);
	answer(p, 0, seg_reply_number(seg_reply_at(reply, 1), 0));
}

/* Where the request goes. A letter that carries its message may be large. */
static const seg_member_link *link_of(const seg_partition *p)
{
	const seg_request *request = &p->request.current;
	bool letter = request->kind == SEG_REQUEST_DEAD_LETTER, large = letter && request->packed;
	if (letter && seg_acks_wanted(p->member) > 0)
		return p->member->commits;
	return &p->member->links[large ? SEG_LINK_DATA : SEG_LINK_CONTROL];
}

enum { LETTER_HEAD = 15 };

/* Sends the head, and the fields of the message if it shares its entry with others. */
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
	sent = seg_fenced_send(p, link_of(p)->route, SEG_SCRIPT_DEAD_LETTER, got_request, 3, (int)argc, argv,
			       lengths);
out:
	free(argv);
	free(lengths);
	return sent;
}

static bool send_dead_letter(seg_partition *p)
{
	const seg_request *request = &p->request.current;
	seg_fenced_texts texts;
	char attempts[16], number[16], limit[24], lettered[LETTERED_TEXT_MAX];
	const seg_member_options *options = &p->member->options;
	seg_fenced_write(&texts, p, request->id, request->sequence + 1);
	snprintf(attempts, sizeof(attempts), "%u", request->attempts);
	snprintf(number, sizeof(number), "%u", p->number);
	snprintf(limit, sizeof(limit), "%" PRIu64, options->dead_letter_limit);
	const char *head[] = {p->log_key,
			      p->state_key,
			      p->dead_key,
			      p->member->group,
			      texts.epoch,
			      p->claim.nonce,
			      texts.id,
			      texts.count,
			      request->reason,
			      attempts,
			      request->handler,
			      number,
			      limit,
			      seg_dead_letters_names[options->dead_letters],
			      write_lettered(p, lettered)};
	return send_letter(p, head, request->packed);
}

static bool send_note(seg_partition *p, const char *what, seg_reply_fn got)
{
	seg_fenced_texts texts;
	char deaths[16];
	seg_fenced_write(&texts, p, p->request.current.id, p->request.current.sequence);
	snprintf(deaths, sizeof(deaths), "%u", p->request.current.attempts);
	const char *argv[] = {p->log_key, p->state_key, texts.epoch, p->claim.nonce, what, texts.id, deaths};
	/* That the handler has returned holds on any node; if it were lost, the end of this owner would count as a death. */
	if (p->request.current.kind == SEG_REQUEST_END)
		return seg_route_script(link_of(p)->route, SEG_SCRIPT_MARK, got, p, 2, 7, argv, NULL);
	return seg_fenced_send(p, link_of(p)->route, SEG_SCRIPT_MARK, got, 2, 7, argv, NULL);
}

/* If Redis refuses it, the next commit finds out why. */
static void got_edge(void *arg, const seg_reply *reply)
{
	(void)arg, (void)reply;
}

/* The begin or the end of a handler's call. */
static bool is_edge(const seg_partition *p)
{
	return p->request.current.kind == SEG_REQUEST_BEGIN || p->request.current.kind == SEG_REQUEST_END;
}

/*
 * The handler begins as soon as the note is with the system, which sends it even if the process dies at once. If the handler
 * waited for the answer, an owner that dies meanwhile would count against a message that it had not handled.
 */
static void note_edge(seg_partition *p)
{
	if (!send_note(p, p->request.current.kind == SEG_REQUEST_BEGIN ? "begun" : "ended", got_edge))
		return;
	seg_route_flush(link_of(p)->route, p->log_key);
	if (is_edge(p))
		answer(p, 0, 0);
}

static bool send_request(seg_partition *p)
{
	return p->request.current.kind == SEG_REQUEST_DEAD_LETTER ? send_dead_letter(p)
								  : send_note(p, "mark", got_request);
}

/*
 * A letter moves the position. Before, all outputs and changes of the messages before it must be in Redis; a worker that must stop does
 * not wait for that: the message stays in the log.
 */
static int64_t await_commit(seg_partition *p, bool stopping)
{
	if (stopping)
		answer(p, SEG_ECLOSED, 0);
	else
		seg_commit_hurry(p);
	return SEG_NEVER;
}

int64_t seg_request_step(seg_partition *p, int64_t now)
{
	seg_request *request = &p->request.current;
	/* The worker may send a request after it was told to stop, because it was in a handler. */
	if (p->own.state == SEG_OWN_LOST)
		seg_request_forget(p);
	if (!p->agent.running || !seg_ownership_commits(&p->own))
		return SEG_NEVER;
	if (request->kind == SEG_REQUEST_NONE && !seg_handoff_pending(&p->handoff, request))
		return SEG_NEVER;
	bool stopping = seg_handoff_may_dispatch(&p->handoff) == SEG_DISPATCH_DRAIN;
	if (stopping && (p->request.no_room || !seg_route_ready_for(link_of(p)->route, p->slot))) {
		/* Redis, or room for a dead letter, may stay away for long. The message stays in the log. */
		answer(p, SEG_ECLOSED, 0);
		return SEG_NEVER;
	}
	if (p->request.busy || !has_place(p))
		return SEG_NEVER;
	/* With lanes, the letter moves no position, and so does not overtake what is not committed. */
	if (request->kind == SEG_REQUEST_DEAD_LETTER && !seg_ledger_has_lanes(&p->ledger) &&
	    !seg_ledger_is_settled(&p->ledger))
		return await_commit(p, stopping);
	if (!seg_fenced_may_send(p, link_of(p), now))
		return now < p->fenced_call.retry_at ? p->fenced_call.retry_at : SEG_NEVER;
	if (is_edge(p)) {
		note_edge(p);
		return SEG_NEVER;
	}
	p->request.busy = send_request(p);
	p->request.epoch = p->own.epoch;
	return SEG_NEVER;
}

void seg_request_forget(seg_partition *p)
{
	if (p->agent.running && (p->request.current.kind != SEG_REQUEST_NONE ||
				 seg_handoff_pending(&p->handoff, &p->request.current)))
		answer(p, SEG_EFENCED, 0);
}

void seg_request_end(seg_partition *p)
{
	p->request.current.kind = SEG_REQUEST_NONE;
}

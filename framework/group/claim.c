#include "group/claim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "group/history.h"
#include "group/notes.h"
#include "group/recall.h"
#include "group/refusal.h"
#include "partition/beyond_text.h"

#define RETRY_BASE (50 * SEG_MS)
#define RETRY_CAP (5 * SEG_SECOND)

/* Until the next claim, while Redis waits for a member that knows the position for sure. */
#define UNSURE_PAUSE (100 * SEG_MS)

static seg_id id_at(const seg_reply *reply, size_t i)
{
	const seg_reply *text = seg_reply_at(reply, i);
	seg_id id = {0, 0};
	if (text && text->type == SEG_REPLY_TEXT)
		seg_id_parse(text->text, &id);
	return id;
}

/* Logs a position that is before one that this process had committed: Redis has lost its newest writes. told: the log says why. */
static void note_rewind(seg_partition *p, seg_id position, bool told)
{
	char was[SEG_ID_TEXT_MAX], now[SEG_ID_TEXT_MAX];
	if (seg_id_compare(position, p->ledger.committed) >= 0)
		return;
	atomic_fetch_add_explicit(&p->member->counters.rewinds, 1, memory_order_relaxed);
	if (told)
		return;
	seg_log(&p->logger, SEG_LOG_WARNING,
		"the group's position went back from %s to %s: Redis has lost writes, or the position was reset; resuming there",
		seg_id_format(p->ledger.committed, was), seg_id_format(position, now));
}

/* How much was read up to the position: entries, or records (`r<n>`) of a packed stream; -1: unknown. */
static int64_t count_read(const seg_partition *p, seg_id position, const seg_reply *count)
{
	seg_reply records = count ? *count : (seg_reply){.type = SEG_REPLY_NIL};
	if (!p->member->stream->shape.packing)
		return seg_reply_number(count, -1);
	if (seg_id_compare(position, (seg_id){0, 0}) == 0)
		return 0;
	if (records.type != SEG_REPLY_TEXT || records.text[0] != 'r')
		return -1;
	records.text++;
	return seg_reply_number(&records, -1);
}

/* Of the answer to a claim: these two are there only if the group had vanished. After them, texts with a tag may come. */
enum { OPENING = 7, WAS, ELEMENTS = 7, ELEMENTS_MAX = 16 };

/* What follows the tag, if the text begins with it; else NULL. */
static const char *tagged(const seg_reply *text, const char *tag)
{
	size_t length = strlen(tag);
	bool is = text->type == SEG_REPLY_TEXT && strncmp(text->text, tag, length) == 0;
	return is ? text->text + length : NULL;
}

/* Owners have died while they read: <position> <deaths>. */
static void take_reading(seg_resume *resume, const char *text)
{
	char position[SEG_ID_TEXT_MAX];
	unsigned deaths;
	if (sscanf(text, "%41[0-9-] %u", position, &deaths) != 2)
		return;
	resume->was_reading = seg_id_parse(position, &resume->reading) == 0;
	resume->read_deaths = deaths;
}

/* What earlier owners have done beyond the position. Without it, it is done once more. */
static void take_beyond(seg_partition *p, const char *text)
{
	seg_resume *resume = &p->resume;
	int status = seg_beyond_decode(&resume->beyond, resume->position, text, strlen(text));
	if (status)
		seg_log(&p->logger, SEG_LOG_WARNING,
			"%s: handling the messages after the position again that earlier owners have handled",
			status == SEG_ENOMEM
				? "there is not enough memory for what is done beyond the position"
				: "Redis has a malformed set of what is done beyond the position");
}

/* `<last>`, or `<first>:<last>`. */
static bool parse_lettered(char *text, seg_lettered *lettered)
{
	char *colon = strchr(text, ':');
	if (seg_id_parse(colon ? colon + 1 : text, &lettered->last))
		return false;
	lettered->first = lettered->last;
	if (!colon)
		return true;
	*colon = '\0';
	return seg_id_parse(text, &lettered->first) == 0 &&
	       seg_id_compare(lettered->first, lettered->last) <= 0;
}

/* What earlier owners have made dead letters, which the set does not name yet. */
static void take_lettered(seg_resume *resume, const char *text)
{
	char word[2 * SEG_ID_TEXT_MAX];
	int length = 0;
	for (; sscanf(text, "%87[0-9:-]%n", word, &length) == 1; text += length + (text[length] == ' ')) {
		seg_lettered lettered;
		if (!parse_lettered(word, &lettered) ||
		    seg_id_compare(lettered.first, resume->position) <= 0 ||
		    resume->lettered_count == SEG_LETTERED_MAX)
			continue;
		resume->lettered[resume->lettered_count++] = lettered;
		seg_beyond_add(&resume->beyond, resume->position, lettered.first, lettered.last);
	}
}

/* The texts at the end. Those of another kind are no news for this version. */
static void take_tagged(seg_partition *p, const seg_reply *reply)
{
	p->claim.values = false;
	for (size_t i = ELEMENTS; i < reply->count; i++) {
		const seg_reply *text = seg_reply_at(reply, i);
		const char *rest;
		if ((rest = tagged(text, "READING ")) != NULL)
			take_reading(&p->resume, rest);
		else if ((rest = tagged(text, "BEYOND ")) != NULL)
			take_beyond(p, rest);
		else if ((rest = tagged(text, "LETTERED ")) != NULL)
			take_lettered(&p->resume, rest);
		else if ((rest = tagged(text, "RUN ")) != NULL)
			p->resume.run = strtoull(rest, NULL, 10);
		else if ((rest = tagged(text, "ENTRY ")) != NULL)
			p->resume.entry_bytes = strtoull(rest, NULL, 10);
		else if (tagged(text, "VALUES "))
			p->claim.values = true;
	}
}

static void claimed(seg_partition *p, const seg_reply *reply)
{
	char position[SEG_ID_TEXT_MAX];
	seg_beyond_fini(&p->resume.beyond);
	p->resume = (seg_resume){
		.position = id_at(reply, 1),
		.crashes = (uint32_t)seg_reply_number(seg_reply_at(reply, 3), 0),
		.suspect = id_at(reply, 4),
		.attempts = (uint32_t)seg_reply_number(seg_reply_at(reply, 5), 0),
	};
	take_tagged(p, reply);
	bool told = seg_note_remade(p, seg_reply_at(reply, OPENING), seg_reply_at(reply, WAS),
				    seg_reply_at(reply, 1));
	note_rewind(p, p->resume.position, told || p->recall.told);
	seg_recall_owned(p);
	p->claim.failures = 0;
	p->claim.entries_read = count_read(p, p->resume.position, seg_reply_at(reply, 2));
	seg_ownership_claimed(&p->own);
	seg_note_partition(p, SEG_NOTE_CLAIMED);
	atomic_fetch_add_explicit(&p->member->counters.claims, 1, memory_order_relaxed);
	seg_log(&p->logger, SEG_LOG_DEBUG, "owned from position %s%s",
		seg_id_format(p->resume.position, position),
		p->resume.crashes ? "; the previous owner did not stop cleanly" : "");
	seg_note_removed(p, (uint64_t)seg_reply_number(seg_reply_at(reply, 6), 0));
}

/* The OK of another script must not be read as a position: that could skip messages. */
static bool is_claim(const seg_reply *reply)
{
	const seg_reply *position = seg_reply_at(reply, 1);
	return seg_reply_is(seg_reply_at(reply, 0), "OK") && reply->count >= ELEMENTS &&
	       reply->count <= ELEMENTS_MAX && position->type == SEG_REPLY_TEXT &&
	       strchr(position->text, '-');
}

static void break_off(seg_partition *p)
{
	seg_connection *connection = seg_route_answering(p->member->control);
	seg_connection_break(connection, SEG_EPROTOCOL, "the server at %s sent an unknown answer to a claim",
			     seg_connection_where(connection));
}

#define CLAIM "a claim"

static void refused(seg_partition *p, const seg_reply *reply)
{
	if (reply && reply->type != SEG_REPLY_ERROR)
		break_off(p);
	else if (reply && !seg_reply_is_transient(reply))
		seg_refusal_tell(p->member, &p->logger, CLAIM, reply);
	if (reply && reply->type == SEG_REPLY_ERROR)
		seg_refusal_note(p, SEG_REFUSED_CLAIM, CLAIM, reply);
	else
		seg_refusal_unknown(p, CLAIM);
	seg_ownership_claim_failed(&p->own);
	p->claim.at = seg_now() + seg_backoff(RETRY_BASE, RETRY_CAP, ++p->claim.failures);
}

static void got_claim(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	if (--p->claim.in_flight > 0 || p->own.state != SEG_OWN_CLAIMING)
		return;
	if (is_claim(reply)) {
		claimed(p, reply);
	} else if (seg_reply_is(status, "UNSURE")) {
		seg_recall_unsure(p, seg_now());
		seg_ownership_claim_failed(&p->own);
		p->claim.at = seg_now() + UNSURE_PAUSE;
	} else if (seg_reply_is(status, "STALE")) {
		seg_note_epoch(p->member, (uint64_t)seg_reply_number(seg_reply_at(reply, 1), 0));
		/* Once it is given back, the coordinator assigns the partition with an epoch above the stored one. */
		seg_log(&p->logger, SEG_LOG_DEBUG, "the fence has a later epoch; asking for a new epoch");
		seg_ownership_claim_refused(&p->own);
		seg_note_member(p->member, SEG_NOTE_HEARTBEAT);
	} else {
		refused(p, reply);
	}
}

/* One nonce for each epoch: Redis recognises a claim that is sent twice, and by its first half, a process that lives. */
static void renew_nonce(seg_partition *p)
{
	if (p->claim.nonce_epoch == p->own.epoch)
		return;
	char random[17];
	seg_random_hex(random, sizeof(random) / 2);
	snprintf(p->claim.nonce, sizeof(p->claim.nonce), "%.16s.%s", p->member->incarnation, random);
	p->claim.nonce_epoch = p->own.epoch;
	p->logger.epoch = p->own.epoch;
}

static bool send_claim(seg_partition *p)
{
	const seg_member *m = p->member;
	char epoch[24];
	seg_recall_texts recall;
	renew_nonce(p);
	seg_recall_write(&recall, p, seg_now());
	snprintf(epoch, sizeof(epoch), "%" PRIu64, p->own.epoch);
	const char *argv[] = {p->log_key, p->state_key, p->values_key,  m->group,    m->start_text,
			      m->name,    epoch,        p->claim.nonce, recall.hint, recall.sure};
	return seg_route_script(m->control, SEG_SCRIPT_CLAIM, got_claim, p, 3, 10, argv, NULL);
}

void seg_claim_step(seg_partition *p, int64_t now)
{
	/*
	 * The answer to an older call must not be taken for one of this ownership. On a cluster, the old master's answer to a claim
	 * may come after that of the new one.
	 */
	if (now < p->claim.at || p->claim.in_flight > 0 || p->commit.busy || p->request.busy ||
	    seg_history_is_unclear(p->member) ||
	    !seg_history_holds(&p->member->links[SEG_LINK_CONTROL], p->slot))
		return;
	if (p->own.epoch == p->membership.doubted_epoch || p->own.epoch == p->fenced_epoch) {
		/* Once it is given back, the coordinator assigns the partition with an epoch above all that Redis forgot. */
		seg_ownership_claim_sent(&p->own);
		seg_ownership_claim_refused(&p->own);
		seg_note_member(p->member, SEG_NOTE_HEARTBEAT);
	} else if (send_claim(p)) {
		/* Redis reads the script's text now, and not while messages wait. */
		seg_route_expect(p->member->commits->route, p->log_key, SEG_SCRIPT_COMMIT);
		p->claim.in_flight++;
		seg_ownership_claim_sent(&p->own);
	}
}

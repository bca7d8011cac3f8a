#include "group/fenced_call.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/random.h"
#include "group/history.h"
#include "group/notes.h"
#include "group/refusal.h"

#define RETRY_PAUSE (50 * SEG_MS)
#define RETRY_CAP (5 * SEG_SECOND)
#define TRANSIENT_CAP (500 * SEG_MS) /* of a refusal that passes by itself */

void seg_fenced_write(seg_fenced_texts *texts, const seg_partition *p, seg_id id, uint64_t count)
{
	int64_t read = seg_ledger_entries_read(&p->ledger, id, count);
	const char *of_records = p->member->stream->shape.packing && read >= 0 ? "r" : "";
	snprintf(texts->epoch, sizeof(texts->epoch), "%" PRIu64, p->own.epoch);
	snprintf(texts->count, sizeof(texts->count), "%s%" PRId64, of_records, read);
	seg_id_format(id, texts->id);
}

bool seg_fenced_may_send(const seg_partition *p, const seg_member_link *link, int64_t now)
{
	return now >= p->fenced_call.retry_at && seg_history_holds(link, p->slot);
}

bool seg_fenced_send(seg_partition *p, seg_route *route, seg_script script, seg_reply_fn fn, int keys,
		     int argc, const char *const *argv, const size_t *lengths)
{
	return seg_route_staying_script(route, script, fn, p, keys, argc, argv, lengths);
}

/* Redis neither did the call nor fenced it. Logs an error that does not pass by itself, and pauses longer each time. */
static void refused(seg_partition *p, const seg_reply *reply, const char *what)
{
	bool transient = seg_reply_is_transient(reply);
	int64_t pause = RETRY_PAUSE;
	if (reply)
		pause = seg_backoff(RETRY_PAUSE, transient ? TRANSIENT_CAP : RETRY_CAP,
				    ++p->fenced_call.refusals);
	if (reply && !transient)
		seg_refusal_tell(p->member, &p->logger, what, reply);
	if (reply)
		seg_refusal_note(p, SEG_REFUSED_COMMIT, what, reply);
	else
		seg_refusal_unknown(p, what);
	p->fenced_call.retry_at = seg_now() + pause;
}

bool seg_fenced_succeeded(seg_partition *p, const seg_reply *reply, const char *what)
{
	const seg_reply *status = seg_reply_at(reply, 0);
	if (seg_reply_is(status, "OK")) {
		p->fenced_call.refusals = 0;
		seg_refusal_over(p, SEG_REFUSED_COMMIT, what);
		return true;
	}
	if (seg_reply_is(status, "FENCED"))
		seg_note_fenced(p);
	else if (seg_reply_is(status, "GONE"))
		seg_note_gone(p);
	else
		refused(p, reply, what);
	return false;
}

void seg_fenced_begin(seg_partition *p)
{
	p->fenced_call.retry_at = 0;
}

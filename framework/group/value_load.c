#include "group/value_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "group/fenced_call.h"
#include "group/history.h"
#include "group/notes.h"
#include "group/refusal.h"
#include "group/shortage.h"

/* Of one step. */
#define STEP_BYTES "1048576"

/* After a step that failed, all is read again. So it is when the number is not right: a slot that moves makes that right soon. */
#define RETRY_PAUSE (50 * SEG_MS)
#define RETRY_CAP (5 * SEG_SECOND)
enum { INCOMPLETE_SUSPICIOUS = 4 };

static bool is_by_slot(const seg_partition *p)
{
	return p->member->options.values == SEG_KEEP_BY_SLOT;
}

void seg_value_load_show(seg_partition *p)
{
	seg_value_store *store = p->values.store;
	if (!store)
		return;
	atomic_store_explicit(&p->values.bytes_shown,
			      atomic_load_explicit(&store->bytes, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&p->values.count_shown,
			      atomic_load_explicit(&store->count, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&p->values.shown, true, memory_order_relaxed);
}

bool seg_value_load_look(const seg_member *m, uint32_t partition, uint64_t *bytes, uint64_t *count)
{
	const seg_partition *p = &m->partitions[partition];
	if (partition >= m->partition_count || !atomic_load_explicit(&p->values.shown, memory_order_relaxed))
		return false;
	*bytes = atomic_load_explicit(&p->values.bytes_shown, memory_order_relaxed);
	*count = atomic_load_explicit(&p->values.count_shown, memory_order_relaxed);
	return *count > 0;
}

static void forget(seg_partition *p)
{
	atomic_store_explicit(&p->values.shown, false, memory_order_relaxed);
	seg_value_store_destroy(p->values.store);
	p->values.store = NULL;
	snprintf(p->values.cursor, sizeof(p->values.cursor), "0");
}

void seg_value_load_begin(seg_partition *p)
{
	forget(p);
	p->values.loaded = !p->claim.values;
	p->values.failures = 0;
	p->values.at = 0;
	p->values.refused_at = 0;
	p->values.denied_at = 0;
	p->values.incomplete = 0;
	p->values.incomplete_at = 0;
}

void seg_value_load_end(seg_partition *p)
{
	forget(p);
}

static void again(seg_partition *p, int64_t pause)
{
	forget(p);
	p->values.at = seg_now() + pause;
}

/* --- answers ------------------------------------------------------------------------------------- */

/* Why a member leaves the values alone, and what helps besides dropping them. */
static const char *const reasons[] = {
	[SEG_KEEP_NOTHING] =
		"handlers keep values for it, which a consumer's commits would leave behind; use another group",
	[SEG_KEEP_BY_PARTITION] = "its values were kept with parallel above 1; set that again",
	[SEG_KEEP_BY_SLOT] = "its values were kept with parallel = 1; set that again",
};

/* The values are those of another kind of member: nobody may go on without them. */
static void refuse(seg_partition *p, int64_t now)
{
	const seg_member *m = p->member;
	char sentence[SEG_SHORTAGE_REASON_MAX + 2 * SEG_NAME_MAX];
	snprintf(sentence, sizeof(sentence), "%s, or drop them: segctl reset %s %s --to WHERE --drop-state",
		 reasons[m->options.values], seg_stream_name(m->stream), m->group);
	if (!p->values.refused_at) {
		p->values.refused_at = now;
		seg_log(&p->logger, SEG_LOG_ERROR, "the partition is not served: %s", sentence);
	}
	seg_shortage_tell(p, SEG_SHORTAGE_STATE, p->values.refused_at, sentence);
}

/* One array of fields and values. 0, SEG_ENOMEM or SEG_EINVAL. */
static int take(seg_partition *p, const seg_reply *list)
{
	for (size_t i = 0; list && i + 1 < list->count; i += 2) {
		const seg_reply *field = list->elements[i], *content = list->elements[i + 1];
		if (field->type != SEG_REPLY_TEXT || content->type != SEG_REPLY_TEXT)
			return SEG_EINVAL;
		int status = seg_value_store_load(p->values.store, field->text, field->length, content->text,
						  content->length);
		if (status)
			return status;
	}
	return 0;
}

/* Whether the steps have brought all values: not if they asked two servers, since each has cursors of its own. */
static bool is_complete(const seg_partition *p, const seg_reply *number)
{
	return seg_reply_number(number, -1) ==
	       (int64_t)atomic_load_explicit(&p->values.store->count, memory_order_relaxed);
}

/* Not all values were read: all are read again. Where that is always so, the partition would wait without end. */
static void incomplete(seg_partition *p, int64_t expected)
{
	char reason[SEG_SHORTAGE_REASON_MAX];
	uint64_t read = atomic_load_explicit(&p->values.store->count, memory_order_relaxed);
	if (!p->values.incomplete++)
		p->values.incomplete_at = seg_now();
	if (p->values.incomplete >= INCOMPLETE_SUSPICIOUS) {
		snprintf(reason, sizeof(reason),
			 "Redis counts %" PRId64 " values that handlers have kept, and gives %" PRIu64
			 ", time after time: something else has changed them",
			 expected, read);
		if (p->values.incomplete == INCOMPLETE_SUSPICIOUS)
			seg_log(&p->logger, SEG_LOG_ERROR, "the partition is not served: %s (%s)", reason,
				p->values_key);
		seg_shortage_tell(p, SEG_SHORTAGE_UNREAD, p->values.incomplete_at, reason);
	}
	again(p, seg_backoff(RETRY_PAUSE, RETRY_CAP, p->values.incomplete));
}

static void got_values(seg_partition *p, const seg_reply *reply)
{
	const seg_reply *cursor = seg_reply_at(reply, 1);
	int status = cursor && cursor->type == SEG_REPLY_TEXT ? 0 : SEG_EINVAL;
	for (size_t i = 3; status == 0 && i < reply->count; i++)
		status = take(p, reply->elements[i]);
	if (status == SEG_ENOMEM) {
		seg_shortage_tell(p, SEG_SHORTAGE_MEMORY, seg_now(),
				  "out of memory for its values (state_limit)");
		again(p, RETRY_CAP);
		return;
	}
	if (status) {
		refuse(p, seg_now());
		return;
	}
	if (seg_reply_is(cursor, "0") && !is_complete(p, seg_reply_at(reply, 2))) {
		incomplete(p, seg_reply_number(seg_reply_at(reply, 2), -1));
		return;
	}
	snprintf(p->values.cursor, sizeof(p->values.cursor), "%s", cursor->text);
	p->values.loaded = seg_reply_is(cursor, "0");
	p->values.failures = 0;
	if (p->values.loaded)
		seg_value_load_show(p);
}

/* Redis refuses the call, and will refuse it again: a right is missing, or the key is something else. */
static void denied(seg_partition *p, const seg_reply *reply)
{
	if (!p->values.denied_at)
		p->values.denied_at = seg_now();
	seg_refusal_tell(p->member, &p->logger, "reading the values of a partition", reply);
	seg_shortage_tell(p, SEG_SHORTAGE_VALUES, p->values.denied_at,
			  "Redis refuses to let the values be read that handlers have kept");
}

static void got_step(void *arg, const seg_reply *reply)
{
	seg_partition *p = arg;
	const seg_reply *status = seg_reply_at(reply, 0);
	p->values.busy = false;
	if (p->values.epoch != p->own.epoch || p->own.state != SEG_OWN_ACTIVE || !p->values.store)
		return;
	if (seg_reply_is(status, "OK")) {
		got_values(p, reply);
	} else if (seg_reply_is(status, "FENCED")) {
		seg_note_fenced(p);
	} else {
		if (reply && !seg_reply_is_transient(reply))
			denied(p, reply);
		again(p, seg_backoff(RETRY_PAUSE, RETRY_CAP, ++p->values.failures));
	}
}

/* --- asking ----------------------------------------------------------------------------------------- */

static void ask(seg_partition *p)
{
	char epoch[24];
	snprintf(epoch, sizeof(epoch), "%" PRIu64, p->own.epoch);
	const char *argv[] = {p->state_key,   p->values_key,    epoch,
			      p->claim.nonce, p->values.cursor, STEP_BYTES};
	p->values.busy = seg_fenced_send(p, p->member->data, SEG_SCRIPT_VALUES, got_step, 2, 6, argv, NULL);
	p->values.epoch = p->own.epoch;
}

bool seg_value_load_step(seg_partition *p, int64_t now)
{
	bool keeps = p->member->options.values != SEG_KEEP_NOTHING;
	if (!keeps && !p->claim.values)
		return true;
	if (!keeps || p->values.refused_at) {
		refuse(p, now);
		return false;
	}
	if (!p->values.store && now >= p->values.at)
		p->values.store = seg_value_store_create(is_by_slot(p));
	if (!p->values.store || p->values.busy)
		return false;
	if (!p->values.loaded && seg_history_holds(&p->member->links[SEG_LINK_DATA], p->slot))
		ask(p);
	return p->values.loaded;
}

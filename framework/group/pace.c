#include "group/pace.h"

/* Smaller reads say too little of Redis's time for a message, and need no turns. */
enum { LARGE_READ = 1024 };

/* With more partitions, Redis is busy for much longer than a round trip anyway. */
enum { PARTITIONS_MOST = SEG_PACE_READS };

/*
 * Turns are at most so many round trips apart. A Redis that takes longer for a read idles for little of its time, and one that has stood
 * still must not be spared for long.
 */
enum { ROUND_TRIPS_APART = 2 };

/* --- the turns of one node ---------------------------------------------------------------- */

/* Of the newest reads, the largest but one: one read may have been held up by something else. 0: unknown. */
static int64_t time_per_message(const seg_pace *pace)
{
	int64_t largest = 0, second = 0;
	for (size_t i = 0; i < SEG_PACE_TIMES; i++) {
		int64_t time = pace->times[i];
		if (time > largest) {
			second = largest;
			largest = time;
		} else if (time > second) {
			second = time;
		}
	}
	return second;
}

int64_t seg_pace_turn(seg_pace *pace, size_t messages, int64_t longest, int64_t now)
{
	int64_t time = time_per_message(pace) * (int64_t)messages;
	int64_t turn = now > pace->next_turn ? now : pace->next_turn;
	/* A tenth further apart than Redis's time, so that reads which have come together drift apart again. */
	time += time / 10;
	pace->next_turn = turn + (time < longest ? time : longest);
	return turn;
}

/* Messages of reads that ended after `since`. */
static size_t count_ended(const seg_pace *pace, int64_t since)
{
	size_t messages = 0;
	for (size_t i = 0; i < SEG_PACE_READS; i++)
		if (pace->ended[i].at > since)
			messages += pace->ended[i].messages;
	return messages;
}

void seg_pace_ended(seg_pace *pace, size_t messages, size_t waiting, int64_t beyond, int64_t now)
{
	if (beyond < 0)
		beyond = 0;
	size_t all = messages + waiting + count_ended(pace, now - beyond);
	pace->times[pace->count % SEG_PACE_TIMES] = beyond / (int64_t)all;
	pace->ended[pace->count % SEG_PACE_READS].at = now;
	pace->ended[pace->count % SEG_PACE_READS].messages = messages;
	pace->count++;
}

/* --- the reads of partitions ---------------------------------------------------------------- */

/* Of the partition's node; NULL: its reads take no turns. */
static seg_pace *pace_of(seg_partition *p, size_t messages)
{
	seg_member *m = p->member;
	if (messages < LARGE_READ || m->active_count > PARTITIONS_MOST || p->careful_read.on ||
	    seg_route_round_trip(m->data, p->log_key) < SEG_LEDGER_FAR)
		return NULL;
	seg_node node = seg_route_node(m->data, p->slot);
	seg_pace *pace = &m->paces[node % SEG_PACE_NODES];
	if (!pace->used)
		*pace = (seg_pace){.used = true, .node = node};
	return pace->node == node ? pace : NULL;
}

static size_t messages_of(const seg_partition *p, size_t entries)
{
	return entries * p->ledger.messages_per_entry;
}

int64_t seg_pace_read_turn(seg_partition *p, int64_t now)
{
	bool had_turn = p->pace.has_turn;
	p->pace.has_turn = false;
	if (had_turn || !p->ledger.filled)
		return now;
	size_t messages = messages_of(p, seg_ledger_read_count(&p->ledger));
	seg_pace *pace = pace_of(p, messages);
	int64_t longest = ROUND_TRIPS_APART * seg_route_round_trip(p->member->data, p->log_key);
	int64_t turn = pace ? seg_pace_turn(pace, messages, longest, now) : now;
	p->pace.has_turn = turn > now;
	return turn;
}

/* Messages that other reads of the node have asked for, if Redis got them before `until`. */
static size_t count_waiting(const seg_partition *than, int64_t until)
{
	const seg_member *m = than->member;
	seg_node node = seg_route_node(m->data, than->slot);
	size_t messages = 0;
	for (uint32_t i = 0; i < m->active_count; i++) {
		const seg_partition *p = m->active[i];
		if (p != than && p->read.reading == SEG_READING_NOW && p->read.issued_at < until &&
		    seg_route_node(m->data, p->slot) == node)
			messages += messages_of(p, p->ledger.entries_requested);
	}
	return messages;
}

void seg_pace_read_ended(seg_partition *p, size_t messages, int64_t now)
{
	seg_pace *pace = pace_of(p, messages);
	if (!pace)
		return;
	int64_t round_trip = seg_route_round_trip(p->member->data, p->log_key);
	seg_pace_ended(pace, messages, count_waiting(p, now - round_trip),
		       now - p->read.issued_at - round_trip, now);
}

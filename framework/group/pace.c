#include "group/pace.h"

#include "base/clock.h"

/* Smaller reads say too little of Redis's time for a message, and need no turns. */
enum { LARGE_READ = 1024 };

/* A look at more partitions, for each read, costs more than turns gain. */
enum { PARTITIONS_MOST = 256 };

/* Where more partitions are being read, Redis is busy for much longer than a round trip anyway. */
enum { READS_MOST = SEG_PACE_READS };

/*
 * Where all reads together take Redis more than so many times as long as one of them with its round trip, none waits: it is busy also
 * where they come together.
 */
enum { BUSY_LEAST = 2 };

/* In round trips: how far two turns are apart, at most. A Redis that takes longer for a read idles for little of its time. */
enum { APART_MOST = 2 };

/* In round trips: no read waits for longer. */
enum { AHEAD_MOST = 5 };

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

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t seg_pace_turn(seg_pace *pace, size_t messages, size_t others, int64_t round_trip, int64_t now)
{
	int64_t each = time_per_message(pace), time = each * (int64_t)messages;
	if (time + each * (int64_t)others > BUSY_LEAST * (round_trip + time))
		return now;
	int64_t turn = now > pace->next_turn || others == 0 ? now : pace->next_turn;
	if (turn - now > AHEAD_MOST * round_trip)
		return now;
	/* A tenth further apart than Redis's time, so that reads which have come together drift apart again. */
	pace->next_turn = turn + least(time + time / 10, APART_MOST * round_trip);
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

/* Of the partition's node; NULL: its place is another node's, which still has slots. */
static seg_pace *pace_of(const seg_partition *p)
{
	seg_member *m = p->member;
	seg_node node = seg_route_node(m->data, p->slot);
	seg_pace *pace = &m->paces[node % SEG_PACE_NODES];
	if (pace->node != node && (pace->count == 0 || !seg_route_has_slots(m->data, pace->node)))
		*pace = (seg_pace){.node = node};
	return pace->node == node ? pace : NULL;
}

/* The round trip to the partition's node, if it is far, and a read of so many messages takes turns; else 0. */
static int64_t paced_round_trip(const seg_partition *p, size_t messages)
{
	if (messages < LARGE_READ || p->careful_read.on || p->member->active_count > PARTITIONS_MOST)
		return 0;
	int64_t round_trip = seg_route_round_trip(p->member->data, p->log_key);
	return round_trip < SEG_LEDGER_FAR ? 0 : round_trip;
}

static size_t messages_of(const seg_partition *p, size_t entries)
{
	return entries * p->ledger.messages_per_entry;
}

/* The other reads of the partition's node. */
typedef struct seg_pace_others {
	unsigned reads;  /* under way, or with a turn */
	size_t messages; /* that these bring */
	size_t sent;     /* of them, those of reads that Redis got in time */
} seg_pace_others;

static seg_pace_others others_of(const seg_partition *than, int64_t in_time)
{
	const seg_member *m = than->member;
	seg_node node = seg_route_node(m->data, than->slot);
	seg_pace_others others = {0};
	for (uint32_t i = 0; i < m->active_count; i++) {
		const seg_partition *p = m->active[i];
		bool reads = p->read.reading == SEG_READING_NOW;
		bool waits = p->pace.has_turn && seg_ownership_fetches(&p->own);
		if (p == than || (!reads && !waits) || seg_route_node(m->data, p->slot) != node)
			continue;
		size_t entries = reads ? p->ledger.entries_requested : seg_ledger_read_count(&p->ledger);
		others.reads++;
		others.messages += messages_of(p, entries);
		if (reads && p->read.issued_at < in_time)
			others.sent += messages_of(p, entries);
	}
	return others;
}

int64_t seg_pace_read_turn(seg_partition *p, int64_t now)
{
	bool had_turn = p->pace.has_turn;
	p->pace.has_turn = false;
	if (had_turn || !p->ledger.filled)
		return now;
	size_t messages = messages_of(p, seg_ledger_read_count(&p->ledger));
	int64_t round_trip = paced_round_trip(p, messages);
	if (round_trip == 0)
		return now;
	seg_pace *pace = pace_of(p);
	if (!pace)
		return now;
	seg_pace_others others = others_of(p, now);
	if (others.reads >= READS_MOST)
		return now;
	int64_t turn = seg_pace_turn(pace, messages, others.messages, round_trip, now);
	p->pace.has_turn = turn > now;
	return turn;
}

void seg_pace_read_ended(seg_partition *p, size_t messages, int64_t now)
{
	int64_t round_trip = paced_round_trip(p, messages);
	if (round_trip == 0)
		return;
	seg_pace *pace = pace_of(p);
	if (!pace)
		return;
	seg_pace_others others = others_of(p, now - round_trip);
	if (others.reads < READS_MOST)
		seg_pace_ended(pace, messages, others.sent, now - p->read.issued_at - round_trip, now);
}

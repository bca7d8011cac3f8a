/*
 * ledger.h - the books of one partition: which messages were fetched from the log, handled by the worker, and committed in
 * Redis, and how many may be in flight. Does no I/O. Only the I/O thread uses it.
 *
 *     fetched    the newest id that was read from the log
 *     handled    the worker is done with all messages up to this id
 *     committed  the newest position that Redis has confirmed
 *
 * With lanes (limits->parallel above 1), messages are done out of order: a tracker knows which, and `handled` is the position before the
 * first one that is not done. A commit stores what is done beyond it, too.
 */
#ifndef SEG_PARTITION_LEDGER_H
#define SEG_PARTITION_LEDGER_H

#include <segmenter/segmenter.h>

#include "partition/beyond_text.h"
#include "partition/handoff.h"
#include "partition/parser.h"
#include "partition/tracker.h"

/* How much may be in flight in one partition. */
typedef struct seg_ledger_limits {
	uint32_t batch_size; /* the most messages that a handler gets at once */
	uint32_t
		in_flight_batches; /* 2 to SEG_HANDOFF_BATCHES; 0: SEG_LEDGER_BATCHES, and more while Redis is far */
	uint64_t in_flight_bytes; /* bytes of keys, data and headers; one read may exceed this */
	uint64_t entry_bytes;     /* that one entry may need, unpacked; a larger one is faulty. 0: no limit */
	uint32_t parallel;        /* lanes of a partition; 0 or 1: messages are done in order */
	uint64_t
		beyond_limit; /* with lanes: messages that may be read after the position, and a window more */
} seg_ledger_limits;

/* The batches in flight, unless the limits say another number. */
enum { SEG_LEDGER_BATCHES = 4 };

/*
 * A read that costs a round trip of SEG_LEDGER_FAR or more may ask for several batches, up to SEG_LEDGER_READ_MAX messages.
 * Nearby, such reads gain nothing.
 */
#define SEG_LEDGER_FAR (1 * SEG_MS)
enum { SEG_LEDGER_READ_MAX = 16384 };

typedef struct seg_ledger {
	const seg_ledger_limits *limits; /* must outlive the ledger */
	seg_stock *stock;                /* of the member; must outlive the ledger */
	seg_handoff *handoff;            /* with the worker; must outlive the ledger */

	/* Positions. */
	seg_id fetched;
	seg_id handled;
	seg_id committed;
	uint64_t fetched_count; /* messages of this ownership */
	uint64_t handled_count;
	uint64_t seen_count; /* without lanes: what the worker had counted at the newest collect */
	int64_t entries_read; /* how many entries, or records of a packed stream, the group had read at the claim; -1: unknown */
	uint64_t
		removed_count; /* messages of this ownership that were removed from the log before they were read */
	uint64_t removed_total; /* the same once positions are at removed_id; 0: no more than removed_count */
	seg_id removed_id;

	/* Reading. */
	seg_parser parser;
	seg_fetched *target; /* where the read under way, or the next one, puts its messages */
	size_t read_size;    /* messages that a read should bring: a batch, or several while Redis is far */
	size_t entries_requested; /* entries that the read under way asked for */
	size_t narrow; /* a read asks for no more entries than this, since one was lost with its link; 0: no such bound */
	bool filled; /* the log probably has more: the newest read returned as many entries as it asked for */
	unsigned starved;          /* reads in a row that had no memory for the first entry */
	size_t messages_per_entry; /* in the newest read; 1 if records are not packed */
	size_t average_bytes;      /* of a message, in the newest reads */

	/* Batches: `outstanding` are with the worker, in the order of their messages; `spare` are empty. */
	seg_fetched *outstanding[SEG_HANDOFF_BATCHES];
	unsigned outstanding_head, outstanding_count;
	seg_fetched *spare[SEG_HANDOFF_BATCHES];
	unsigned spare_count;
	unsigned batch_count; /* outstanding, spare and target together */
	size_t outstanding_bytes;

	/* What calls have brought forth beside being done (completion.h). */
	seg_completions
		completions; /* not complete: outputs are missing, or the worker has not counted the messages */
	seg_completion *unsent, *unsent_last; /* of these, those with outputs that nobody has taken to send */
	seg_completions changed; /* complete, up to `handled`: their changes are not known to be committed */
	size_t change_count;     /* in `changed` */
	bool draining;           /* no further completion comes */

	/* What lanes have done beyond the position. */
	const seg_beyond
		*earlier;   /* what earlier owners have done beyond the position of the claim; or NULL */
	bool beyond_stored; /* Redis may have a set */
	seg_id beyond_at;   /* the position it belongs to */
	struct {
		seg_beyond set; /* as the newest commit says it */
		seg_beyond_text text;
	} beyond;
	uint64_t
		done_before; /* messages that ownerships before have done. A claim anew in one epoch keeps its nonce: the count must go on */

	/* With lanes. */
	bool lanes;
	seg_tracker tracker;
	uint64_t skipped;        /* messages of these that have come: they are done */
	uint64_t done_committed; /* messages that this ownership has done, and Redis has confirmed */
} seg_ledger;

void seg_ledger_init(seg_ledger *ledger, const seg_ledger_limits *limits, seg_stock *stock,
		     seg_handoff *handoff);
void seg_ledger_fini(seg_ledger *ledger);

/* A new ownership begins at `position`. No worker may be running. entries_read: see seg_ledger. */
void seg_ledger_begin(seg_ledger *ledger, seg_id position, int64_t entries_read);

/* After seg_ledger_begin: what earlier owners have done. `earlier` must stay as it is while the ownership lasts. */
void seg_ledger_skip(seg_ledger *ledger, const seg_beyond *earlier);

/*
 * After seg_ledger_begin: the first read may count on messages of so many bytes; 0: nothing is known of them. Then it may ask for several
 * batches at once, if they fit `read_bytes`; 0: it asks for one at most.
 */
void seg_ledger_expect(seg_ledger *ledger, uint64_t bytes, uint64_t read_bytes);

/* The worker of the ownership has stopped: drops all batches but the target. A batch that a caller keeps lives until the caller
 * drops it. */
void seg_ledger_end(seg_ledger *ledger);

/* The ownership is over, and no commit comes any more. */
void seg_ledger_settle(seg_ledger *ledger);

/* How many messages are handled, but not known to be committed. */
uint64_t seg_ledger_uncommitted(const seg_ledger *ledger);

/*
 * How many messages may be fetched and not yet committed: batch_size * in_flight_batches. At most this many messages are
 * handled again after a crash. Without in_flight_batches: four reads, where a read is a batch or more. With lanes, a read brings at
 * least one message for each, and messages beyond the position that are committed do not count, nor those that wait parked.
 */
uint64_t seg_ledger_window(const seg_ledger *ledger);

/* Makes ledger->target an empty batch to read into. False: no batch is free now, or the window has no room. */
bool seg_ledger_ready_target(seg_ledger *ledger);

/* How many entries the next read should ask for: at least 1, at most read_size, and no more than fit the window and the limit on
 * bytes. */
size_t seg_ledger_read_count(const seg_ledger *ledger);

/* A read of that many entries after `fetched` begins; it goes into the target. */
void seg_ledger_read_begun(seg_ledger *ledger, size_t entries);

/* Throws away what the read put into the target. */
void seg_ledger_read_failed(seg_ledger *ledger);

/*
 * The same, because the link broke. The next read asks for an eighth as much, and each one that is delivered lets the next one
 * ask for twice as much again: a link that breaks again soon must not be asked for more than it carries till then.
 */
void seg_ledger_read_lost(seg_ledger *ledger);

/* The same, because there was no memory for the first entry of the reply. Returns how many times in a row. */
unsigned seg_ledger_read_starved(seg_ledger *ledger);

/* The entry that the read brings has killed its readers: it is faulty, whatever is in it. After seg_ledger_read_begun. */
void seg_ledger_give_up(seg_ledger *ledger);

/* There was no memory for the next entry so often that the next read gives it up: long texts need not be read. */
bool seg_ledger_gives_up(const seg_ledger *ledger);

typedef struct seg_read_result {
	size_t messages;  /* given to the worker */
	uint64_t removed; /* records removed from the log before these messages, as the packed entries show */
	int64_t records_before; /* then: how many records the log ever had before these messages */
	unsigned
		starved; /* reads in a row that had no memory for the first entry: pause before the next one */
} seg_read_result;

/* The read is complete: gives the target to the worker, with that partition number and epoch. An empty target stays. */
seg_read_result seg_ledger_deliver(seg_ledger *ledger, uint32_t partition, uint64_t epoch);

/*
 * Adapts read_size. The newest read was full, and took `took` ns of which `round_trip` were spent on the way; before it,
 * `unhandled` messages waited for the worker (seg_ledger_unhandled).
 *
 * Only one read of a partition is under way, because the next one needs the last id. So if the worker waited for a round trip, the
 * next read asks for several times as much, until the round trip is a tenth of the read's time.
 */
void seg_ledger_adapt(seg_ledger *ledger, int64_t round_trip, int64_t took, uint64_t unhandled);

/* How many messages are with the worker, parked ones not counted. Call seg_ledger_collect before. */
uint64_t seg_ledger_unhandled(const seg_ledger *ledger);

/* The worker has stopped: the last collect takes all completions that can be complete, however many changes they have. */
void seg_ledger_drain(seg_ledger *ledger);

/* Enters what the worker has handled, and takes back its batches. Returns whether `handled` is beyond `committed`; with lanes, also
 * whether more is done beyond it. */
bool seg_ledger_collect(seg_ledger *ledger);

/*
 * Whether another collect would find more than the last one did, because the worker has gone on since. A batch that came back stays with
 * the worker's as long as its outputs are not added, or its changes have no room: that is no news.
 */
bool seg_ledger_has_news(const seg_ledger *ledger);

/* Whether the worker has messages that it may be done with at any moment. */
bool seg_ledger_expects(const seg_ledger *ledger);

/* The next completion whose outputs are to be sent, in order; NULL: none. It stays the ledger's; count its `unadded` down. */
seg_completion *seg_ledger_take_outputs(seg_ledger *ledger);

/* Whether so many changes wait for a commit that no further completion counts as complete before it. */
bool seg_ledger_is_full_of_changes(const seg_ledger *ledger);

/* Enters what the worker has handled. Whether Redis has all outputs and changes of it. */
bool seg_ledger_is_settled(seg_ledger *ledger);

/* The ownership is over: no commit takes the changes any more. */
void seg_ledger_drop_changes(seg_ledger *ledger);

/* Redis has the changes of the first `count` completions in `changed`. */
void seg_ledger_changes_committed(seg_ledger *ledger, size_t count);

/* Redis has confirmed position `id`, which is `count` messages into this ownership. Returns how many of them are new. */
uint64_t seg_ledger_committed(seg_ledger *ledger, seg_id id, uint64_t count);

/* --- with lanes --- */

static inline bool seg_ledger_has_lanes(const seg_ledger *ledger)
{
	return ledger->lanes;
}

/* How many messages this ownership has done, in any order. It never falls. */
static inline uint64_t seg_ledger_done(const seg_ledger *ledger)
{
	return ledger->tracker.done_count - ledger->skipped;
}

/* Redis has confirmed so many of them. Returns how many are new. */
uint64_t seg_ledger_done_committed(seg_ledger *ledger, uint64_t done);

/* Message `number` is done, without a completion: it is a dead letter. */
void seg_ledger_mark(seg_ledger *ledger, uint64_t number);

/* How many messages the ownerships of this epoch have done: a commit says it, too. */
uint64_t seg_ledger_done_of_epoch(const seg_ledger *ledger);

/*
 * What a commit of `handled` says of messages beyond it (lua/commit.lua): `<nonce> <position> <set>`, where the set is a
 * seg_beyond_text; or `-`: nothing is done there any more; or `=`: nothing is, and Redis has no set. The text is valid until the next
 * call. NULL: out of memory.
 */
const char *seg_ledger_beyond_text(seg_ledger *ledger, const char *nonce);

/* Whether a commit must say it: with lanes; and without them until nothing is left of what earlier owners have done there. */
static inline bool seg_ledger_keeps_beyond(const seg_ledger *ledger)
{
	return ledger->lanes || ledger->beyond_stored;
}

/* Whether nothing is read because beyond_limit is reached: *id is the message that holds up the position, and *done how many
 * messages after it are done. */
bool seg_ledger_is_held_up(const seg_ledger *ledger, seg_id *id, uint64_t *done);

/* Whether a gap was found that the handled messages are not past yet. Until then, no further look can tell what is new. */
bool seg_ledger_is_before_a_gap(const seg_ledger *ledger);

/*
 * Redis is to be asked how many messages were removed from the log unread, up to the newest that was read. Returns how many of
 * them the positions from now on count as read, until _removed says more.
 */
uint64_t seg_ledger_look(seg_ledger *ledger);

/* Up to `id`, `total` messages of this ownership were removed unread. A position counts them as read once it is there. */
void seg_ledger_removed(seg_ledger *ledger, seg_id id, uint64_t total);

/*
 * How many entries, or records, the group has read once `count` messages of this ownership are done, up to `id`; -1:
 * unknown.
 */
int64_t seg_ledger_entries_read(const seg_ledger *ledger, seg_id id, uint64_t count);

#endif

/*
 * producer.pml - several batches of one partition in flight, each of them once and in order. A model of the protocol of
 * framework/lua/append.lua with parts/duplicate.lua and parts/remember.lua, and of framework/stream/accumulator.c, sender.c and
 * confirmation.c, without time. tests/model.sh checks the model with spin(1).
 *
 * A batch is SIZE records, and record r of the partition has the sequence r. What the log holds is a set of records: the model
 * checks at each record that it comes after all that are there. The replica has the state that the master had at some moment: the
 * newest sync. A failover makes that state the master's. Sending again, resting and lingering take any time.
 *
 * Without CLUSTER there is one server. If the link breaks, the producer connects again, and what was in the old link may be
 * executed later, or never. With CLUSTER there are two nodes, with a link to each. The partition's slot moves from one to the
 * other with all of its state; a command that comes too late is answered with MOVED or ASK, and goes to the other node.
 *
 * In every reachable state, the model checks:
 *   - no record is added twice, or after a later record, in what is left of the log after a failover;
 *   - a record that was acknowledged is in the log, or a failover has lost it; with ACK, a replica has it;
 *   - a record that was reported as not added is not in the log, and never will be;
 *   - Redis knows the outcome of each batch that its producer has not given up;
 *   - the producer never stops with batches left.
 * With LIVENESS, it checks that each run in which failures stop finishes all batches.
 */
#ifndef BATCHES
#define BATCHES 3
#endif
#ifndef SIZE
#define SIZE 1 /* records of a batch; with 2, Redis may take only the first because the partition is full */
#endif
#ifndef WINDOW
#define WINDOW 3
#endif
/* So often in one run: */
#ifndef BREAKS
#define BREAKS 1 /* a link breaks */
#endif
#ifndef FAILOVERS
#define FAILOVERS 1
#endif
#ifndef REFUSALS
#define REFUSALS 1 /* Redis refuses a batch, or a part of it, for a while */
#endif
#ifndef EXPIRIES
#define EXPIRIES 1 /* a batch reaches its deadline */
#endif
#ifndef MOVES
#define MOVES 0 /* the slot moves to the other node */
#endif
#define RECORDS (BATCHES * SIZE)
#define NOBODY 15
#define QUEUE (2 * BATCHES + 1)
#define WAITS (2 * QUEUE) /* without an answer at a time, at most */

#define bit(r) (1 << (r))
#define below(r) (bit(r) - 1)
#define first_of(b) ((b) * SIZE + 1)
#define batch_of(r) (((r) - 1) / SIZE)
#define rest_of(r) (SIZE - ((r) - 1) % SIZE) /* of the batch, from record r on */

/* --- Redis ------------------------------------------------------------------------------------------------------- */

/* `awaited` is the number after the producer's newest record, 0 without its key. The key has the outcomes of the batches that
 * begin at the records in `known`; of those in `partly`, one record only was added. */
typedef server_state {
	short log, known, partly;
	byte awaited
};
server_state master, replica;
bit home;          /* the node that has the slot */
bool unsynced[2];  /* the link has written something that the replica does not have */
bool broken[2];    /* nothing more comes through the link; the producer does not know yet */

/* What really happened to records. */
short acknowledged, lost, denied;

/* --- the producer ------------------------------------------------------------------------------------------------ */

#define DUE 0
#define HELD 1
#define GONE 2
typedef producer_batch {
	byte state;
	byte where;        /* link + 1 from which an answer is due; 0: none */
	byte confirmation; /* the WAIT that confirms the batch; 0: none */
	byte done;
	byte added;
	bool answered, may_be_added, refused
};
producer_batch batches[BATCHES];
byte narrow; /* the window since a batch was lost; 0: WINDOW */
byte next;   /* the batch that may be sent now */
bit link;            /* in use; on a cluster, of the node that is thought to have the slot */
byte waits[WAITS + 1]; /* of each WAIT that has no answer: link + 1, and 2 more if a batch was moved since */

byte breaks = BREAKS;
byte failovers = FAILOVERS;
byte refusals = REFUSALS;
byte expiries = EXPIRIES;
byte moves = MOVES;
byte late = 1; /* a replica does not confirm in time */

/* The first number is of the record, with its oldest; or 0, with the number of a WAIT. */
chan requests[2] = [QUEUE] of { byte, byte };
/* A kind; the record or the WAIT; how many were added, or the oldest, or whether the replica confirms. */
chan replies[2] = [QUEUE] of { byte, byte, byte };
#define ADDED 1
#define GAP 2
#define OLD 3
#define REFUSED 4
#define ELSEWHERE 5
#define CONFIRMED 6

/* Scratch variables of the atomic steps. */
hidden byte i, j, held, n, r, oldest, kind, x, l, w;
hidden short bits;

/* --- the script -------------------------------------------------------------------------------------------------- */

#ifdef CLUSTER
#define is_heard(k) (!broken[k])
#else
#define is_heard(k) (!broken[k] && link == (k))
#endif

inline answer(k, what, about, with)
{
	if
	:: is_heard(k) -> replies[k]!what, about, with
	:: else
	fi
}

inline add_record(number)
{
	assert(!(master.log & bit(number)));
	assert(!(master.log >> (number)));
	assert(!(denied & bit(number)));
	master.log = master.log | bit(number)
}

/* parts/remember.lua */
inline remember(seq)
{
	if
#ifdef MUTANT_ONE_OUTCOME
	:: false
#else
	:: oldest < seq -> bits = ~below(oldest)
#endif
	:: else -> bits = 0
	fi;
	master.known = (master.known & bits) | bit(seq);
	master.partly = master.partly & bits;
	if
	:: n < rest_of(seq) -> master.partly = master.partly | bit(seq)
	:: else
	fi;
	master.awaited = seq + n
}

/* Adds the first n records. */
inline add(k, seq)
{
	add_record(seq);
	if
	:: n == 2 -> add_record(seq + 1)
	:: else
	fi;
	remember(seq);
	unsynced[k] = true;
	answer(k, ADDED, seq, n);
	bits = 0
}

inline append(k, seq)
{
	if
#ifndef MUTANT_NO_DUPLICATE_CHECK
	:: master.awaited && seq < master.awaited ->
		if
		:: master.known & bit(seq) ->
#ifndef MUTANT_DUPLICATE_IS_NO_WRITE
			unsynced[k] = true;
#endif
			answer(k, ADDED, seq, (master.partly & bit(seq) -> 1 : rest_of(seq)))
		:: else -> answer(k, OLD, seq, 0)
		fi
#endif
#ifndef MUTANT_NO_GAP
#ifdef MUTANT_OLDEST_NOT_HONOURED
	:: seq != master.awaited && !(seq < master.awaited) && seq > 1 -> answer(k, GAP, seq, 0)
#else
	:: oldest < seq && seq != master.awaited && !(master.awaited && seq < master.awaited) ->
		answer(k, GAP, seq, 0)
#endif
#endif
	:: else ->
		n = rest_of(seq);
		if
		:: add(k, seq)
		:: refusals > 0 -> refusals--; answer(k, REFUSED, seq, 0)
		:: refusals > 0 && n == 2 -> refusals--; n = 1; add(k, seq)
		fi
	fi
}

#define is_wait(k) requests[k]?[0, oldest]
#define may_answer(k) (nempty(requests[k]) && !broken[k] && nfull(replies[k]))

proctype server(bit k)
{
	byte seq;
end:	do
	:: atomic { may_answer(k) && !is_wait(k) ->
		requests[k]?seq, oldest;
#ifdef CLUSTER
		if
		:: home != k -> answer(k, ELSEWHERE, seq, oldest)
		:: home == k -> append(k, seq)
		fi;
#else
		append(k, seq);
#endif
		seq = 0
	   }
	:: atomic { may_answer(k) && is_wait(k) && !unsynced[k] ->
		requests[k]?_, oldest; answer(k, CONFIRMED, oldest, true) }
	:: atomic { may_answer(k) && is_wait(k) && unsynced[k] && late > 0 ->
		requests[k]?_, oldest; late--; answer(k, CONFIRMED, oldest, false) }
	od
}

/* --- what the producer does ---------------------------------------------------------------------------------------- */

/* Decides which batch may be sent: the oldest that is not held, if the window and refusals allow it. */
inline arrange()
{
	next = NOBODY; i = 0; held = 0;
	do
	:: i < BATCHES && batches[i].state == GONE -> i++
	:: i < BATCHES && batches[i].state == DUE -> next = i; break
	:: i < BATCHES && batches[i].state == HELD ->
		held++;
		if
		:: held >= (narrow -> narrow : WINDOW) || batches[i].refused -> break
		:: else -> i++
		fi
	:: i == BATCHES -> break
	od
}

inline put_back(b)
{
	batches[b].confirmation = 0;
	batches[b].answered = false;
	batches[b].state = DUE
}

inline rest(b)
{
	batches[b].refused = true;
	put_back(b)
}

inline ask_again(b)
{
	batches[b].may_be_added = true;
	rest(b)
}

inline forget(b)
{
	batches[b].state = GONE;
	batches[b].confirmation = 0;
	batches[b].answered = false;
	batches[b].may_be_added = false;
	batches[b].refused = false;
	batches[b].done = 0;
	batches[b].added = 0
}

inline finish(b)
{
	narrow = (narrow * 2 < WINDOW -> narrow * 2 : 0);
	forget(b)
}

#define records_of(b) (below(first_of(b) + SIZE) & ~below(first_of(b) + batches[b].done))

/* Reports that the records of the batch that have no outcome yet are not added. */
inline deny(b)
{
	denied = denied | records_of(b);
	assert(!(master.log & records_of(b)))
}

/* The next n records of the batch are in the log. */
inline take_added(b, good)
{
	bits = records_of(b) & below(first_of(b) + batches[b].done + n);
	if
	:: good ->
		acknowledged = acknowledged | bits;
		assert(!(bits & ~(master.log | lost)));
#ifdef ACK
		assert(!(bits & ~replica.log))
#endif
	:: else
	fi;
	batches[b].done = batches[b].done + n;
	if
	:: batches[b].done == SIZE -> finish(b)
	:: batches[b].done < SIZE ->
		batches[b].may_be_added = false;
		if
		:: rest(b)
		:: expiries > 0 -> expiries--; deny(b); finish(b)
		fi
	fi
}

inline hear_added(b)
{
#ifdef ACK
	if
#ifdef MUTANT_ACKNOWLEDGED_BEFORE_WAIT
	:: true -> take_added(b, true)
#else
	:: batches[b].confirmation -> batches[b].answered = true; batches[b].added = n
	:: else -> ask_again(b)
#endif
	fi
#else
	take_added(b, true)
#endif
}

/* `good` as far as the link's replies tell: 1 or 0, or NOBODY if they do not tell. */
inline hear_replicas(number, good)
{
	for (j : 0 .. BATCHES - 1) {
		if
		:: batches[j].confirmation == number ->
			batches[j].confirmation = 0;
			if
			:: batches[j].answered && good == NOBODY -> ask_again(j)
			:: batches[j].answered && good != NOBODY ->
				batches[j].answered = false;
				n = batches[j].added;
				take_added(j, good)
			:: else
			fi
		:: else
		fi
	}
	waits[number] = 0
}

inline hear(k)
{
	replies[k]?kind, r, x;
	if
	:: kind == CONFIRMED -> hear_replicas(r, (waits[r] > 2 -> NOBODY : x))
	:: kind == ELSEWHERE ->
		/* The other node's answer comes through its link, and no WAIT of this one is for it. The sender issues another
		 * WAIT there at once; the model sends the batch again, which comes to the same. */
		j = batch_of(r);
		batches[j].where = 2 - k;
		if
		:: broken[1 - k]
		:: else -> requests[1 - k]!r, x
		fi;
		if
		:: link = 1 - k /* MOVED */
		:: skip /* ASK */
		fi;
#ifndef MUTANT_MOVED_BATCH_CONFIRMED
		for (i : 1 .. WAITS) {
			if
			:: waits[i] == k + 1 -> waits[i] = k + 3
			:: else
			fi
		}
#endif
	:: else ->
		j = batch_of(r);
		batches[j].where = 0;
		if
		:: batches[j].state == GONE /* given up before */
		:: batches[j].state == HELD && kind == ADDED -> n = x; hear_added(j)
		:: batches[j].state == HELD && kind == GAP -> assert(x < r); put_back(j)
		:: batches[j].state == HELD && kind == OLD -> assert(false)
		:: batches[j].state == HELD && kind == REFUSED -> rest(j)
		fi
	fi;
	arrange()
}


inline issue(b)
{
	batches[b].state = HELD;
	batches[b].where = link + 1;
	i = 0;
	do
	:: batches[i].state == GONE -> i++
	:: else -> break
	od;
	if
	:: broken[link]
	:: else -> requests[link]!first_of(b) + batches[b].done, first_of(i) + batches[i].done
	fi;
#ifdef ACK
	batches[b].confirmation = w
#endif
}

/* Sends what is ready; then one WAIT for all of it. */
inline send()
{
#ifdef ACK
	w = 1;
	do
	:: waits[w] -> w++
	:: else -> break
	od;
	n = 0;
	do
	:: next != NOBODY && len(requests[link]) < QUEUE - 1 -> issue(next); arrange(); n++
	:: n > 0 -> break
	od;
	waits[w] = link + 1;
	if
	:: broken[link]
	:: else -> requests[link]!0, w
	fi
#else
	issue(next);
	arrange()
#endif
}

/* A link is lost: no answer comes for what was sent through it. */
inline lose(k)
{
	for (i : 0 .. BATCHES - 1) {
		if
		:: batches[i].where == k + 1 ->
			batches[i].where = 0;
			if
			:: batches[i].state == HELD ->
				batches[i].may_be_added = true;
				put_back(i);
				narrow = 1
			:: else
			fi
		:: else
		fi
	}
#ifdef ACK
	for (l : 1 .. WAITS) {
		if
		:: waits[l] == k + 1 || waits[l] == k + 3 -> hear_replicas(l, NOBODY)
		:: else
		fi
	}
#endif
	do
	:: replies[k]?_, _, _
	:: empty(replies[k]) -> break
	od;
#ifdef CLUSTER
	clear(k);
	broken[k] = false;
	unsynced[k] = false;
#else
	link = 1 - k;
	clear(1 - k);
	broken[1 - k] = false;
	unsynced[1 - k] = false;
#endif
	arrange()
}

inline clear(k)
{
	do
	:: requests[k]?_, _
	:: empty(requests[k]) -> break
	od
}

inline oldest_batch()
{
	j = 0;
	do
	:: batches[j].state == GONE -> j++
	:: else -> break
	od
}

/* The deadline of the oldest batch has come. */
inline give_up()
{
	oldest_batch();
	if
	:: batches[j].may_be_added || batches[j].where || batches[j].confirmation
	:: else -> deny(j)
	fi;
	if
	:: batches[j].where -> forget(j)
	:: else -> finish(j)
	fi;
	arrange()
}

#define is_last_gone (batches[BATCHES - 1].state == GONE)
#if BATCHES == 2
#define finished (is_last_gone && batches[0].state == GONE)
#elif BATCHES == 3
#define finished (is_last_gone && batches[0].state == GONE && batches[1].state == GONE)
#else
#define finished (is_last_gone && batches[0].state == GONE && batches[1].state == GONE && batches[2].state == GONE)
#endif
#ifdef CLUSTER
#define is_used(k) true
#define has_room(k) nfull(requests[1 - (k)])
#else
#define is_used(k) (link == (k))
#define has_room(k) true
#endif

proctype producer()
{
	do
	:: atomic { next != NOBODY && len(requests[link]) < QUEUE - 1 -> send() }
	:: atomic { nempty(replies[0]) && has_room(0) -> hear(0) }
	:: atomic { nempty(replies[1]) && has_room(1) -> hear(1) }
	:: atomic { !finished && is_used(0) && (broken[0] || breaks > 0) ->
		breaks = (broken[0] -> breaks : breaks - 1); lose(0) }
	:: atomic { !finished && is_used(1) && (broken[1] || breaks > 0) ->
		breaks = (broken[1] -> breaks : breaks - 1); lose(1) }
	:: atomic { !finished && expiries > 0 -> expiries--; give_up() }
	:: finished -> break
	od
}

/* --- replication, failovers, a slot that moves ----------------------------------------------------------------------- */

inline copy(to, from)
{
	to.log = from.log; to.known = from.known; to.partly = from.partly; to.awaited = from.awaited
}

inline fail_over(k)
{
	broken[k] = true;
	unsynced[k] = false;
	clear(k)
}

proctype world()
{
end:	do
	:: atomic { unsynced[0] || unsynced[1] -> copy(replica, master); unsynced[0] = false; unsynced[1] = false }
	:: atomic { failovers > 0 && !finished ->
		failovers--;
		lost = lost | (master.log & ~replica.log);
		copy(master, replica);
#ifdef CLUSTER
		fail_over(home)
#else
		fail_over(0); fail_over(1)
#endif
	   }
	/* The new node's replica has all that came with the slot: where it has not, Redis promises nothing. */
	:: atomic { moves > 0 && !finished -> moves--; copy(replica, master); home = 1 - home }
	od
}

init {
	atomic {
		next = 0;
		run producer(); run server(0); run server(1); run world()
	}
}

#ifdef LIVENESS
ltl all_batches_finish { <> finished }
#endif

/*
 * lanes.pml - one partition with lanes: slots, and what is done beyond the position.
 *
 * MESSAGES messages of KEYS keys lie in the log. Two lanes handle them: a key's messages in order, and never two at a time. What is done
 * is committed now and then: a position, and the set of messages beyond it. An owner may crash at any moment, and another one claims.
 * A commit may arrive twice, the second time late. A message may become a dead letter, which moves no position. An operator may set
 * the position back.
 *
 * Must hold: the messages of a key are handled in order; nothing is handled again once a commit, or a letter, has been confirmed; the
 * position passes no message that is not done.
 */
#ifndef MESSAGES
#define MESSAGES 4
#endif
#ifndef KEYS
#define KEYS 2
#endif
#define LANES 2
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef RESETS
#define RESETS 1
#endif
#ifndef LETTERS
#define LETTERS 1
#endif
#define NONE 15
#define ALL ((1 << MESSAGES) - 1)

#define bit(m) (1 << (m))
#define key(m) ((m) % KEYS)

/* Redis. `beyond` is what is done after position `beyond_at`; both are the owner's with that nonce. */
byte position, beyond, beyond_at, beyond_nonce, stored_done, stored_nonce, lettered;
byte nonce; /* the fence; 0: it is down */

/* The owner. */
byte mine;      /* its nonce; 0: nobody owns the partition */
byte known;     /* the messages that it knows to be done */
byte done;      /* how many of these it has done itself */
byte lane[LANES];

/* A commit under way, and a copy of it that comes late. */
byte sent_position, sent_beyond, sent_done, sent_nonce;
byte late_position, late_beyond, late_done, late_nonce;

/* What really happened. */
byte handled;   /* since the newest reset */
byte confirmed; /* since then: what the owner was told to be stored */
byte crashes, resets, letters, epochs, commits;

hidden byte i, m, p;

/* p becomes the first message that is not in the set. */
inline first_missing(set)
{
	p = 0;
	do
	:: p < MESSAGES && ((set) & bit(p)) -> p++
	:: else -> break
	od
#ifdef MUTANT_POSITION_PASSES
	for (i : 0 .. MESSAGES - 1) {
		if
		:: ((set) & bit(i)) -> p = i + 1
		:: else
		fi
	}
#endif
}

/* lua/commit.lua */
inline store(its_position, its_beyond, its_done, its_nonce)
{
	if
	:: its_nonce != nonce -> skip
#ifndef MUTANT_LATE_COMMIT
	:: its_nonce == nonce && stored_nonce == its_nonce && stored_done > its_done -> skip
#endif
	:: its_nonce == nonce && its_position < position -> skip
	:: else ->
		position = its_position;
		beyond = its_beyond;
		beyond_at = its_position;
		beyond_nonce = its_nonce;
		stored_done = its_done;
		stored_nonce = its_nonce;
		assert(((bit(position) - 1) & ~(handled | lettered)) == 0);
		assert((beyond & ~(handled | lettered)) == 0)
	fi
}

/* Whether a message of the key lies in a lane. */
inline key_is_taken(its_key)
{
	p = 0;
	for (i : 0 .. LANES - 1) {
		if
		:: lane[i] != NONE && key(lane[i]) == its_key -> p = 1
		:: else
		fi
	}
#ifdef MUTANT_TWO_LANES
	p = 0;
#endif
}

/* m becomes the first message of the key that is not known to be done, and in no lane. */
inline head_of(its_key)
{
	m = 0;
	do
	:: m < MESSAGES && (key(m) != its_key || (known & bit(m)) || lane[0] == m || lane[1] == m) -> m++
	:: else -> break
	od
}

inline claim()
{
	epochs++;
	nonce = epochs;
	mine = nonce;
	known = bit(position) - 1;
	/* lua/claim.lua */
	if
#ifdef MUTANT_RESET_KEEPS
	:: beyond_nonce != 0 ->
#else
	:: beyond_nonce != 0 && beyond_at == position ->
#endif
		known = known | beyond | lettered;
		beyond_nonce = nonce
	:: else ->
		known = known | lettered;
		beyond = 0;
		beyond_nonce = 0
	fi;
	done = 0;
	stored_done = 0
}

inline lose()
{
	mine = 0;
	known = 0;
	done = 0;
	lane[0] = NONE;
	lane[1] = NONE;
	sent_nonce = 0
}

active proctype partition()
{
	byte k, l;
	lane[0] = NONE;
	lane[1] = NONE;
end:
	do
	:: mine == 0 -> atomic { claim() }

	/* A lane takes the head of a slot. */
	:: mine != 0 && position < MESSAGES ->
		atomic {
			select(k : 0 .. KEYS - 1);
			select(l : 0 .. LANES - 1);
			key_is_taken(k);
			head_of(k);
			if
			:: lane[l] == NONE && p == 0 && m < MESSAGES ->
				lane[l] = m;
				/* Repeated is only what no commit has. */
				assert((confirmed & bit(m)) == 0);
				/* The earlier ones of its key are through. */
				for (i : 0 .. MESSAGES - 1) {
					assert(i >= m || key(i) != key(m) || ((handled | lettered) & bit(i)))
				}
			:: else
			fi
		}

	/* It is done; or it fails, and its slot waits. */
	:: lane[0] != NONE -> atomic { handled = handled | bit(lane[0]); known = known | bit(lane[0]); done++; lane[0] = NONE }
	:: lane[1] != NONE -> atomic { handled = handled | bit(lane[1]); known = known | bit(lane[1]); done++; lane[1] = NONE }
	:: lane[0] != NONE -> lane[0] = NONE

	/* It becomes a dead letter. */
	:: lane[0] != NONE && letters < LETTERS ->
		atomic {
			letters++;
			if
			:: nonce == mine ->
				lettered = lettered | bit(lane[0]);
				known = known | bit(lane[0]);
				confirmed = confirmed | bit(lane[0]);
				done++
			:: else
			fi;
			lane[0] = NONE
		}

	/* A commit. */
	:: mine != 0 && sent_nonce == 0 && commits < MESSAGES + CRASHES && known != 0 ->
		atomic {
			commits++;
			first_missing(known);
			sent_position = p;
			sent_beyond = known;
			if
			:: p > 0 -> sent_beyond = known & ~(bit(p) - 1)
			:: else
			fi;
#ifdef MUTANT_HOLE_LEFT_OUT
			if
			:: sent_beyond != 0 -> sent_beyond = ALL & ~(bit(p) - 1) & ~bit(p)
			:: else
			fi;
#endif
			sent_done = done;
			sent_nonce = mine
		}
	:: sent_nonce != 0 && nonce == sent_nonce ->
		atomic {
			store(sent_position, sent_beyond, sent_done, sent_nonce);
			/* The answer; a copy of the call may still be on its way. */
			confirmed = confirmed | sent_beyond | (bit(sent_position) - 1);
			if
			:: late_nonce == 0 ->
				late_position = sent_position;
				late_beyond = sent_beyond;
				late_done = sent_done;
				late_nonce = sent_nonce
			:: true
			fi;
			sent_nonce = 0
		}
	:: late_nonce != 0 -> atomic { store(late_position, late_beyond, late_done, late_nonce); late_nonce = 0 }

	/* The owner dies. The copy of its commit may arrive before the next claim, or after it. */
	:: mine != 0 && crashes < CRASHES -> atomic { crashes++; lose() }

	/* lua/reset.lua: everything is to be handled again. The owner learns of it by the fence. */
	:: resets < RESETS && mine != 0 ->
		atomic {
			resets++;
			position = 0;
			nonce = 0;
#ifndef MUTANT_RESET_KEEPS
			beyond = 0;
			beyond_nonce = 0;
			lettered = 0;
#endif
			handled = 0;
			confirmed = 0;
			lose()
		}

	:: position == MESSAGES ->
		assert((handled | lettered) == ALL);
		break
	od
}

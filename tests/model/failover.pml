/*
 * failover.pml - a Redis that loses its newest writes, and slots that move: when a member must doubt what it knows. A model of the
 * protocol of framework/group/history.c, membership.c, claim.c and commit.c with lua/coordinate.lua, claim.lua and commit.lua, for
 * one partition, without time. tests/model.sh checks the model with spin(1).
 *
 * Server 1 is the replica of server 0 and has the state that server 0 had at some moment: the newest sync. A failover makes it the
 * master. Server 0 lives on for a while, and takes writes that are lost. Leases end at any time, and their members do not notice.
 *
 * Without CLUSTER, a member has two connections, for commands (control) and for reads (data). Each of them leads to the old master
 * or to the new one. With CLUSTER, a member has a map of two slots, the control slot and the partition's. Server 2 is another
 * master; slots move between it and the others with all of their state. A server that has lost a slot answers MOVED, and a command
 * goes on to the other one at once; but a commit fails.
 *
 * A call is one step, because what happens between its parts could as well happen before or after it. Only a cluster's old master
 * may answer when its member knows another one: the answers to LATE calls come at any time.
 *
 * In every reachable state, the model checks:
 *   - Redis accepts commits only from the member that claimed the partition last in this history of Redis;
 *   - no position passes a message that is in the log and was not handled, or a place where a message may still come;
 *   - a member resumes at a position that was held earlier in this history;
 *   - a handler that is called in the new history has a later epoch than all before the failover; not with SLOW_CLOCK, where the
 *     coordinator gives an epoch that Redis has lost to another member;
 *   - with ACK, a commit that counts outlives a failover.
 * With PROGRESS, it checks that nothing remains to be done only when all messages are committed. A heartbeat is then sent only if
 * something has changed.
 *
 * Ids come again: after a failover, a new message may have the id of a lost one, as where the new master's clock is behind. So a
 * commit that went on to the other server, before the member has looked at its map, could pass a new message.
 */
#ifndef CONTENTS
#define CONTENTS 3 /* messages that are sent in one run; the first one is there at the start */
#endif
/* So often in one run: */
#ifndef TAKEOVERS
#define TAKEOVERS 1 /* a lease ends */
#endif
#ifndef BREAKS
#define BREAKS 1 /* the answer to a call is lost; or, without CLUSTER, a connection to the old master breaks */
#endif
#ifndef MOVES
#define MOVES 1 /* with CLUSTER: a slot moves */
#endif
#ifndef LATE
#define LATE 1 /* with CLUSTER: a call is answered late; without, a connection leads to the old master after the failover */
#endif
#define SERVERS 3
#define IDS 2 /* that the log has room for */
#define next_id(s) (partition[s].length + 1)
#define is_past_the_end(position) ((position) > partition[to].length)

#define bit(n) (1 << (n))

/* --- Redis ------------------------------------------------------------------------------------------------------- */

/* The group's control keys. */
typedef control_keys {
	bit owner;
	byte epoch
};
/* The partition's keys. `token` is the nonce of the epoch in the fence. */
typedef partition_keys {
	byte fence, token, position;
	byte length, log[IDS + 1]; /* what each id holds: a content */
	bit holder;                /* what really happened: who claimed it last, */
	byte held                  /* and all positions so far, as a set */
};
control_keys control[SERVERS];
partition_keys partition[SERVERS];
byte control_at, partition_at;    /* the servers that have the slots; without CLUSTER, the master */
bool failed;                      /* server 1 is a master */
bool lives_on;                    /* server 0 does not know yet, and takes commands for the slots that it had: */
bool had_control, had_partition;
bool behind;                      /* the replica lacks a write */

/* What really happened. */
byte sent = 1; /* messages; their contents are numbers from 1 on */
byte handled = 1; /* contents, as a set; an id that holds nothing counts as handled */
byte given = 1; /* the latest epoch */
byte ran;      /* the latest epoch that a handler was called with before the failover, */
bit ran_by;    /* and its member */
byte counted;  /* with ACK: the latest position of a commit that counts */

byte takeovers = TAKEOVERS;
byte breaks = BREAKS;
byte moves = MOVES;
byte late = LATE;

/* --- members ------------------------------------------------------------------------------------------------------ */

#define NONE 0
#define ACQUIRED 1
#define CLAIMING 2
#define ACTIVE 3
#define RELEASED 4

typedef member_state {
	byte state, epoch;
	byte nonce, nonce_epoch; /* the nonces of one member have numbers */
	byte doubted;            /* an epoch that must not be claimed */
	bool in_doubt;           /* the next share may be of before the writes that Redis has lost */
	bool trusts;             /* its lease */
	bool anew;               /* claimed in the new history */
	byte at, committed;      /* positions */
#ifdef ACK
	bool confirming;         /* a commit that replicas are asked about: */
	byte confirmed_by, confirmed_epoch, confirmed_at
#endif
#ifdef MUTANT_POSITION_FROM_MEMORY
	byte memory;
#endif
#ifdef CLUSTER
	bool beat_late;          /* a heartbeat is under way; its answer, and whether the member was in doubt when it sent it: */
	byte beat_epoch;
	bool beat_in_doubt;
	bool claim_late;         /* a claim is under way, to a server and with these: */
	byte claim_to, claim_epoch, claim_token;
	byte control_at, partition_at; /* its map */
	byte control_was, partition_was; /* the map at its newest look */
	byte moved_from;         /* server + 1 that has lost the control slot, until that is clear; 0: none */
	bool partial, lost_all   /* the map is not whole; in it, server 0 has no slots */
#else
	byte control, data, seen /* server + 1 of each connection, and of control's newest; 0: none */
#endif
};
member_state members[2];

/* Scratch variables of the atomic steps. Between steps, their values mean nothing. */
hidden byte i, to, n, epoch, token, position;

#define my members[m]

inline lose(m)
{
	my.state = NONE;
	my.epoch = 0;
	my.at = 0;
	my.committed = 0;
	my.anew = false
}

/* All that was fetched and assigned may be of writes that Redis has lost. */
inline doubt(m)
{
#ifndef MUTANT_HISTORY_NOT_NOTICED
	lose(m);
	my.in_doubt = true
#else
	skip
#endif
}

/* --- connections and maps ------------------------------------------------------------------------------------------- */

#ifdef CLUSTER

#define has_control(s) (control_at == (s) || (s) == 0 && lives_on && had_control)
#define has_partition(s) (partition_at == (s) || (s) == 0 && lives_on && had_partition)
#define holds_control(m) true
#define holds_data(m) true
#define partition_of(m) my.partition_at
#define data_of(m) my.partition_at
#ifdef MUTANT_UNCLEAR_IS_CLEAR
#define is_unclear(m) false
#else
#define is_unclear(m) (my.moved_from != 0)
#endif
#ifdef MUTANT_FAILOVER_IS_MIGRATION
#define keeps(m, s) true
#else
#define keeps(m, s) ((s) != 0 || !my.lost_all)
#endif

/* seg_history_follow_slots */
inline look_at_map(m)
{
	if
	:: my.partition_at != my.partition_was ->
		my.partition_was = my.partition_at;
#ifndef MUTANT_MOVED_PARTITION_KEPT
		lose(m)
#endif
	:: else
	fi;
	if
	:: my.control_at != my.control_was && my.moved_from != 0 ->
		my.control_was = my.control_at;
		my.moved_from = 0;
		doubt(m)
	:: my.control_at != my.control_was && my.moved_from == 0 ->
		my.moved_from = my.control_was + 1;
		my.control_was = my.control_at
	:: else
	fi;
	if
	:: my.moved_from != 0 && !my.partial ->
		if
		:: keeps(m, my.moved_from - 1)
		:: else -> doubt(m)
		fi;
		my.moved_from = 0
	:: else
	fi
}

inline learn_map(m)
{
	my.control_at = control_at;
	my.partition_at = partition_at;
	my.lost_all = failed;
	my.partial = false;
	look_at_map(m)
}

/* MOVED, if `to` has lost the control slot. */
inline follow_control(m)
{
	if
	:: has_control(to)
	:: else -> to = control_at; my.control_at = to; my.partial = true; look_at_map(m)
	fi
}

inline follow_partition(m)
{
	if
	:: has_partition(to)
	:: else -> to = partition_at; my.partition_at = to; my.partial = true; look_at_map(m)
	fi
}

#else

#define has_partition(s) true
#define follow_partition(m) skip
#define holds_control(m) (my.control != 0)
#ifdef MUTANT_LINKS_NOT_COMPARED
#define holds_data(m) (my.control != 0 && my.data != 0)
#else
#define holds_data(m) (my.control != 0 && my.control == my.data)
#endif
#define partition_of(m) (my.control - 1)
#define data_of(m) (my.data - 1)
#define is_unclear(m) false
#define answers(s) ((s) != 0 || !failed || lives_on)

inline connect_control(m, s)
{
	my.control = s + 1;
	if
	:: my.seen != s + 1 -> doubt(m)
	:: else
	fi;
	my.seen = s + 1;
#ifndef MUTANT_LINKS_NOT_COMPARED
	if
	:: my.data != my.control -> my.data = 0
	:: else
	fi
#endif
}

inline connect_data(m, s)
{
	my.data = s + 1;
#ifndef MUTANT_LINKS_NOT_COMPARED
	if
	:: my.control != 0 && my.data != my.control -> my.data = 0; my.control = 0
	:: else
	fi
#endif
}
#endif

/* --- the scripts, and what a member hears of them ----------------------------------------------------------------------- */

inline note_write()
{
	if
	:: to == 0 && !failed -> behind = true
	:: else
	fi
}

/* A new epoch, and its owner. */
inline give(member)
{
#ifdef SLOW_CLOCK
	control[to].epoch = control[to].epoch + 1;
#else
	given++;
	control[to].epoch = given;
#endif
	control[to].owner = member;
	note_write()
}

/* The answer is the epoch of the member's share; 0: it has none. */
inline coordinate(m)
{
	if
	:: my.state == RELEASED && control[to].owner == m && control[to].epoch == my.epoch ->
		if
		:: give(m)
		:: give(1 - m)
		fi
	:: else
	fi;
	epoch = (control[to].owner == m -> control[to].epoch : 0)
}

inline hear_share(m, doubtful)
{
	if
	:: epoch == 0 -> lose(m)
	:: epoch != 0 && !(my.state == RELEASED && my.epoch == epoch) ->
		if
		:: my.epoch != epoch -> lose(m); my.state = ACQUIRED; my.epoch = epoch
		:: else
		fi;
#ifndef MUTANT_DOUBTED_EPOCH_CLAIMED
		if
		:: my.in_doubt -> my.doubted = epoch
		:: else
		fi
#endif
	:: else
	fi;
#ifdef MUTANT_ANY_SHARE_ENDS_DOUBT
	my.in_doubt = false;
#else
	my.in_doubt = my.in_doubt && !(doubtful);
#endif
	my.trusts = true
}

inline heartbeat(m)
{
#ifdef CLUSTER
	n = my.in_doubt;
	to = my.control_at;
	follow_control(m);
	coordinate(m);
	if
	:: hear_share(m, n)
	:: late > 0 -> late--; my.beat_late = true; my.beat_epoch = epoch; my.beat_in_doubt = n
	fi
#else
	to = my.control - 1;
	coordinate(m);
	hear_share(m, true)
#endif
}

#define is_again (partition[to].fence == epoch && partition[to].token == token)

inline do_claim(m)
{
	if
	:: partition[to].fence < epoch || is_again ->
		partition[to].fence = epoch;
		partition[to].token = token;
		partition[to].holder = m;
		note_write();
		position = partition[to].position
	:: else -> position = IDS + 1 /* STALE */
	fi
}

#define is_new(s) (failed && (s) != 0)

inline hear_claim(m)
{
	if
	:: my.state != CLAIMING
	:: my.state == CLAIMING && position > IDS -> my.state = RELEASED
	:: my.state == CLAIMING && position <= IDS ->
		my.state = ACTIVE;
#ifdef MUTANT_POSITION_FROM_MEMORY
		position = (my.memory > position -> my.memory : position);
#endif
		assert(partition[partition_of(m)].held & bit(position));
		my.at = position;
		my.committed = position;
		my.anew = is_new(to)
	fi
}

inline claim(m)
{
	if
	:: my.epoch == my.doubted -> my.state = RELEASED
	:: else ->
		if
		:: my.nonce_epoch != my.epoch -> my.nonce++; my.nonce_epoch = my.epoch
		:: else
		fi;
		my.state = CLAIMING;
		to = partition_of(m);
		epoch = my.epoch;
		token = my.nonce * 2 + m;
#ifdef CLUSTER
		if
		:: my.claim_late -> follow_partition(m); do_claim(m) /* an answer that is not the last one does not count */
		:: !my.claim_late && late > 0 ->
			late--; my.claim_late = true; my.claim_to = to; my.claim_epoch = epoch; my.claim_token = token
		:: !my.claim_late -> follow_partition(m); do_claim(m); hear_claim(m)
		fi
#else
		do_claim(m);
		if
		:: hear_claim(m)
		:: breaks > 0 -> breaks--; my.state = ACQUIRED; my.control = 0
		fi
#endif
	fi
}

#ifdef CLUSTER
inline late_claim(m)
{
	to = my.claim_to; epoch = my.claim_epoch; token = my.claim_token;
	my.claim_late = false; my.claim_to = 0; my.claim_epoch = 0; my.claim_token = 0;
	follow_partition(m);
	do_claim(m);
	hear_claim(m)
}
#endif

/* A message comes, and its handler is called. */
inline handle(m)
{
	to = data_of(m);
	follow_partition(m);
	if
	:: my.state == ACTIVE && my.at < partition[to].length ->
#ifndef SLOW_CLOCK
		assert(!my.anew || my.epoch > ran || my.epoch == ran && ran_by == m);
		if
		:: !failed && my.epoch > ran -> ran = my.epoch; ran_by = m
		:: else
		fi;
#endif
		my.at++;
		handled = handled | bit(partition[to].log[my.at])
#ifdef MUTANT_POSITION_FROM_MEMORY
		; my.memory = my.at
#endif
	:: else
	fi
}

#ifdef MUTANT_NO_NONCE
#define is_fenced (partition[to].fence != epoch)
#else
#define is_fenced (partition[to].fence != epoch || partition[to].token != token)
#endif

inline do_commit(m)
{
	if
	:: !is_fenced ->
		assert(partition[to].holder == m);
		if
		:: position > partition[to].position ->
			assert(!is_past_the_end(position));
			for (i : 1 .. position) {
				assert(handled & bit(partition[to].log[i]))
			}
			partition[to].position = position;
			partition[to].held = partition[to].held | bit(position);
			note_write()
		:: else
		fi
	:: else
	fi
}

#ifdef MUTANT_COMMITS_FOLLOW_MOVED
#define follows true
#else
#define follows false
#endif

inline commit(m)
{
	to = partition_of(m);
	epoch = my.epoch;
	token = my.nonce * 2 + m;
	position = my.at;
	if
	:: !has_partition(to) && !follows -> follow_partition(m)
	:: has_partition(to) || follows ->
		follow_partition(m);
		do_commit(m);
		if
		:: my.state == ACTIVE && is_fenced -> lose(m)
#ifdef ACK
		:: my.state == ACTIVE && !is_fenced ->
			my.confirming = true; my.confirmed_epoch = epoch; my.confirmed_at = position;
			my.confirmed_by = to
#else
		:: my.state == ACTIVE && !is_fenced -> my.committed = position
#endif
		:: breaks > 0 -> breaks--
		:: my.state != ACTIVE
		fi
	fi
}

#ifdef ACK
#ifdef MUTANT_WAIT_NOT_LOOKED_AT
#define has_replica(s) true
#else
#define has_replica(s) ((s) != 0 || !failed && !behind)
#endif

inline hear_replica(m)
{
	if
	:: my.state == ACTIVE && my.epoch == my.confirmed_epoch ->
		my.committed = my.confirmed_at;
		counted = (my.confirmed_at > counted -> my.confirmed_at : counted)
	:: else
	fi;
	forget_confirmation(m)
}

inline forget_confirmation(m)
{
	my.confirming = false;
	my.confirmed_by = 0;
	my.confirmed_epoch = 0;
	my.confirmed_at = 0
}
#define asks(m) my.confirming
#else
#define asks(m) false
#endif

/* --- members, and the world ------------------------------------------------------------------------------------------------- */

#ifdef MUTANT_CLAIMS_OVERLAP
#define waits_for_claim(m) false
#elif defined(CLUSTER)
#define waits_for_claim(m) my.claim_late
#else
#define waits_for_claim(m) false
#endif

#ifdef MUTANT_DOUBTED_EPOCH_KEPT
#define is_kept(m) (my.epoch == my.doubted)
#else
#define is_kept(m) false
#endif
#define may_claim(m) (my.state == ACQUIRED && !is_kept(m) && !is_unclear(m) && !waits_for_claim(m) && holds_control(m))
#define may_handle(m) (my.state == ACTIVE && my.trusts && my.at < IDS && holds_data(m))
#define may_commit(m) (my.state == ACTIVE && my.at > my.committed && !asks(m) && holds_control(m))

#ifdef PROGRESS
#define share_of(s, m) (control[s].owner == (m) -> control[s].epoch : 0)
#define is_useful(s, m) (share_of(s, m) != my.epoch || my.state == RELEASED || my.in_doubt || !my.trusts)
#else
#define is_useful(s, m) true
#endif
#ifdef CLUSTER
#define beat_to(m) (has_control(my.control_at) -> my.control_at : control_at)
#else
#define beat_to(m) (my.control == 2 -> 1 : 0)
#endif

proctype member(bit m)
{
end:	do
#ifdef CLUSTER
	:: atomic { !my.beat_late && is_useful(beat_to(m), m) -> heartbeat(m) }
	:: atomic { my.beat_late ->
		epoch = my.beat_epoch; n = my.beat_in_doubt;
		my.beat_late = false; my.beat_epoch = 0; my.beat_in_doubt = false;
		hear_share(m, n) }
	:: atomic { my.claim_late -> late_claim(m) }
	:: atomic { my.control_at != control_at || my.partition_at != partition_at || my.partial -> learn_map(m) }
	:: atomic { my.moved_from != 0 -> my.moved_from = 0; doubt(m) } /* the map does not come */
#else
	:: atomic { my.control != 0 && is_useful(beat_to(m), m) -> heartbeat(m) }
	:: atomic { my.control == 0 -> connect_control(m, failed) }
	:: atomic { my.control == 0 && failed && lives_on && late > 0 -> late--; connect_control(m, 0) }
	:: atomic { my.data == 0 -> connect_data(m, failed) }
	:: atomic { my.data == 0 && failed && lives_on && late > 0 -> late--; connect_data(m, 0) }
	:: atomic { my.control != 0 && !answers(my.control - 1) -> my.control = 0 }
	:: atomic { my.data != 0 && !answers(my.data - 1) -> my.data = 0 }
	:: atomic { failed && breaks > 0 && my.control == 1 -> breaks--; my.control = 0 }
	:: atomic { failed && breaks > 0 && my.data == 1 -> breaks--; my.data = 0 }
#endif
	:: atomic { may_claim(m) -> claim(m) }
	:: atomic { may_handle(m) -> handle(m) }
	:: atomic { may_commit(m) -> commit(m) }
#ifdef ACK
	:: atomic { my.confirming && has_replica(my.confirmed_by) -> hear_replica(m) }
	:: atomic { my.confirming && (breaks > 0 || failed) -> breaks = (failed -> breaks : breaks - 1); forget_confirmation(m) }
#endif
	od
}

inline copy_control(target, source)
{
	control[target].owner = control[source].owner;
	control[target].epoch = control[source].epoch
}

inline copy_partition(target, source)
{
	partition[target].fence = partition[source].fence;
	partition[target].token = partition[source].token;
	partition[target].position = partition[source].position;
	partition[target].length = partition[source].length;
	for (i : 1 .. IDS) {
		partition[target].log[i] = partition[source].log[i]
	}
	partition[target].holder = partition[source].holder;
	partition[target].held = partition[source].held
}

inline replicate()
{
	if
	:: control_at == 0 -> copy_control(1, 0)
	:: else
	fi;
	if
	:: partition_at == 0 -> copy_partition(1, 0)
	:: else
	fi;
	behind = false
}

inline send()
{
	to = partition_at;
	sent++;
	partition[to].length = next_id(to);
	partition[to].log[partition[to].length] = sent;
	note_write()
}

/* A member whose lease ends hears of no heartbeat that it sent before. */
inline end_lease(s)
{
	takeovers--;
	to = s;
	i = control[to].owner;
	members[i].trusts = false;
#ifdef CLUSTER
	members[i].beat_late = false; members[i].beat_epoch = 0; members[i].beat_in_doubt = false;
#endif
	give(1 - i)
}

inline fail_over()
{
	failed = true;
	lives_on = true;
	had_control = control_at == 0;
	had_partition = partition_at == 0;
	control_at = (had_control -> 1 : control_at);
	if
	:: had_partition ->
		partition_at = 1;
		assert(partition[1].position >= counted)
	:: else
	fi;
	behind = false
}

/* Where a slot may go from a server. The new server's replica has all that comes with the slot. */
#define other_of(s) ((s) != 2 -> 2 : (failed -> 1 : 0))

inline move_control()
{
	moves--;
	to = other_of(control_at);
	copy_control(to, control_at);
	control_at = to;
	if
	:: to == 0 -> copy_control(1, 0)
	:: else
	fi
}

inline move_partition()
{
	moves--;
	to = other_of(partition_at);
	copy_partition(to, partition_at);
	partition_at = to;
	if
	:: to == 0 -> copy_partition(1, 0)
	:: else
	fi
}

proctype world()
{
end:	do
	:: atomic { behind -> replicate() }
	:: atomic { sent < CONTENTS && partition[partition_at].length < IDS -> send() }
	:: atomic { takeovers > 0 -> end_lease(control_at) }
	:: atomic { takeovers > 0 && lives_on && had_control -> end_lease(0) }
	:: atomic { !failed -> fail_over() }
	:: atomic { lives_on -> lives_on = false }
#ifdef CLUSTER
	:: atomic { moves > 0 -> move_control() }
	:: atomic { moves > 0 -> move_partition() }
#endif
	od
}

#ifdef PROGRESS
proctype end()
{
	timeout -> assert(partition[partition_at].position == partition[partition_at].length)
}
#endif

init {
	atomic {
#ifdef CLUSTER
		if
		:: skip
		:: control_at = 2
		:: partition_at = 2
		fi;
		for (n : 0 .. 1) {
			members[n].control_at = control_at;
			members[n].control_was = control_at;
			members[n].partition_at = partition_at;
			members[n].partition_was = partition_at
		}
#else
		for (n : 0 .. 1) {
			members[n].control = 1; members[n].data = 1; members[n].seen = 1
		}
#endif
		for (n : 0 .. SERVERS - 1) {
			partition[n].held = 1;
			partition[n].length = 1;
			partition[n].log[1] = 1;
			control[n].epoch = 1
		}
#ifdef PROGRESS
		members[0].trusts = true; members[1].trusts = true;
		run end();
#endif
		run member(0); run member(1); run world()
	}
}

/*
 * ownership.pml - who may touch a partition, and until when. A model of the protocol of framework/lua/coordinate.lua, claim.lua,
 * commit.lua and framework/partition/ownership.c, without Redis and without time. tests/model.sh checks the model with spin(1).
 *
 * The model has no clock, only what the clock guarantees: a member trusts its lease until `trusted` becomes false, which may
 * happen at any moment, and Redis ends a lease only after that (the margin). A member may stop between any two steps and continue
 * later (SIGSTOP), or die for good. A reply may take any time, or never come.
 *
 * In every reachable state, the model checks:
 *   - only an owner hands a message to its handler, and while it may do so, no other member may;
 *   - Redis accepts a commit only from the holder of the fence, and positions never go back;
 *   - every committed message was handled;
 *   - epochs rise; a partition gets another owner only after its owner has released it, or has died or left.
 * In every run in which failures stop, it checks: each partition ends up with its target handling it, and shares differ by at
 * most one.
 */
#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef PARTITIONS
#define PARTITIONS 2
#endif
#ifndef TROUBLES
#define TROUBLES 3 /* joins, leaves, deaths and expiries in one run */
#endif
#define MESSAGES 1 /* in each partition's log: enough to show a message that is handled twice, or skipped */
#define NOBODY 9

#define NONE 0
#define ACQUIRED 1
#define ACTIVE 2
#define DRAINING 3
#define RELEASED 4

/* What Redis stores. */
byte owner[PARTITIONS], target[PARTITIONS], epoch[PARTITIONS];
byte fence[PARTITIONS], position[PARTITIONS];
bool in_group[MEMBERS];

/* What each member believes. */
typedef beliefs {
	byte state[PARTITIONS];
	byte epoch[PARTITIONS];
	byte handled[PARTITIONS];
	bool calling[PARTITIONS]; /* the handler has been called and has not returned */
	bool outlived[PARTITIONS]; /* the call has outlived the lease under which it began */
};
beliefs believes[MEMBERS];
bool trusted[MEMBERS], dead[MEMBERS], leaving[MEMBERS];

/* What really happened. */
byte effect[PARTITIONS]; /* the newest message that some handler has finished */
byte troubles = TROUBLES;

/* Scratch variables of the atomic steps. Between steps, their values mean nothing. */
hidden byte i, q, low, live, o, r;


#if PARTITIONS == 2
#define count(m) ((target[0] == (m)) + (target[1] == (m)))
#else
#define count(m) ((target[0] == (m)) + (target[1] == (m)) + (target[2] == (m)))
#endif

inline share_out()
{
	/* Balanced and sticky: a partition without a valid target goes to the member that has least; then members that have too
	 * much give to members that have less. */
	live = 0;
	for (i : 0 .. MEMBERS - 1) {
		if
		:: in_group[i] && !leaving[i] -> live++
		:: else
		fi
	}
	for (q : 0 .. PARTITIONS - 1) {
		if
		:: live == 0 -> target[q] = NOBODY
		:: live > 0 && (target[q] == NOBODY || !in_group[target[q]] || leaving[target[q]]) ->
			target[q] = NOBODY;
			low = NOBODY;
			for (i : 0 .. MEMBERS - 1) {
				if
				:: in_group[i] && !leaving[i] && (low == NOBODY || count(i) < count(low)) -> low = i
				:: else
				fi
			}
			target[q] = low
		:: else
		fi
	}
	for (q : 0 .. PARTITIONS - 1) {
		for (i : 0 .. MEMBERS - 1) {
			if
			:: live > 0 && in_group[i] && !leaving[i] && count(target[q]) > count(i) + 1 -> target[q] = i
			:: else
			fi
		}
	}
	/* A partition without an owner goes to its target, in a new epoch. */
	for (q : 0 .. PARTITIONS - 1) {
		if
		:: owner[q] == NOBODY && target[q] != NOBODY -> owner[q] = target[q]; epoch[q]++
		:: else
		fi
	}
}

/* The group forgets a member: nobody owns its partitions any more. */
inline expel(m)
{
	in_group[m] = false;
	for (q : 0 .. PARTITIONS - 1) {
		if
		:: owner[q] == m -> owner[q] = NOBODY
		:: else
		fi
	}
	share_out()
}

inline lose(m, p)
{
	/* The member tells its worker. A call that is running continues, but the member does not commit its result. */
	believes[m].state[p] = NONE
}

/* One heartbeat. The reply is the member's share, or that the group does not know the member. */
inline heartbeat(m)
{
	atomic {
		if
		:: in_group[m] ->
			for (r : 0 .. PARTITIONS - 1) {
				if
				:: believes[m].state[r] == RELEASED && owner[r] == m && epoch[r] == believes[m].epoch[r] ->
					owner[r] = NOBODY; believes[m].state[r] = NONE
				:: believes[m].state[r] == RELEASED && !(owner[r] == m && epoch[r] == believes[m].epoch[r]) ->
					believes[m].state[r] = NONE
				:: else
				fi
			}
			share_out();
			for (r : 0 .. PARTITIONS - 1) {
				if
				:: owner[r] == m && (believes[m].state[r] == NONE || believes[m].epoch[r] != epoch[r]) ->
					if
					:: !believes[m].calling[r] -> believes[m].state[r] = ACQUIRED; believes[m].epoch[r] = epoch[r]
					:: else -> lose(m, r) /* the old worker must stop first */
					fi
				:: owner[r] != m && believes[m].state[r] != NONE -> lose(m, r)
				:: else
				fi;
				if
				:: owner[r] == m && target[r] != m && believes[m].state[r] == ACTIVE -> believes[m].state[r] = DRAINING
				:: owner[r] == m && target[r] != m && believes[m].state[r] == ACQUIRED -> believes[m].state[r] = RELEASED
				:: else
				fi
			}
			trusted[m] = true
		:: else ->
			for (r : 0 .. PARTITIONS - 1) { lose(m, r) }
			trusted[m] = false;
			if
			:: !leaving[m] -> in_group[m] = true; share_out()
			:: else
			fi
		fi
	}
}

#define epoch_of(m, p) believes[m].epoch[p]

/* Raises the fence, and reads the position that the fence protects. */
inline claim(m, p)
{
	atomic {
		if
		:: epoch_of(m, p) > fence[p] || (epoch_of(m, p) == fence[p]) ->
#ifdef MUTANT_NO_FENCE
			skip;
#else
			fence[p] = epoch_of(m, p);
#endif
			believes[m].handled[p] = position[p];
			believes[m].state[p] = ACTIVE
		:: else -> believes[m].state[p] = RELEASED /* too old: the member asks for a new epoch */
		fi
	}
}
/* More time has passed than the lease covers: a call that is running now may overlap with another owner's. */
inline distrust(m)
{
	trusted[m] = false;
	for (o : 0 .. PARTITIONS - 1) {
		believes[m].outlived[o] = believes[m].calling[o]
	}
}

/* The member checks its lease and calls the handler. */
inline start_call(m, p)
{
	for (o : 0 .. MEMBERS - 1) {
		if
		:: o != m && trusted[o] && !dead[o] ->
			assert(believes[o].state[p] != ACTIVE);
			assert(!believes[o].calling[p] || believes[o].outlived[p])
		:: else
		fi
	}
	believes[m].calling[p] = true
}

inline return_call(m, p)
{
	believes[m].calling[p] = false;
	believes[m].outlived[p] = false;
	if
	:: believes[m].state[p] == ACTIVE || believes[m].state[p] == DRAINING ->
		believes[m].handled[p]++;
		if
		:: effect[p] < believes[m].handled[p] -> effect[p] = believes[m].handled[p]
		:: else
		fi
	:: else
	fi
}

inline commit(m, p)
{
	atomic {
		if
#ifdef MUTANT_NO_FENCE
		:: true ->
#else
		:: fence[p] == epoch_of(m, p) ->
#endif
			assert(believes[m].handled[p] >= position[p]);
			assert(believes[m].handled[p] <= effect[p]);
			position[p] = believes[m].handled[p];
			if
			:: believes[m].state[p] == DRAINING && !believes[m].calling[p] -> believes[m].state[p] = RELEASED
			:: else
			fi
#ifndef MUTANT_NO_FENCE
		:: else -> lose(m, p)
#endif
		fi
	}
}

#define may_claim(m, p) (believes[m].state[p] == ACQUIRED)
#define may_start(m, p) (believes[m].state[p] == ACTIVE && trusted[m] && !believes[m].calling[p] && \
			 believes[m].handled[p] < MESSAGES)
#define may_commit(m, p) (believes[m].state[p] == ACTIVE && believes[m].handled[p] > position[p])
#ifdef MUTANT_RELEASE_EARLY
#define may_release(m, p) (believes[m].state[p] == DRAINING)
#else
#define may_release(m, p) (believes[m].state[p] == DRAINING && !believes[m].calling[p])
#endif

inline release(m, p)
{
#ifdef MUTANT_RELEASE_EARLY
	believes[m].state[p] = RELEASED
#else
	commit(m, p)
#endif
}

#ifndef LIVENESS
/* For safety: the member's threads take the steps that they may take in any order, and may stop between any two steps for any
 * time. */
proctype member(byte m)
{
	byte p;
end:	do
	:: atomic { !dead[m] -> heartbeat(m) }
	:: atomic { !dead[m] && p < PARTITIONS - 1 -> p++ }
	:: atomic { !dead[m] && p > 0 -> p-- }
	:: atomic { !dead[m] && may_claim(m, p) -> claim(m, p) }
	:: atomic { !dead[m] && may_start(m, p) -> start_call(m, p) }
	:: atomic { !dead[m] && believes[m].calling[p] -> return_call(m, p) }
	:: atomic { !dead[m] && may_commit(m, p) -> commit(m, p) }
	:: atomic { !dead[m] && may_release(m, p) -> release(m, p) }
	:: dead[m] -> break
	od
}
#else
/* For liveness: the member does everything that is due, round after round, as the I/O thread does. */
proctype member(byte m)
{
	byte p;
end:	do
	:: dead[m] -> break
	:: atomic { !dead[m] -> heartbeat(m); p = 0 }
		do
		:: p < PARTITIONS ->
			atomic {
				if
				:: dead[m] -> skip
				:: !dead[m] && may_claim(m, p) -> claim(m, p)
				:: !dead[m] && may_start(m, p) -> start_call(m, p)
				:: !dead[m] && believes[m].calling[p] -> return_call(m, p)
				:: !dead[m] && may_commit(m, p) -> commit(m, p)
				:: !dead[m] && may_release(m, p) -> release(m, p)
				:: else -> skip
				fi;
				p++
			}
		:: else -> break
		od
	od
}
#endif

/* Everything that can go wrong with a member, TROUBLES times in one run. */
proctype trouble(byte m)
{
end:	do
	:: atomic { troubles > 0 && trusted[m] -> troubles--;
#ifndef MUTANT_LEASE_FOR_EVER
		distrust(m)
#else
		skip
#endif
	   }
	:: atomic { troubles > 0 && !leaving[m] && !dead[m] -> troubles--; leaving[m] = true; share_out() }
	:: atomic { troubles > 0 && !dead[m] -> troubles--; dead[m] = true; trusted[m] = false }
	:: troubles == 0 -> break
	od
}

/* Redis ends leases that their members trust no more: a dead member's lease always, another one as one of the troubles. */
proctype leases()
{
#ifdef MUTANT_LEASE_FOR_EVER
#define may_end(m) (in_group[m] && (dead[m] || troubles > 0))
#else
#define may_end(m) (in_group[m] && !trusted[m] && (dead[m] || troubles > 0))
#endif
#define end_lease(m) troubles = (dead[m] -> troubles : troubles - 1); expel(m)
end:	do
	:: atomic { may_end(0) -> end_lease(0) }
	:: atomic { may_end(1) -> end_lease(1) }
#if MEMBERS > 2
	:: atomic { may_end(2) -> end_lease(2) }
#endif
	od
}

init {
	atomic {
		for (q : 0 .. PARTITIONS - 1) { owner[q] = NOBODY; target[q] = NOBODY }
		run member(0); run member(1); run trouble(0); run trouble(1);
#if MEMBERS > 2
		run member(2); run trouble(2);
#endif
		run leases()
	}
}

#define wanted(m) (!dead[m] && !leaving[m])
#define handles(p, m) (owner[p] == (m) && target[p] == (m) && believes[m].state[p] == ACTIVE)
#if MEMBERS == 2 && PARTITIONS == 2
#define settled (!(wanted(0) && wanted(1)) || ((handles(0, 0) && handles(1, 1)) || (handles(0, 1) && handles(1, 0))))
#define alone0 (!(wanted(0) && !wanted(1) && (dead[1] || !in_group[1])) || (handles(0, 0) && handles(1, 0)))
ltl quiet_ends_balanced { <> [] (settled && alone0) }
#endif

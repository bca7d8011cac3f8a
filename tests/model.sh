#!/bin/sh
# tests/model.sh: checks four models exhaustively with spin: ownership, handoff and fencing (tests/model/ownership.pml), a
# producer's batches in flight (tests/model/producer.pml), failovers that lose writes (tests/model/failover.pml), and lanes with what
# is done beyond the position (tests/model/lanes.pml). No bad state
# may be reachable; a group must end balanced, and batches and messages must finish, once failures stop; and spin must find the
# error in wrong protocols.
# Takes two minutes on two cores, and 3 GB of memory. Last line: `N passed, N failed`.
set -eu

source=$(cd "$(dirname "$0")" && pwd)
"$source/install-packages.sh" build model
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runs=0

# verify MODEL NAME EXPECTED-ERRORS PAN-ARGUMENTS COMPILER-OPTIONS SPIN-OPTIONS...: writes down a run, as a script in a directory
# of its own.
verify() {
	runs=$((runs + 1))
	mkdir "$work/$runs"
	model=$1 name=$2 expected=$3 arguments=$4 options=$5
	shift 5
	# gcc takes longer to optimise these programs than most of them run.
	case $model.$expected in
	ownership.0) optimise=-O2 ;;
	*) optimise=-O0 ;;
	esac
	cat >"$work/$runs/run" <<-END
		cd '$work/$runs'
		spin -a $* '$source/model/$model.pml' >spin.log 2>&1 || cat spin.log
		# Warnings about code that spin generates do not help.
		gcc $optimise -w $options -o pan pan.c
		./pan $arguments >pan.log 2>&1 || true
		errors=\$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
		states=\$(sed -n 's/ *\([0-9]*\) states, stored.*/\1/p' pan.log)
		if [ "\$errors" = '$expected' ] && ! grep -q 'max search depth too small\|out of memory' pan.log; then
			echo "good: $name (\$states states)"
		else
			echo "WRONG: $name: \$errors errors, not $expected"
			tail -n 40 pan.log
		fi
		rm -f pan pan.? *.trail
	END
}

safety='-DSAFETY -DNOCLAIM'

ownership() {
	verify ownership 'no bad state is reachable' 0 '-m200000' "$safety"
	verify ownership 'a quiet group ends balanced' 0 '-a -f -m500000' '-DNFAIR=3' -DLIVENESS -DTROUBLES=2
	verify ownership 'found: commits without a fence' 1 '-m200000' "$safety" -DMUTANT_NO_FENCE
	verify ownership 'found: a lease trusted for ever' 1 '-m200000' "$safety" -DMUTANT_LEASE_FOR_EVER
	verify ownership 'found: released while it is being handled' 1 '-m200000' "$safety" -DMUTANT_RELEASE_EARLY
}

pair='-DBATCHES=2 -DWINDOW=2'
# batches NAME EXPECTED-ERRORS SPIN-OPTIONS...
batches() {
	name=$1 expected=$2
	shift 2
	verify producer "$name" "$expected" '-m500000' "$safety" "$@"
}

# shellcheck disable=SC2086 # several words each
producer() {
	batches 'four batches in flight are added once and in order' 0 -DBATCHES=4 -DWINDOW=4
	batches 'a batch of which Redis took a part keeps its order' 0 $pair -DSIZE=2 -DBREAKS=2 -DREFUSALS=2
	verify producer 'all batches finish' 0 '-a -f -m500000' '-DNFAIR=3' -DLIVENESS $pair
	batches 'what a replica confirmed outlives a failover' 0 $pair -DACK
	batches 'the same on a cluster whose slot moves' 0 $pair -DACK -DCLUSTER -DMOVES=1
	batches 'found: a batch that is sent again is added again' 1 $pair -DMUTANT_NO_DUPLICATE_CHECK
	batches 'found: a batch overtakes another' 1 $pair -DMUTANT_NO_GAP
	batches 'found: one outcome is remembered' 1 $pair -DMUTANT_ONE_OUTCOME
	verify producer 'found: a gap that no batch will fill is kept' 1 '-a -f -m500000' '-DNFAIR=3' -DLIVENESS $pair \
		-DMUTANT_OLDEST_NOT_HONOURED
	batches 'found: acknowledged before WAIT has answered' 1 $pair -DACK -DMUTANT_ACKNOWLEDGED_BEFORE_WAIT
	batches 'found: WAIT after a duplicate that wrote nothing' 1 $pair -DACK -DMUTANT_DUPLICATE_IS_NO_WRITE
	batches 'found: WAIT of the node that the slot has left' 1 $pair -DACK -DCLUSTER -DMOVES=1 -DMUTANT_MOVED_BATCH_CONFIRMED
}

# losses NAME EXPECTED-ERRORS SPIN-OPTIONS...
losses() {
	name=$1 expected=$2
	shift 2
	verify failover "$name" "$expected" '-m500000' "$safety" "$@"
}

# So small that each fault has its room: more of each multiplies the states, and shows nothing more.
calm='-DTAKEOVERS=0 -DBREAKS=0'
cluster="-DCLUSTER -DBREAKS=0 -DLATE=0"

# shellcheck disable=SC2086 # several words each
failover() {
	losses 'a failover passes no message, and nobody else commits' 0 -DBREAKS=0
	losses 'nor where answers are lost and connections break' 0 -DTAKEOVERS=0
	losses 'nor where an epoch comes again' 0 -DSLOW_CLOCK -DBREAKS=0
	losses 'after a failover all messages are committed' 0 -DPROGRESS $calm
	losses 'a commit that counts outlives a failover' 0 -DACK $calm
	losses 'a slot that moves and a node that fails over are told apart' 0 $cluster -DTAKEOVERS=0 -DCONTENTS=1
	losses 'a late answer of the old master harms nothing' 0 -DCLUSTER $calm -DMOVES=0
	losses 'found: another history is not noticed' 1 $calm -DMUTANT_HISTORY_NOT_NOTICED -DSLOW_CLOCK
	losses 'found: a position is kept from memory' 1 -DMUTANT_POSITION_FROM_MEMORY
	losses 'found: reads come from one server, commits go to another' 1 -DTAKEOVERS=0 -DSLOW_CLOCK -DMUTANT_LINKS_NOT_COMPARED
	losses 'found: an epoch is claimed that Redis may have forgotten others after' 1 -DMUTANT_DOUBTED_EPOCH_CLAIMED
	losses 'found: a commit follows MOVED, and an epoch without a nonce comes again' 1 -DCLUSTER -DSLOW_CLOCK -DCONTENTS=1 \
		-DBREAKS=0 -DLATE=0 -DMOVES=0 -DTAKEOVERS=2 -DMUTANT_COMMITS_FOLLOW_MOVED -DMUTANT_NO_NONCE
	losses 'found: a failover is taken for a migration' 1 $cluster -DCONTENTS=1 -DMOVES=0 -DMUTANT_FAILOVER_IS_MIGRATION
	losses 'found: a claim before the doubt is cleared' 1 $cluster -DCONTENTS=1 -DMOVES=0 -DMUTANT_UNCLEAR_IS_CLEAR
	losses 'found: a moved partition goes on as it was' 1 $cluster -DTAKEOVERS=0 -DMOVES=0 -DMUTANT_MOVED_PARTITION_KEPT
	losses 'found: the share of the old master ends the doubt' 1 -DCLUSTER -DCONTENTS=1 -DBREAKS=0 \
		-DMOVES=0 -DMUTANT_ANY_SHARE_ENDS_DOUBT
	losses 'found: the answer to an older claim counts' 1 -DCLUSTER -DCONTENTS=1 -DBREAKS=0 \
		-DMOVES=0 -DMUTANT_CLAIMS_OVERLAP
	losses 'found: a doubted epoch is kept and never claimed' 1 -DPROGRESS $calm -DMUTANT_DOUBTED_EPOCH_KEPT
	losses 'found: the answer to WAIT is not looked at' 1 -DACK $calm -DMUTANT_WAIT_NOT_LOOKED_AT
	losses 'found: a commit follows MOVED' 1 -DCLUSTER $calm -DLATE=0 -DMOVES=0 -DMUTANT_COMMITS_FOLLOW_MOVED
}

# out_of_order NAME EXPECTED-ERRORS SPIN-OPTIONS...
out_of_order() {
	name=$1 expected=$2
	shift 2
	verify lanes "$name" "$expected" '-m200000' "$safety" "$@"
}

lanes() {
	out_of_order 'what is done out of order is neither lost nor repeated' 0 -DMESSAGES=3
	out_of_order 'nor after two crashes' 0 -DMESSAGES=3 -DCRASHES=2 -DRESETS=0 -DLETTERS=0
	out_of_order 'found: a position passes a message that is not done' 1 -DMESSAGES=3 -DMUTANT_POSITION_PASSES
	out_of_order 'found: a late commit takes back what was done' 1 -DMESSAGES=3 -DMUTANT_LATE_COMMIT
	out_of_order 'found: a slot is with two lanes' 1 -DMESSAGES=3 -DMUTANT_TWO_LANES
	out_of_order 'found: a set is kept after a reset' 1 -DMESSAGES=3 -DMUTANT_RESET_KEEPS
	out_of_order 'found: a hole is left out' 1 -DMESSAGES=3 -DMUTANT_HOLE_LEFT_OUT
}

# The longest first, so that no core is idle at the end.
ownership
failover
producer
lanes
seq "$runs" | xargs -P "$(nproc)" -I RUN sh -c "sh '$work/RUN/run' >'$work/RUN/result' 2>&1"
for run in $(seq "$runs"); do
	cat "$work/$run/result"
done
passed=$(cat "$work"/*/result | grep -c "^good: ") || true
failed=$((runs - passed))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

#!/bin/sh
# tests/model.sh: checks the model of ownership, handoff and fencing (tests/model/ownership.pml) exhaustively with spin. No bad
# state may be reachable; a group must end balanced once failures stop; and spin must find the error in three wrong protocols.
# Takes two minutes and 3 GB of memory. Last line: `N passed, N failed`.
set -eu

source=$(cd "$(dirname "$0")" && pwd)
"$source/install-packages.sh" build model
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0
failed=0

# verify NAME EXPECTED-ERRORS PAN-ARGUMENTS COMPILER-OPTIONS SPIN-OPTIONS...
verify() {
	name=$1 expected=$2 arguments=$3 options=$4
	shift 4
	spin -a "$@" "$source/model/ownership.pml" >spin.log 2>&1 || { cat spin.log; exit 1; }
	# Warnings about code that spin generates do not help.
	# shellcheck disable=SC2086 # several words each
	gcc -O2 -w $options -o pan pan.c
	# shellcheck disable=SC2086
	./pan $arguments >pan.log 2>&1 || true
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
	states=$(sed -n 's/ *\([0-9]*\) states, stored.*/\1/p' pan.log)
	if [ "$errors" = "$expected" ] && ! grep -q 'max search depth too small\|out of memory' pan.log; then
		passed=$((passed + 1))
		echo "good: $name ($states states)"
	else
		failed=$((failed + 1))
		echo "WRONG: $name: $errors errors, not $expected"
		tail -n 40 pan.log
	fi
}

safety='-DSAFETY -DNOCLAIM'
verify 'no bad state is reachable' 0 '-m200000' "$safety"
verify 'a quiet group ends balanced' 0 '-a -f -m500000' '-DNFAIR=3' -DLIVENESS -DTROUBLES=2
verify 'found: commits without a fence' 1 '-m200000' "$safety" -DMUTANT_NO_FENCE
verify 'found: a lease trusted for ever' 1 '-m200000' "$safety" -DMUTANT_LEASE_FOR_EVER
verify 'found: released while it is being handled' 1 '-m200000' "$safety" -DMUTANT_RELEASE_EARLY

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

#!/bin/sh
# tests/mutants.sh [--check] [NAME...]: tests the tests. Each tests/mutants/NAME.patch, a mutant, breaks the protocol in one place.
# The script applies it to a copy of the source, builds the copy, and runs tests until one fails. Takes half a minute each.
#
# A patch begins with a line that says what it breaks. Lines `Run: chaos ARGUMENTS` or `Run: TEST-PROGRAM` follow; the script
# runs them in order, after it has checked that they pass without a mutant. --check only checks that the patches apply.
# Exits with 1 if a mutant was not caught. Last line: `mutants: N of N caught`.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
check=
[ "${1-}" = --check ] && check=yes && shift
[ $# -gt 0 ] || set -- "$source"/tests/mutants/*.patch
LIMIT_S=180

work=$(mktemp -d "${TMPDIR:-/tmp}/mutants.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/source" "$work/tmp"
for part in CMakeLists.txt LICENSE README.md config examples framework plugins tests; do
	[ ! -e "$source/$part" ] || cp -R "$source/$part" "$work/source/"
done

# apply NAME --forward|--reverse [--dry-run]
apply() {
	patch -s -p1 --fuzz=0 --no-backup-if-mismatch -d "$work/source" "$2" ${3+"$3"} <"$source/tests/mutants/$1.patch"
}

runs_of() {
	sed -n 's/^Run: //p' "$source/tests/mutants/$1.patch"
}

# Builds only what the runs need; test_plugin_NAME needs the plugin NAME, too.
build() {
	programs=$(sed -n -e 's/^Run: \(test_[a-z_]*\).*/\1/p' -e 's/^test_\(plugin_[a-z]*\)$/\1/p' \
		"$source"/tests/mutants/*.patch | sort -u)
	# shellcheck disable=SC2086 # words
	cmake --build "$work/build" --parallel "$(nproc)" --target chaos segrunner segctl test_plugins \
		$programs >"$work/build.log" 2>&1
}

# run COMMAND: returns its status, 124 if it did not end in time. Its output goes to run.log.
run() {
	program=${1%% *}
	arguments=${1#"$program"}
	[ "$program" = chaos ] && program=chaos/chaos
	# shellcheck disable=SC2086 # words
	TMPDIR="$work/tmp" SEG_BUILD_DIR="$work/build" SEG_SOURCE_DIR="$work/source" \
		timeout $LIMIT_S "$work/build/tests/$program" $arguments >"$work/run.log" 2>&1 </dev/null
}

# Prints the first error in run.log.
finding() {
	grep -m1 -o 'violation: .*\|FAILED  \] [a-z_]*$\|duplicates=[1-9][0-9]*' "$work/run.log" |
		sed 's/^FAILED  \] //; s/^violation: //; s/[0-9]\{13,\}\(-[0-9]*\)\{0,1\}/N/g' | cut -c1-110
}

names=
unfit=0
for mutant in "$@"; do
	name=$(basename "$mutant" .patch)
	names="$names $name"
	if ! apply "$name" --forward --dry-run >"$work/patch.log" 2>&1; then
		echo "$0: tests/mutants/$name.patch does not apply to the source any more:" >&2
		cat "$work/patch.log" >&2
		unfit=2
	fi
done
[ $unfit = 0 ] || exit $unfit
if [ -n "$check" ]; then
	echo "mutants: all patches apply"
	exit 0
fi

"$source/tests/install-packages.sh" build options run test
generator=
command -v ninja >/dev/null && generator="-G Ninja"
# shellcheck disable=SC2086 # words
if ! cmake $generator -S "$work/source" -B "$work/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$work/build.log" 2>&1 ||
	! build; then
	cat "$work/build.log" >&2
	exit 2
fi
for name in $names; do
	runs_of "$name"
done | sort -u >"$work/runs"
while read -r command; do
	if ! run "$command"; then
		echo "$0: this fails without a mutant: $command" >&2
		cat "$work/run.log" >&2
		exit 2
	fi
done <"$work/runs"

caught=0
all=0
for name in $names; do
	all=$((all + 1))
	apply "$name" --forward
	if ! build; then
		cat "$work/build.log" >&2
		echo "$0: $name does not build" >&2
		exit 2
	fi
	runs_of "$name" >"$work/runs"
	by=
	while [ -z "$by" ] && read -r command; do
		status=0
		run "$command" || status=$?
		[ $status = 0 ] || by="$command"
		[ $status = 124 ] && echo 'violation: it did not end' >"$work/run.log"
		rm -rf "$work"/tmp/*
	done <"$work/runs"
	if [ -n "$by" ]; then
		caught=$((caught + 1))
		echo "$name caught by $by: $(finding)"
	else
		echo "$name NOT CAUGHT"
	fi
	apply "$name" --reverse
done
echo "mutants: $caught of $all caught"
[ $caught = $all ]

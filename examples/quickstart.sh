#!/bin/sh
# examples/quickstart.sh [--keep]: segrunner at work, from a clean clone on Debian 12 or 13, in a minute.
#
# Installs the packages that are missing, builds into ./build, and counts the words of the GPL with two segrunners on
# a Redis of their own, each word a message keyed by itself. While the words are being sent a third runner joins and the
# first one leaves. In the end the counts must be those of `sort | uniq -c`, and each word's messages must have come
# in the order they were sent.
#
# Everything it makes is in one temporary directory, removed in the end unless --keep is given. All it starts it
# stops, also when interrupted, and no other Redis is touched.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
build=${SEG_BUILD_DIR:-$source/build}
text=/usr/share/common-licenses/GPL-3
sending_seconds=6
patience_seconds=30

keep=
case ${1-} in
'') ;;
--keep) keep=yes ;;
*)
	sed -n 's/^# \{0,1\}//; 2,13p' "$0"
	exit 64
	;;
esac

say() {
	printf '\n%s\n' "$*"
}

fail() {
	printf '\nquickstart: %s\n' "$*" >&2
	for log in "$QUICKSTART"/*.log; do
		[ ! -e "$log" ] || { echo "The end of $log:" && tail -n 5 "$log"; } >&2
	done
	exit 1
}

# --- what is needed ---------------------------------------------------------------------

"$source/tests/install-packages.sh" build run
[ -r "$text" ] || { echo "quickstart: there is no $text here to count words in" >&2 && exit 66; }

if [ -z "${SEG_BUILD_DIR-}" ]; then
	say "Building into $build"
	mkdir -p "$build"
	if ! { cmake -S "$source" -B "$build" -DSEG_BUILD_TESTS=OFF &&
		cmake --build "$build" --parallel "$(nproc)"; } >"$build/build.log" 2>&1; then
		tail -n 30 "$build/build.log" >&2
		echo "quickstart: the build failed; all it said is in $build/build.log" >&2
		exit 1
	fi
fi

# --- the runners --------------------------------------------------------------------------

QUICKSTART=$(mktemp -d "${TMPDIR:-/tmp}/quickstart.XXXXXX")
PLUGINS=$build/plugins
export QUICKSTART PLUGINS
mkdir "$QUICKSTART/counts"
running=

# start NAME: in the background; its pid comes to be in $QUICKSTART/NAME.pid. Should this script be killed, so is it.
start() {
	RUNNER=$1 setpriv --pdeathsig TERM "$build/framework/segrunner" -c "$source/examples/quickstart/quickstart.ini" &
	echo $! >"$QUICKSTART/$1.pid"
	running="$running $1"
}

# owns NAME: waits until it has partitions.
owns() {
	tries=0
	until grep -q 'now has [1-9]' "$QUICKSTART/$1.log" 2>/dev/null; do
		kill -0 "$(cat "$QUICKSTART/$1.pid")" 2>/dev/null || fail "$1 has ended"
		tries=$((tries + 1))
		[ $tries -lt $((patience_seconds * 20)) ] || fail "$1 has had no partitions for $patience_seconds s"
		sleep 0.05
	done
}

# stop NAME: cleanly; fails if it was not.
stop() {
	pid=$(cat "$QUICKSTART/$1.pid")
	running=$(echo "$running" | sed "s/ $1//")
	kill -TERM "$pid"
	wait "$pid" || fail "$1 ended with exit code $?"
}

clean_up() {
	for name in $running; do
		kill -TERM "$(cat "$QUICKSTART/$name.pid")" 2>/dev/null || true
	done
	[ -z "${sender-}" ] || kill -TERM "$sender" 2>/dev/null || true
	wait
	if [ -n "$keep" ]; then
		say "Kept: $QUICKSTART"
	else
		rm -rf "$QUICKSTART"
	fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# --- the story ------------------------------------------------------------------------------

tr -cs '[:alpha:]' '\n' <"$text" | grep . >"$QUICKSTART/words"
say "Starting runner-1 and runner-2 on a Redis of their own in $QUICKSTART"
start runner-1
owns runner-1
start runner-2
owns runner-2

say "Sending the $(wc -l <"$QUICKSTART/words") words of $text, one message each"
"$build/examples/quickstart_words" "unix://$QUICKSTART/redis/redis.sock" words wordcount $sending_seconds \
	<"$QUICKSTART/words" &
sender=$!
sleep $((sending_seconds / 3))
say "Starting runner-3: it takes over its share of the partitions"
start runner-3
owns runner-3
sleep $((sending_seconds / 3))
say "Stopping runner-1: the others take its partitions over"
stop runner-1
wait $sender || fail "the words were not all handled"
sender=

say "Stopping runner-2 and runner-3, and with the last of them the Redis"
stop runner-2
stop runner-3
[ ! -e "$QUICKSTART/redis/redis.sock" ] || fail "the embedded Redis was not stopped"

# --- the proof ----------------------------------------------------------------------------------

sort "$QUICKSTART/words" | uniq -c | awk '{ print $2, $1 }' | LC_ALL=C sort >"$QUICKSTART/expected"
cat "$QUICKSTART"/counts/*.counts | awk -F '\t' '!/^#/ { print $3, $1 }' | LC_ALL=C sort >"$QUICKSTART/counted"
disordered=$(cat "$QUICKSTART"/counts/*.counts | sed -n 's/^# .*out_of_order=\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n + 0 }')

cmp -s "$QUICKSTART/expected" "$QUICKSTART/counted" || {
	diff "$QUICKSTART/expected" "$QUICKSTART/counted" | head -n 20 >&2
	fail "the counts differ from those of sort | uniq -c"
}
[ "$disordered" = 0 ] || fail "$disordered messages came out of their word's order"
say "The counts of all $(wc -l <"$QUICKSTART/counted") different words are equal to those of sort | uniq -c,"
echo "and no word was seen out of order."

#!/bin/sh
# examples/quickstart.sh [--keep]: segrunner at work, from a clean clone on Debian 12 or 13, in a minute.
#
# The script installs the packages that are missing and builds into ./build. Two segrunners with a Redis of their own
# then count the words of the GPL: each word is a message with itself as the key. While the script sends the words, a
# third runner joins and the first one leaves. At the end the counts must equal those of `sort | uniq -c`, and the
# messages of each word must have come in the order in which the script sent them.
#
# All files are in one temporary directory, which the script removes at the end, unless you give --keep. The script
# stops every process that it has started, also when you interrupt it, and touches no other Redis. (examples/cluster.sh
# starts a Redis Cluster, and gives its address to this script in QUICKSTART_REDIS.)
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
	sed -n '2,/^set/ s/^# \{0,1\}//p' "$0"
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
[ -r "$text" ] || { echo "quickstart: cannot read $text, the text whose words are counted" >&2 && exit 66; }

if [ -z "${SEG_BUILD_DIR-}" ]; then
	say "Building into $build"
	mkdir -p "$build"
	if ! { cmake -S "$source" -B "$build" -DSEG_BUILD_TESTS=OFF &&
		cmake --build "$build" --parallel "$(nproc)"; } >"$build/build.log" 2>&1; then
		tail -n 30 "$build/build.log" >&2
		echo "quickstart: the build failed; its output is in $build/build.log" >&2
		exit 1
	fi
fi

# --- the runners --------------------------------------------------------------------------

QUICKSTART=$(mktemp -d "${TMPDIR:-/tmp}/quickstart.XXXXXX")
PLUGINS=$build/plugins
socket=$QUICKSTART/redis/redis.sock
if [ -n "${QUICKSTART_REDIS-}" ]; then
	address=$QUICKSTART_REDIS
	place="the Redis at $address"
else
	QUICKSTART_REDIS=embedded
	address=unix://$socket
	place="a Redis of their own in $QUICKSTART"
fi
export QUICKSTART QUICKSTART_REDIS PLUGINS
running=

# start NAME: starts a runner in the background; its pid is in $QUICKSTART/NAME.pid. If this script is killed, the runner stops, too.
start() {
	RUNNER=$1 setpriv --pdeathsig TERM "$build/framework/segrunner" -c "$source/examples/quickstart/quickstart.ini" &
	echo $! >"$QUICKSTART/$1.pid"
	running="$running $1"
}

# owns NAME: waits until the runner owns partitions.
owns() {
	tries=0
	until grep -q 'now has [1-9]' "$QUICKSTART/$1.log" 2>/dev/null; do
		kill -0 "$(cat "$QUICKSTART/$1.pid")" 2>/dev/null || fail "$1 has ended"
		tries=$((tries + 1))
		[ $tries -lt $((patience_seconds * 20)) ] || fail "$1 got no partitions within $patience_seconds s"
		sleep 0.05
	done
}

# stop NAME: stops the runner; fails unless it stops cleanly.
stop() {
	pid=$(cat "$QUICKSTART/$1.pid")
	running=$(echo "$running" | sed "s/ $1//")
	kill -TERM "$pid"
	wait "$pid" || fail "$1 ended with exit code $?"
}

# Prints "WORD COUNT NUMBER OUT_OF_ORDER" for each word: the values that the handlers keep.
fetch_counts() {
	"$build/framework/tools/segctl/segctl" -a "$address" state export words wordcount -o csv |
		tr -d '\r' | awk -F , 'NR > 1 { print $3, $5 }'
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
say "Starting runner-1 and runner-2 on $place"
start runner-1
owns runner-1
start runner-2
owns runner-2

say "Sending the $(wc -l <"$QUICKSTART/words") words of $text, one message each"
"$build/examples/quickstart_words" "$address" words wordcount $sending_seconds \
	<"$QUICKSTART/words" &
sender=$!
sleep $((sending_seconds / 3))
say "Starting runner-3: it takes its share of the partitions"
start runner-3
owns runner-3
sleep $((sending_seconds / 3))
say "Stopping runner-1: the others take over its partitions"
stop runner-1
wait $sender || fail "not all words were handled"
sender=

fetch_counts >"$QUICKSTART/values"
say "Stopping runner-2 and runner-3; a Redis of their own stops with the last of them"
stop runner-2
stop runner-3
[ ! -e "$socket" ] || fail "the embedded Redis was not stopped"

# --- the proof ----------------------------------------------------------------------------------

sort "$QUICKSTART/words" | uniq -c | awk '{ print $2, $1 }' | LC_ALL=C sort >"$QUICKSTART/expected"
awk '{ print $1, $2 }' "$QUICKSTART/values" | LC_ALL=C sort >"$QUICKSTART/counted"
disordered=$(awk '{ n += $4 } END { print n + 0 }' "$QUICKSTART/values")

cmp -s "$QUICKSTART/expected" "$QUICKSTART/counted" || {
	diff "$QUICKSTART/expected" "$QUICKSTART/counted" | head -n 20 >&2
	fail "the counts differ from those of sort | uniq -c"
}
[ "$disordered" = 0 ] || fail "$disordered messages were out of their word's order"
say "All $(wc -l <"$QUICKSTART/counted") different words have the same count as in sort | uniq -c,"
echo "and the messages of each word came in order."

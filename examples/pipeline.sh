#!/bin/sh
# examples/pipeline.sh [--keep]: exactly once from stream to stream, with runners that are killed at random.
#
# A day of orders goes in. A Lua script adds to each order the country of its customer, which it keeps in its state, and emits
# the order. The plugin window adds up the orders by country and minute, and emits the totals. Meanwhile the script kills
# (SIGKILL) one runner after the other, and starts a new one for each. At the end the totals must equal those of awk, which
# reads the same lines.
#
# The script builds into ./build, unless SEG_BUILD_DIR names a build, and starts a Redis of its own. All files are in one
# temporary directory, which the script removes at the end, unless you give --keep. It stops every process that it has started.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
build=${SEG_BUILD_DIR:-$source/build}
orders=20000
orders_a_second=3000
kills=6
patience=30s

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
	printf '\npipeline: %s\n' "$*" >&2
	for log in "$PIPELINE"/*.log; do
		[ ! -e "$log" ] || { echo "The end of $log:" && tail -n 5 "$log"; } >&2
	done
	exit 1
}

# --- what is needed ---------------------------------------------------------------------

"$source/tests/install-packages.sh" build options run
if [ -z "${SEG_BUILD_DIR-}" ]; then
	say "Building into $build"
	mkdir -p "$build"
	if ! { cmake -S "$source" -B "$build" -DSEG_BUILD_TESTS=OFF &&
		cmake --build "$build" --parallel "$(nproc)"; } >"$build/build.log" 2>&1; then
		tail -n 30 "$build/build.log" >&2
		echo "pipeline: the build failed; its output is in $build/build.log" >&2
		exit 1
	fi
fi
[ -e "$build/plugins/lua.so" ] || { echo "pipeline: this build has no plugin lua; install liblua5.4-dev and build again" >&2 && exit 69; }

# --- a Redis and runners ------------------------------------------------------------------

PIPELINE=$(mktemp -d "${TMPDIR:-/tmp}/pipeline.XXXXXX")
PIPELINE_SOURCE=$source/examples/pipeline
PIPELINE_REDIS=unix://$PIPELINE/redis.sock
PLUGINS=$build/plugins
export PIPELINE PIPELINE_SOURCE PIPELINE_REDIS PLUGINS
SEGMENTER_ADDRESS=$PIPELINE_REDIS
export SEGMENTER_ADDRESS
first=
second=
redis=
sender=
started=0

clean_up() {
	for pid in $first $second $sender $redis; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait
	if [ -n "$keep" ]; then
		say "Kept: $PIPELINE"
	else
		rm -rf "$PIPELINE"
	fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

segctl() {
	"$build/framework/tools/segctl/segctl" "$@"
}

# start: starts the next runner in the background; its pid is in $pid. If this script is killed, the runner stops, too.
start() {
	started=$((started + 1))
	RUNNER=runner-$started setpriv --pdeathsig TERM "$build/framework/segrunner" -c "$PIPELINE_SOURCE/pipeline.ini" \
		2>"$PIPELINE/runner-$started.err" &
	pid=$!
}

# random N: a number from 0 to N - 1.
random() {
	od -An -N2 -tu2 /dev/urandom | awk -v n="$1" '{ print $1 % n }'
}

# handled STREAM GROUP: waits until the group has handled all messages.
handled() {
	segctl lag "$1" "$2" --wait $patience >"$PIPELINE/lag" 2>&1 || { cat "$PIPELINE/lag" >&2; fail "$2 did not handle all of $1"; }
}

setpriv --pdeathsig TERM redis-server --port 0 --unixsocket "$PIPELINE/redis.sock" --dir "$PIPELINE" --logfile redis.log \
	--save '' --daemonize no &
redis=$!
start && first=$pid
start && second=$pid
tries=0
until segctl group list enriched 2>/dev/null | grep -q totals; do
	tries=$((tries + 1))
	[ $tries -lt 300 ] || fail "the runners did not start"
	sleep 0.1
done

# --- the story ------------------------------------------------------------------------------

# Customers of five countries, who now and then move; and their orders, one each 4 s of a day.
awk -v orders=$orders 'BEGIN {
	srand(12)
	split("de fr it pl us", country, " ")
	for (c = 0; c < 200; c++)
		print "c" c " customer " country[1 + int(rand() * 5)]
	for (n = 1; n <= orders; n++) {
		c = int(rand() * 200)
		if (rand() < 0.05)
			print "c" c " customer " country[1 + int(rand() * 5)]
		printf "c%d order %d %.0f %d\n", c, n, 1735689600000 + n * int(86400000 / orders), 1 + int(rand() * 10000)
	}
}' >"$PIPELINE/lines"

say "Sending a day of $orders orders, and killing a runner again and again"
segctl send orders "$PIPELINE/lines" --key-column 1 --separator ' ' --rate $orders_a_second --quiet &
sender=$!
n=0
while [ $n -lt $kills ]; do
	sleep "0.$((3 + $(random 7)))"
	if [ "$(random 2)" = 0 ]; then
		kill -KILL "$first" && start && first=$pid
	else
		kill -KILL "$second" && start && second=$pid
	fi
	n=$((n + 1))
	echo "  killed a runner, started runner-$started; messages in totals: $(segctl tail totals --from earliest --raw 2>/dev/null | wc -l)"
done
wait $sender || fail "not all orders were sent"
sender=
handled orders enrich

# Windows close by the orders' own time. So one order of a later day in each country closes those of this day.
for country in de fr it pl us; do
	echo "last-$country customer $country"
	echo "last-$country order 0 1737000000000 1"
done | segctl send orders --key-column 1 --separator ' ' --quiet
handled orders enrich
handled enriched totals

# --- the proof ----------------------------------------------------------------------------------

segctl tail totals --from earliest --raw >"$PIPELINE/totals"
segctl tail late --from earliest --raw | sed 's/.*"order":\([0-9]*\).*/\1/' >"$PIPELINE/late"
say "Some of the totals, as \`segctl tail totals\` shows them:"
head -n 3 "$PIPELINE/totals"

sed 's/.*"key":"\([^"]*\)","start":\([0-9]*\).*"count":\([0-9]*\),"sum":\([0-9]*\).*/\1 \2 \3 \4/' "$PIPELINE/totals" |
	LC_ALL=C sort >"$PIPELINE/found"
awk 'FILENAME == ARGV[1] { late[$1] = 1; next }
$2 == "customer" { country[$1] = $3; next }
!($3 in late) { window = country[$1] " " sprintf("%.0f", $4 - $4 % 60000); count[window]++; sum[window] += $5 }
END { for (window in count) print window, count[window], sum[window] }' "$PIPELINE/late" "$PIPELINE/lines" |
	LC_ALL=C sort >"$PIPELINE/expected"

cmp -s "$PIPELINE/expected" "$PIPELINE/found" || {
	diff "$PIPELINE/expected" "$PIPELINE/found" | head -n 20 >&2
	fail "the totals differ from those of awk"
}
say "All $(wc -l <"$PIPELINE/found") totals of $orders orders are those of awk, with $kills runners killed; $(wc -l <"$PIPELINE/late") orders were late."

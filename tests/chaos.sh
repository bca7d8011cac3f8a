#!/bin/sh
# tests/chaos.sh --seed N --faults K [--only FAULT] [--directory DIR]: kills, freezes, stops and reloads runners, breaks
# Redis and the network K times while a producer sends; then checks that nothing was lost, reordered or committed by a stale owner.
# tests/chaos.sh --rolling N [--directory DIR]: restarts runners N times, one after the other and cleanly, and checks besides
# that nothing was handled twice; tells how long partitions paused.
#
# The same seed draws the same faults. About a second each. Two kinds take messages away, and come only when they are asked for:
# --only trim removes messages that nobody has read, and the group must count exactly them; --only lossy makes a replica the
# primary that lacks the newest writes, and only what it never had may be missing. Where all faults are of a kind that may
# not repeat a message (reload, trim), no duplicates are allowed. Builds what is needed (see tests/build.sh), or takes
# the build in $SEG_BUILD_DIR. Exits with 1 if a guarantee was broken; the history is kept then, and named. Last line (gaps:
# removed unread; vanished: not handled before the primary was lost that alone had them):
#
#   chaos: seed=N faults=K sent=S handled=H lost=0 reordered=0 stale-commits=0 duplicates=D takeover-p99-ms=T gaps=G vanished=V
#   chaos: rolling=N sent=S handled=H lost=0 reordered=0 stale-commits=0 duplicates=0
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${SEG_BUILD_DIR-}" ]; then
	"$source/tests/install-packages.sh" build options run test
	"$source/tests/build.sh" release
	SEG_BUILD_DIR=${SEG_BUILD_ROOT:-$source}/build-release
fi
exec "$SEG_BUILD_DIR/tests/chaos/chaos" "$@"

#!/bin/sh
# tests/chaos.sh --seed N --faults K [--only FAULT] [--directory DIR]: while a producer sends, injects K faults: kills, freezes,
# stops and reloads runners, and breaks Redis and the network. Then checks that no message was lost or reordered, and that no
# stale owner committed.
# tests/chaos.sh --rolling N [--directory DIR]: restarts runners cleanly, one after the other, N times. Also checks that no
# message was handled twice, and prints how long partitions paused.
#
# The same seed draws the same faults. A fault takes about a second. Two kinds of fault remove messages, and run only with --only:
# trim removes messages that the group has not read, and the group must count exactly these; lossy promotes a replica that lacks
# the newest writes, and only messages that the replica never had may be missing. If all faults are of a kind that must not
# repeat a message (reload, trim), no duplicates are allowed. Builds what it needs (see tests/build.sh), or uses the build in
# $SEG_BUILD_DIR. Exits with 1 if a guarantee was broken; then keeps the history and prints its path. Last line (gaps: messages
# removed unread; vanished: messages that only the lost primary had, and that were not handled before):
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

#!/bin/sh
# tests/chaos.sh --seed N --faults K [--only FAULT] [--start latest|earliest] [--directory DIR]: while a producer sends, injects K
# faults: kills, freezes, stops and reloads runners, and breaks Redis and the network. Then checks that no message was lost or
# reordered, and that no stale owner committed.
# tests/chaos.sh --topology cluster|sentinel|tls [--ack-replicas N] --seed N --faults K ...: the same with another Redis, and
# with faults of its own besides those of the runners. Without --ack-replicas, the seed draws the number.
# tests/chaos.sh --rolling N [--directory DIR]: restarts runners cleanly, one after the other, N times. Also checks that no
# message was handled twice, and prints how long partitions paused.
# tests/chaos.sh --pipeline [--parallel N] --seed N --faults K ...: the runners read one stream, write another one, keep values, and read
# what they have written, with N lanes a partition (1). At the end, each message that was done has its records in the output once, in
# order by key; and the values are what a replay of the log gives.
# tests/chaos.sh --pipeline --parallel N --consumers ...: every other member is not a segrunner, but a program with two pull consumers, of
# N threads each, which emit. No member keeps values there, because a consumer serves no partition that has some. N is above 1.
# tests/chaos.sh --pipeline [--parallel N [--consumers]] --topology cluster|sentinel ...: all replicas confirm there: outputs and position may be on
# different masters, and of a position that is kept, nobody would write again the outputs that a failover forgot. A message that a
# failover forgot, because it was handled before its replicas had it, may have its records or not.
#
# cluster has three masters with a replica each: slots move, at once, slowly or half; nodes join and leave; masters are killed,
# hang and hand over. sentinel has a master, two replicas and three Sentinels, which are killed, hang and hand over. Logs are
# never trimmed there, so that they say at the end what Redis itself lost: records that it acknowledged, and that a failover
# forgot (lost-by-redis). These are no lost messages, unless all replicas had confirmed them. Where the nodes of a cluster disagree
# for good on the owner of a slot, or where a replica replaces the master of a slot in the middle of its move, the run mends that
# and reports it: what such a slot lost is Redis's loss, confirmed or not. tls has one server with a
# password: certificates, authorities and passwords change.
#
# The same seed draws the same faults. A fault takes about a second; with another topology than single, two. A fault that found
# nothing to break is reported. Some runners write their log to a full pipe that nobody reads for a while (full-log), or can
# start no thread for a while (no-threads). Links are slow (slow): answers take up to 0.2 s, or 64 KiB go in a second, or both.
#
# With single, Redis's clock goes forward and back, by up to an hour (clock-step), and Redis forgets (the runners and the producer
# live on, and no runner starts until the others have noticed):
# - wipe: everything, by FLUSHALL; or an empty Redis takes its place; or the stream is deleted and registered anew.
# - remade-log: of one partition the log, the group, what Redis knows of the group, or two of these.
# In both, the clock may go back at that moment, so that the ids of the next log are lower; another runner may die or be
# suspended. The group begins at `latest`, or at `earliest` if the seed is divisible by 3; --start chooses. What may be lost are the
# messages that the lost log had after the group's position (vanished): everything sent later must be handled, in order.
# An owner from before may have some of the next log from its middle, if its ids were lower, and must not commit them.
# A lease of before a jump of the clock, or before a loss of everything, may be trusted until it ends. After a jump of 10 minutes,
# a batch may be added twice whose answer was lost before.
#
# Two kinds of fault run only with --only: trim removes messages that the group has not read, and the group must count exactly
# these; lossy promotes a replica that lacks the newest writes, and only messages that the replica never had may be missing. If
# all faults are of a kind that must not repeat a message (reload, trim), no duplicates are allowed. Builds what it needs (see
# tests/build.sh), or uses the build in $SEG_BUILD_DIR. Exits with 1 if a
# guarantee was broken; then keeps the history and prints its path. Last line (gaps: messages removed unread; vanished: messages
# that only a lost primary or a lost log had, and that were not handled before):
#
#   chaos: seed=N faults=K sent=S handled=H lost=0 reordered=0 stale-commits=0 duplicates=D takeover-p99-ms=T gaps=G vanished=V
#   chaos: topology=T ack-replicas=N seed=... vanished=V lost-by-redis=L
#   chaos: rolling=N sent=S handled=H lost=0 reordered=0 stale-commits=0 duplicates=0
#   chaos: pipeline, parallel=N[, with pull consumers]: ... missing=0 twice=0 misplaced=0 untrue=0     some lines before the last one
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${SEG_BUILD_DIR-}" ]; then
	"$source/tests/install-packages.sh" build options run test
	"$source/tests/build.sh" release
	SEG_BUILD_DIR=${SEG_BUILD_ROOT:-$source}/build-release
fi
exec "$SEG_BUILD_DIR/tests/chaos/chaos" "$@"

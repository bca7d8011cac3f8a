#!/bin/sh
# examples/cluster.sh [--keep | --wait]: the word count of quickstart.sh on a Redis Cluster of this machine.
#
# The script starts three redis-servers, makes them one cluster, and runs quickstart.sh on it: the partitions are spread
# over the three masters, and the counts must be right. Nothing but the address differs from one Redis. At the end the
# script shows what each master had, and removes everything.
#
#   --keep    keeps the files of the word count
#   --wait    counts no words: prints the cluster's address, and keeps the cluster until you press Ctrl-C
#
# The servers listen on 127.0.0.1 only, on the first three free ports from 7000 on. Their files are in one temporary
# directory. The script stops every process that it has started, also when you interrupt it, and touches no other Redis.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
first_port=7000
last_port=7990
masters=3
patience_seconds=30

case $#,${1-} in
0, | 1,--keep | 1,--wait) ;;
*)
	sed -n '2,/^set/ s/^# \{0,1\}//p' "$0"
	exit 64
	;;
esac

fail() {
	printf '\ncluster: %s\n' "$*" >&2
	for log in "$directory"/*/redis.log; do
		[ ! -e "$log" ] || { echo "The end of $log:" && tail -n 5 "$log"; } >&2
	done
	exit 1
}

"$source/tests/install-packages.sh" run

directory=$(mktemp -d "${TMPDIR:-/tmp}/cluster.XXXXXX")
pids=

clean_up() {
	for pid in $pids; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait
	rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# --- three servers ------------------------------------------------------------------------

# Whether nobody listens on a port: of a server for clients, or of its bus to the other servers.
is_free() {
	redis-cli -h 127.0.0.1 -p "$1" PING 2>&1 | grep -q 'Connection refused'
}

# start PORT: starts a server in the background. If this script is killed, the server stops, too.
start() {
	mkdir "$directory/$1"
	setpriv --pdeathsig TERM redis-server --bind 127.0.0.1 --port "$1" --cluster-enabled yes --cluster-node-timeout 5000 \
		--dir "$directory/$1" --logfile redis.log --save '' --daemonize no &
	pids="$pids $!"
}

# await PORT TEXT COMMAND...: waits until the server's answer to a command has this text.
await() {
	port=$1 text=$2
	shift 2
	tries=0
	until redis-cli -h 127.0.0.1 -p "$port" "$@" 2>/dev/null | grep -q "$text"; do
		tries=$((tries + 1))
		[ $tries -lt $((patience_seconds * 20)) ] || fail "the server on port $port did not get ready within $patience_seconds s"
		sleep 0.05
	done
}

ports=
port=$first_port
while [ "$(echo "$ports" | wc -w)" -lt $masters ]; do
	[ "$port" -le $last_port ] || fail "no free ports between $first_port and $last_port"
	if is_free "$port" && is_free $((port + 10000)); then
		ports="$ports $port"
	fi
	port=$((port + 1))
done

echo "Starting a cluster of $masters masters on the ports$ports"
nodes=
for port in $ports; do
	start "$port"
	nodes="$nodes 127.0.0.1:$port"
done
for port in $ports; do
	await "$port" PONG PING
done

# --- one cluster --------------------------------------------------------------------------

# shellcheck disable=SC2086 # words
redis-cli --cluster create $nodes --cluster-yes >"$directory/create.log" 2>&1 || {
	cat "$directory/create.log" >&2
	fail "redis-cli could not make a cluster of the servers"
}
for port in $ports; do
	await "$port" 'cluster_state:ok' CLUSTER INFO
done
address=redis://$(echo "$nodes" | sed 's/^ //; s/ /,/g')

if [ "${1-}" = --wait ]; then
	echo "The cluster is ready: $address"
	echo "Press Ctrl-C to stop it"
	wait
	exit
fi

# --- the word count -------------------------------------------------------------------------

QUICKSTART_REDIS=$address "$source/examples/quickstart.sh" "$@"
echo
echo "What each master had of it:"
redis-cli --cluster info "127.0.0.1:${ports##* }" | grep -- '->'

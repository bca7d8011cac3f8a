#!/bin/sh
# tests/build.sh [-v] KIND [CMAKE-ARGUMENT...]: configures and builds ./build-KIND, or $SEG_BUILD_ROOT/build-KIND if that
# variable is set. KIND is a preset of CMakePresets.json: release, dev, asan, tsan, coverage or fuzz.
#
# Prints nothing unless something fails; with -v, prints everything.
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
verbose=
[ "${1-}" = -v ] && verbose=yes && shift
kind=${1-}
case $kind in
release | dev | asan | tsan | coverage | fuzz) shift ;;
*)
	echo "usage: $0 [-v] release|dev|asan|tsan|coverage|fuzz [CMAKE-ARGUMENT...]" >&2
	exit 64
	;;
esac
build=${SEG_BUILD_ROOT:-$source}/build-$kind

run() {
	if [ -n "$verbose" ]; then
		"$@"
	elif ! "$@" >"$build/build.log" 2>&1; then
		cat "$build/build.log" >&2
		return 1
	fi
}

mkdir -p "$build"
cd "$source"
run cmake --preset "$kind" -B "$build" "$@"
run cmake --build "$build" --parallel "$(nproc)"
